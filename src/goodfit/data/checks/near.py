"""Images that stand in two parts, nearly the same."""

from __future__ import annotations

from itertools import product

import numpy as np

from ...records import Finding, Verdict, found, not_judged, passed
from .subject import Rows, spread_over

# An image is reduced to so many cells each way; 500 held-out images stand for all.
CELLS, MOST_HELD, MOST_TRAIN, BLOCK = 8, 500, 60_000, 8_192
# The least cosine of images without their mean, of cells and of pixels. 0.13 % of Fashion-MNIST's
# images reach it; of copies with other brightness or contrast all do, with 2 % noise 97 %.
ALIKE = 0.995
NEAR_SHARE = 0.01
# The least cosine of cells where pixels are compared, so many pairs at a time; that of pixels moved
# by one, and the least side of images where that is tried.
MAYBE, PAIRS, ALIKE_MOVED, SMALLEST_MOVED = 0.9, 64, 0.998, 16


def near_duplicates(rows: Rows) -> Verdict:
    """Fires when over 1 % of the held-out images are nearly, not exactly, images that train.

    Copies of other brightness, contrast or compression, or with a little noise, are remembered,
    and scores are too good. Each image is reduced to means of 8 x 8 cells, without their mean and
    at unit length; where the nearest of the training part has a cosine over 0.9, all pixels,
    reduced alike, must have one over 0.995; of images of 16 x 16 pixels or more, one over 0.998 is
    enough when one of them is moved by a pixel. Copies that are moved further, turned, mirrored or
    blurred are not seen. Looks at up to 500 images that validate or test, evenly spread, against up
    to 60,000 that train; under 8 x 8 pixels nothing is judged. Notes n3, Proper Methodology.
    """
    name, data = "near-duplicates", rows.dataset
    images = data.inputs
    if data.input_kind != "image" or not isinstance(images, np.ndarray):
        return not_judged(name, "the inputs are no images")
    if min(images.shape[2:]) < CELLS:
        return not_judged(name, f"the images are under {CELLS} x {CELLS} pixels")
    held = spread_over(np.concatenate([rows.parts.validation, rows.parts.test]), MOST_HELD)
    train = spread_over(rows.parts.train, MOST_TRAIN)
    held = held[~np.isin(rows.keys[held], rows.keys[rows.parts.train])]
    near = _with_a_twin(images, held, train)
    share = len(near) / max(1, len(held))
    if share <= NEAR_SHARE:
        return passed(name, f"{share:.1%} of {len(held):,} held-out images nearly equal another")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="Held-out images are nearly the same as images that train: scores will be too"
            " good.",
            remedy="Split before augmenting; keep copies together (data=Arrays(x, y, groups=...)).",
            source="notes n3, Proper Methodology",
            evidence={"share": share, "num_looked_at": len(held)},
        ),
    )


def _with_a_twin(images: np.ndarray, held: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return those held-out rows that nearly equal a training row."""
    mine, nearest = _directions(_cells(images[held])), np.zeros(len(held), np.int64)
    best = np.full(len(held), -np.inf, np.float32)
    for start in range(0, len(train), BLOCK):
        block = train[start : start + BLOCK]
        cosines = mine @ _directions(_cells(images[block])).T
        place = cosines.argmax(1)
        value = cosines[np.arange(len(held)), place]
        better = value > best
        best[better], nearest[better] = value[better], block[place[better]]
    alike = np.flatnonzero(best > MAYBE)
    blocks = (alike[start : start + PAIRS] for start in range(0, len(alike), PAIRS))
    twins = [
        held[block[_are_twins(images[held[block]], images[nearest[block]])]] for block in blocks
    ]
    return np.concatenate([*twins, held[:0]])


def _are_twins(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Say of each pair of images ``[N, C, H, W]`` whether they are alike, also one pixel apart."""
    twins = _alike(mine, theirs, ALIKE)
    height, width = mine.shape[-2] - 2, mine.shape[-1] - 2
    if min(height, width) + 2 < SMALLEST_MOVED:
        return twins
    inner = theirs[..., 1:-1, 1:-1]
    for down, right in product((0, 1, 2), repeat=2):
        moved = mine[..., down : down + height, right : right + width]
        twins |= _alike(moved, inner, ALIKE_MOVED)
    return twins


def _alike(mine: np.ndarray, theirs: np.ndarray, bound: float) -> np.ndarray:
    return (_directions(mine) * _directions(theirs)).sum(1) > bound


def _cells(images: np.ndarray) -> np.ndarray:
    """Return means over channels and cells, float32 ``[N, 8, 8]``."""
    one_channel = images.shape[1] == 1
    grey = images[:, 0].astype(np.float32) if one_channel else images.mean(1, dtype=np.float32)
    for axis in (1, 2):
        cuts = np.arange(CELLS) * grey.shape[axis] // CELLS
        sizes = np.diff(np.append(cuts, grey.shape[axis])).astype(np.float32)
        grey = np.add.reduceat(grey, cuts, axis=axis)
        grey /= sizes.reshape((-1, 1) if axis == 1 else (1, -1))
    return grey


def _directions(values: np.ndarray) -> np.ndarray:
    """Return each row without its mean and at unit length, float32 ``[N, D]``; 0 if it is flat."""
    flat = values.reshape(len(values), int(np.prod(values.shape[1:]))).astype(np.float32)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return flat / np.where(length > 0.0, length, 1.0)
