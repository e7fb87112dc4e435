"""How a recipe changes training images anew at every step."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .parts import Fraction, Integer, NonNegative, Part, Positive, Real, told

Probability = Annotated[Real, Field(ge=0.0, le=1.0)]
Degrees = Annotated[Real, Field(ge=0.0, le=180.0)]
Mix = Literal["none", "mixup", "cutmix", "cowmix"]


class Augment(Part):
    """Random changes of training batches; all are off by default.

    In this order: flips with a probability; one affine map of up to ``rotate`` and ``shear``
    degrees, sizes within ``1 - scale`` and ``1 + scale``, moved by up to ``translate`` of the
    image; a crop of the image padded by ``crop`` pixels; ``brightness``, ``contrast``,
    ``saturation`` within 1 plus or minus the value, ``hue`` turned by up to that share of a
    circle (in YIQ, which is not the hue of HSV); a rectangle erased with probability ``erase``.
    Of images, a share of ``affine_probability`` takes the map, of ``crop_probability`` the crop,
    and of ``colour_probability`` each of the four colours, drawn one by one. Then two rows are
    mixed with probability ``mix_probability``, in shares drawn from Beta(``mix_alpha``,
    ``mix_alpha``).
    """

    horizontal_flip: Annotated[
        Probability, told("The probability that an image is mirrored left to right.")
    ] = 0.0
    vertical_flip: Annotated[
        Probability, told("The probability that an image is mirrored top to bottom.")
    ] = 0.0
    rotate: Annotated[
        Degrees, told("By how many degrees an image is turned at most, to either side.")
    ] = 0.0
    shear: Annotated[
        Real,
        Field(ge=0.0, lt=90.0),
        told("By how many degrees an image is slanted at most, to either side."),
    ] = 0.0
    scale: Annotated[
        Fraction,
        told(
            "The share by which an image grows or shrinks at most: within 1 - scale and 1 + scale."
        ),
    ] = 0.0
    translate: Annotated[
        Fraction, told("By which share of its width and height an image is moved at most.")
    ] = 0.0
    crop: Annotated[
        Integer, Field(ge=0), told("By how many pixels an image is padded before a window is cut.")
    ] = 0
    brightness: Annotated[
        Fraction, told("Pixels times a factor within 1 - brightness and 1 + brightness.")
    ] = 0.0
    contrast: Annotated[
        Fraction,
        told("Distances from the mean grey times a factor within 1 - contrast and 1 + contrast."),
    ] = 0.0
    saturation: Annotated[
        Fraction,
        told("Distances from grey times a factor within 1 - saturation and 1 + saturation."),
    ] = 0.0
    hue: Annotated[
        NonNegative, Field(le=0.5), told("By which share of a circle colours are turned at most.")
    ] = 0.0
    erase: Annotated[
        Probability, told("The probability that a rectangle of 2 to 33 % of an image becomes 0.")
    ] = 0.0
    affine_probability: Annotated[
        Probability, told("The probability that an image is turned, slanted, scaled or moved.")
    ] = 1.0
    crop_probability: Annotated[Probability, told("The probability that an image is cropped.")] = (
        1.0
    )
    colour_probability: Annotated[
        Probability, told("The probability of each of the four changes of colour.")
    ] = 1.0
    mix: Annotated[Mix, told("How two rows of a batch, and their targets, are mixed.")] = "none"
    mix_alpha: Annotated[
        Positive, told("The shares of two mixed rows come from Beta(mix_alpha, mix_alpha).")
    ] = 1.0
    mix_probability: Annotated[
        Probability, told("The probability that a row is mixed with another.")
    ] = 1.0
