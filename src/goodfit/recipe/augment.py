"""How a recipe changes training images anew at every step."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .parts import Fraction, Integer, NonNegative, Part, Positive, Real

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

    horizontal_flip: Probability = 0.0
    vertical_flip: Probability = 0.0
    rotate: Degrees = 0.0
    shear: Annotated[Real, Field(ge=0.0, lt=90.0)] = 0.0
    scale: Fraction = 0.0
    translate: Fraction = 0.0
    crop: Annotated[Integer, Field(ge=0)] = 0
    brightness: Fraction = 0.0
    contrast: Fraction = 0.0
    saturation: Fraction = 0.0
    hue: Annotated[NonNegative, Field(le=0.5)] = 0.0
    erase: Probability = 0.0
    affine_probability: Probability = 1.0
    crop_probability: Probability = 1.0
    colour_probability: Probability = 1.0
    mix: Mix = "none"
    mix_alpha: Positive = 1.0
    mix_probability: Probability = 1.0
