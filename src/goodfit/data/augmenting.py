"""What a recipe's augmentation does to a batch: its changes in order, then rows mixed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from ..errors import RecipeError
from ..recipe import Augment
from . import augment as changes

Change = Callable[[Tensor, Tensor], Tensor]
COLOURS = 3
JITTER = ("brightness", "contrast", "saturation", "hue")
# Points of the inverse of Beta's distribution, between which shares are interpolated.
QUANTILES = 257
# What a recipe names by itself, and is done by one of those.
PARTS_OF: dict[str, str] = {
    "rotate": "affine",
    "shear": "affine",
    "scale": "affine",
    "translate": "affine",
}
# The order says also which noise is whose: a new member stands at the end.
AUGMENTATIONS: dict[str, Callable[..., Tensor]] = {
    "horizontal-flip": changes.horizontal_flip,
    "vertical-flip": changes.vertical_flip,
    "affine": changes.affine,
    "crop": changes.crop,
    "brightness": changes.brightness,
    "contrast": changes.contrast,
    "saturation": changes.saturation,
    "hue": changes.hue,
    "erase": changes.erase,
    "mixup": changes.mixup,
    "cutmix": changes.cut_mask,
    "cowmix": changes.cow_mask,
}


class Part(NamedTuple):
    """One change: its name, the width of the noise that it takes, what it does."""

    name: str
    width: int
    change: Change


@dataclass(frozen=True)
class Augmentation:
    """Changes of a batch in order, then how rows mix.

    ``num_classes`` is 0 for quantities. Bytes end between 0 and 255 again (``bounded``).
    """

    parts: tuple[Part, ...]
    settings: Augment
    num_classes: int
    bounded: bool

    @property
    def mixes(self) -> bool:
        """Whether rows and targets are mixed."""
        return self.settings.mix != "none" and self.settings.mix_probability > 0.0

    @property
    def places(self) -> list[int]:
        """Return the place of each noise among all augmentations."""
        mixing = ["mixup"] if self.mixes else []
        mask = [self.settings.mix] if self.mixes and self.settings.mix != "mixup" else []
        known = list(AUGMENTATIONS)
        return [known.index(name) for name in (*(p.name for p in self.parts), *mixing, *mask)]

    def noise_shapes(self, shape: Sequence[int]) -> list[tuple[int, ...]]:
        """Return the shape of the noise that each change takes for inputs ``[N, ...]``."""
        num = shape[0]
        shapes: list[tuple[int, ...]] = [(num, part.width) for part in self.parts]
        if self.mixes:
            shapes.append((num, 3))  # partner, share, whether
            extra = {"cutmix": [(num, 2)], "cowmix": [(num, *shape[-2:])]}
            shapes += extra.get(self.settings.mix, [])
        return shapes

    def floor(self, class_shares: Sequence[float]) -> float:
        """Return the cross-entropy that a perfect answer still costs under mixed classes, in nats.

        Two rows of one class mix to that class; of two classes, a share s costs
        ``-s log s - (1 - s) log(1 - s)``, in the mean over Beta. Rectangles that are cut off
        make it a little less.
        """
        if not (self.mixes and self.num_classes):
            return 0.0
        share = beta_quantile(torch.linspace(0.0, 1.0, 1001)[:-1], self.settings.mix_alpha).double()
        cost = float(torch.special.entr(torch.stack([share, 1.0 - share])).sum(0).mean())
        differ = 1.0 - sum(one * one for one in class_shares)
        return self.settings.mix_probability * differ * cost

    def __call__(self, x: Tensor, y: Tensor, noise: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return a changed batch of floats, and its targets.

        Args:
            x: Inputs ``[N, ...]``, or ``[K, N, ...]`` for rows with batches of their own; then
                targets and noise have that dimension too, and rows mix within their batch.
            y: Classes ``[N]``, or quantities ``[N, D]``.
            noise: One tensor in [0, 1) for each of :meth:`noise_shapes`.

        Returns:
            The inputs, and targets as they were, or mixed: probabilities ``[N, num_classes]``.
        """
        groups = x.shape[:-4] if x.dim() > 3 else x.shape[:-2]
        flat = x.flatten(0, 1) if groups else x
        noise = [u.flatten(0, 1) if groups else u for u in noise]
        images = flat.to(torch.float32)
        for part, u in zip(self.parts, noise, strict=False):
            images = part.change(images, u)
        if self.bounded and self.parts:
            images = images.clamp(0.0, 255.0)
        if not self.mixes:
            return images.reshape(x.shape), y
        targets = self._targets(y.flatten(0, 1) if groups else y)
        num = x.shape[1] if groups else len(x)
        images, targets = self._mixed(images, targets, noise[len(self.parts) :], num)
        return images.reshape(x.shape), targets.reshape(*groups, num, *targets.shape[1:])

    def _targets(self, y: Tensor) -> Tensor:
        if not self.num_classes:
            return y
        # Not one_hot, which reads the values and so cannot be traced.
        return (y[:, None] == torch.arange(self.num_classes, device=y.device)).to(torch.float32)

    def _mixed(
        self, x: Tensor, targets: Tensor, noise: Sequence[Tensor], num: int
    ) -> tuple[Tensor, Tensor]:
        """Mix each row with another of its batch of ``num``; targets follow the share kept."""
        own = noise[0]
        share = beta_quantile(own[:, 1], self.settings.mix_alpha)
        share = torch.where(own[:, 2] < self.settings.mix_probability, share, 1.0)
        order = own[:, 0].reshape(-1, num).argsort(1)
        begins = torch.arange(order.shape[0], device=x.device)[:, None] * num
        partner = (order + begins).flatten()
        kept, share = self._kept(x, noise, share)
        mixed = changes.mixup(x, x.index_select(0, partner), kept)
        share = share.reshape(-1, *[1] * (targets.dim() - 1))
        return mixed, changes.mixup(targets, targets.index_select(0, partner), share)

    def _kept(self, x: Tensor, noise: Sequence[Tensor], share: Tensor) -> tuple[Tensor, Tensor]:
        """Return how much of each value is kept, and how much of each row."""
        if self.settings.mix == "mixup":
            return share.reshape(-1, *[1] * (x.dim() - 1)), share
        mask = changes.cut_mask if self.settings.mix == "cutmix" else changes.cow_mask
        kept = mask(noise[1], share, *x.shape[-2:])
        kept = (kept | (share == 1.0)[:, None, None]).to(x.dtype)
        return kept[:, None], kept.mean((1, 2))


def beta_quantile(u: Tensor, alpha: float) -> Tensor:
    """Return Beta(alpha, alpha) shares for noise in [0, 1), by interpolated quantiles.

    Example:
        >>> [round(share, 3) for share in beta_quantile(torch.tensor([0.0, 0.5]), 0.4).tolist()]
        [0.0, 0.5]
    """
    points = stats.beta.ppf(np.linspace(0.0, 1.0, QUANTILES), alpha, alpha)
    table = torch.tensor(points, dtype=u.dtype, device=u.device)
    place = u * (QUANTILES - 1)
    low = place.long()
    return torch.lerp(table[low], table[low + 1], place - low)


def augmentation_of(
    settings: Augment, *, input_kind: str, shape: Sequence[int], num_classes: int, bounded: bool
) -> Augmentation | None:
    """Return what a recipe asks for; None where all is off.

    ``shape`` is one sample's, ``[C, H, W]`` for images. Tables can only be mixed by MixUp.

    Raises:
        RecipeError: the data are no images, or have no colours.
    """
    check_augment(settings, input_kind=input_kind, shape=shape)
    parts = tuple(_parts(settings))
    found = Augmentation(parts, settings, num_classes, bounded)
    return found if parts or found.mixes else None


def _parts(settings: Augment) -> list[Part]:
    found: list[Part] = []
    for name in ("horizontal_flip", "vertical_flip"):
        probability = getattr(settings, name)
        if probability > 0.0:
            change = partial(getattr(changes, name), probability=probability)
            found.append(Part(name.replace("_", "-"), 1, change))
    moves = {name: getattr(settings, name) for name in ("rotate", "shear", "scale", "translate")}
    if any(moves.values()) and settings.affine_probability > 0.0:
        part = Part("affine", 5, partial(changes.affine, **moves))
        found.append(_at_times(part, settings.affine_probability))
    if settings.crop and settings.crop_probability > 0.0:
        part = Part("crop", 2, partial(changes.crop, padding=settings.crop))
        found.append(_at_times(part, settings.crop_probability))
    for name in JITTER:
        if getattr(settings, name) > 0.0 and settings.colour_probability > 0.0:
            change = partial(getattr(changes, name), most=getattr(settings, name))
            found.append(_at_times(Part(name, 1, change), settings.colour_probability))
    if settings.erase > 0.0:
        found.append(Part("erase", 5, partial(changes.erase, probability=settings.erase)))
    return found


def _at_times(part: Part, probability: float) -> Part:
    """Return the part as some images take it; with probability 1, as it is."""
    if probability == 1.0:
        return part
    change = partial(changes.sometimes, change=part.change, probability=probability)
    return Part(part.name, part.width + 1, change)


def check_augment(settings: Augment, *, input_kind: str, shape: Sequence[int]) -> None:
    """Refuse what cannot be done to samples of this ``shape``, ``[C, H, W]`` for images.

    Raises:
        RecipeError: the data are no images, have no colours, or are no larger than the crop.
    """
    needs_images = bool(_parts(settings)) or settings.mix in ("cutmix", "cowmix")
    if input_kind != "image" and needs_images:
        raise RecipeError(
            "Only images can be flipped, moved, coloured, erased or cut.",
            given=f"{input_kind} data, {_given(settings)}",
            do='Take them out of [augment]; rows of any kind can be mixed by mix = "mixup".',
        )
    if shape[0] != COLOURS and (settings.hue or settings.saturation):
        raise RecipeError(
            "Hue and saturation are of colour images.",
            given=f"images of {shape[0]} channel{'s' if shape[0] != 1 else ''}",
            do="Leave augment.hue and augment.saturation at 0; brightness and contrast work.",
        )
    if settings.crop and input_kind == "image" and settings.crop >= min(shape[1:]):
        raise RecipeError(
            "A crop padded by as much as the image, or more, could show nothing of it.",
            given=f"augment.crop = {settings.crop}, images of {shape[1]} x {shape[2]}",
            do=f"Take at most {max(1, min(shape[1:]) // 4)}, say.",
        )


def augment_in_words(settings: Augment) -> tuple[str, ...]:
    """Say what is done to training batches, in a sentence; nothing where all is off.

    Example:
        >>> augment_in_words(Augment(crop=1, mix="mixup"))[0]
        'Training batches are changed anew at each step (crop 1, mix mixup), and no others.'
        >>> augment_in_words(Augment(mix_alpha=0.3))
        ()
    """
    if not _parts(settings) and (settings.mix == "none" or settings.mix_probability == 0.0):
        return ()
    changed = settings.model_dump(exclude_defaults=True)
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in changed.items())
    return (f"Training batches are changed anew at each step ({told}), and no others.",)


def _given(settings: Augment) -> str:
    changed = settings.model_dump(exclude_defaults=True)
    return ", ".join(f"augment.{name} = {value}" for name, value in changed.items())
