"""Means, standard deviations and ranges, exact and in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .columns import LARGEST
from .dataset import row_blocks

Scale = Literal["standardise", "min-max", "none"]

# A smaller scale would be zero, or lose its digits, in float32.
SMALLEST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """float64 statistics, one entry a channel or feature; the standard deviation divides by N."""

    mean: np.ndarray
    std: np.ndarray
    low: np.ndarray
    high: np.ndarray


def moments(values: np.ndarray, rows: np.ndarray, *, axes: tuple[int, ...]) -> Moments:
    """Return the statistics of ``values[rows]`` over ``axes``, of which 0 is the rows.

    Two passes over blocks in float64: sums of integers are exact, and no float copy of all
    rows is made. NaN, infinity and what float32 cannot hold do not count; where nothing
    counts, all four are zero.

    Example:
        >>> found = moments(np.array([[1.0], [3.0], [50.0]]), np.array([0, 1]), axes=(0,))
        >>> found.mean.tolist(), found.std.tolist(), found.high.tolist()
        ([2.0], [1.0], [3.0])
    """
    shape = tuple(size for axis, size in enumerate(values.shape) if axis not in axes)
    count, total, squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    low, high = np.full(shape, np.inf), np.full(shape, -np.inf)
    for block, counts in _float_blocks(values, rows):
        count += counts.sum(axis=axes)
        total += block.sum(axis=axes)
        low = np.minimum(low, block.min(axis=axes, where=counts, initial=np.inf))
        high = np.maximum(high, block.max(axis=axes, where=counts, initial=-np.inf))
    seen, count = count > 0, np.maximum(count, 1)
    mean = total / count
    for block, counts in _float_blocks(values, rows):
        squares += np.square(block - np.expand_dims(mean, axes)).sum(axis=axes, where=counts)
    return Moments(
        mean=mean,
        std=np.sqrt(squares / count),
        low=np.where(seen, low, 0.0),
        high=np.where(seen, high, 0.0),
    )


def centre_and_scale(found: Moments, how: Scale) -> tuple[np.ndarray, np.ndarray]:
    """Return what to subtract and what to divide by; a scale of zero becomes 1.

    Example:
        >>> found = moments(np.array([[0.0, 5.0], [4.0, 5.0]]), np.array([0, 1]), axes=(0,))
        >>> [part.tolist() for part in centre_and_scale(found, "min-max")]
        [[0.0, 5.0], [4.0, 1.0]]
    """
    if how == "none":
        return np.zeros_like(found.mean), np.ones_like(found.mean)
    centre = found.mean if how == "standardise" else found.low
    scale = found.std if how == "standardise" else found.high - found.low
    # Rounding leaves equal values a standard deviation of 1e-17 or so: ask the range instead.
    is_zero = (found.high == found.low) | (scale < SMALLEST)
    return centre, np.where(is_zero, 1.0, scale)


def _float_blocks(values: np.ndarray, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield float64 blocks of the rows, and where they count; what does not count is zero."""
    for part in row_blocks(len(rows), row_bytes=8 * values[:1].size):
        block = values[rows[part]].astype(np.float64)
        counts = np.abs(block) <= LARGEST
        yield np.where(counts, block, 0.0), counts
