"""Images before and after augmentation, as small pictures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...records import Gallery
from ..augmenting import Augmentation
from .pictures import LONGEST_SIDE, NUM_EACH, png_of


def augmented_gallery(
    augmentation: Augmentation, x: Tensor, y: Tensor, noise: Sequence[Tensor]
) -> Gallery:
    """Draw up to 8 training images ``[N, C, H, W]`` as they are, and changed by one draw.

    ``noise`` is of ``augmentation.noise_shapes`` for the images that are drawn.
    """
    changed, _ = augmentation(x, y, noise)
    low, high = float(x.min()), float(x.max())
    mixed = " Rows are mixed with others, and so are their targets." if augmentation.mixes else ""
    return Gallery(
        title="Augmentation",
        names=("as they are", "as trained on"),
        pictures=tuple(pngs_of(images, low, high, longest=LONGEST_SIDE) for images in (x, changed)),
        caption=f"{len(x)} training images and one draw of their changes; each step draws anew."
        + mixed,
    )


def first_images(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return as many of the first rows as are drawn."""
    return x[:NUM_EACH], y[:NUM_EACH]


def pngs_of(x: Tensor, low: float, high: float, *, longest: int | None = None) -> tuple[str, ...]:
    """Return images ``[N, C, H, W]`` as PNG in base64, their values between ``low`` and ``high``.

    Example:
        >>> len(pngs_of(torch.zeros(2, 1, 4, 4), 0.0, 1.0))
        2
    """
    scaled = (x.to(torch.float32) - low) / ((high - low) or 1.0)
    pixels = (255.0 * scaled).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return tuple(png_of(image, longest=longest) for image in pixels)
