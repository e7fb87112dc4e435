"""What augmentation makes of a few training images: originals above, draws below."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from ..data import Augmentation
from ..data.drawing import first_images, pngs_of
from ..nets import draw_noise
from ..records import Pictures, Sheet

NUM_DRAWS = 5


def show_augment(
    augmentation: Augmentation, x: Tensor, y: Tensor, *, classes: tuple[str, ...], seed: int
) -> Sheet:
    """Draw training images ``[N, C, H, W]`` as they are, and changed by five draws of noise.

    Each caption has the classes of the image, and their shares where rows are mixed. ``y`` are
    class codes ``[N]`` or quantities ``[N, 1]``. The first 8 images are taken.
    """
    x, y = first_images(x, y)
    low, high = float(x.min()), float(x.max())
    rows, captions = [pngs_of(x, low, high)], [_captions(y, classes)]
    for step in range(NUM_DRAWS):
        shapes = augmentation.noise_shapes(x.shape)
        noise = [draw_noise(s, seed=seed, step=step, layer=n) for n, s in enumerate(shapes)]
        changed, targets = augmentation(x, y, noise)
        rows.append(pngs_of(changed, low, high))
        captions.append(_captions(targets, classes))
    given = augmentation.settings.model_dump(exclude_defaults=True)
    told = ", ".join(f"{name} {value}" for name, value in given.items())
    titles = ("As they are", *(f"Draw {step + 1}" for step in range(NUM_DRAWS)))
    return Sheet(
        title="Augmentation",
        headline=f"{told}.",
        parts=tuple(
            Pictures(title=title, png_base64=row, captions=words)
            for title, row, words in zip(titles, rows, captions, strict=True)
        ),
    )


def _captions(targets: Tensor, classes: tuple[str, ...]) -> tuple[str, ...]:
    if not classes:
        return tuple(f"{float(value):.3g}" for value in targets.flatten())
    if not targets.is_floating_point():
        return tuple(classes[int(code)] for code in targets)
    return tuple(_shares(row, classes) for row in targets)


def _shares(row: Tensor, classes: tuple[str, ...]) -> str:
    """Name the classes with their shares in whole percent, the largest first; one alone is bare."""
    percents = whole_percents(row.tolist())
    held = sorted(((p, -k) for k, p in enumerate(percents) if p > 0), reverse=True)
    if len(held) == 1:
        return classes[-held[0][1]]
    return ", ".join(f"{classes[-k]}: {p} %" for p, k in held)


def whole_percents(shares: Sequence[float]) -> list[int]:
    """Round shares that sum to 1 to whole percents that sum to 100.

    All are rounded down, and those that lose most get 1 % more (largest remainder).

    Example:
        >>> whole_percents([0.925, 0.075]), whole_percents([1 / 3, 1 / 3, 1 / 3])
        ([93, 7], [34, 33, 33])
    """
    exact = [100.0 * share for share in shares]
    percents = [math.floor(value) for value in exact]
    lost = sorted(range(len(exact)), key=lambda place: percents[place] - exact[place])
    for place in lost[: round(sum(exact)) - sum(percents)]:
        percents[place] += 1
    return percents
