"""Means, standard deviations and ranges, exact and in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .columns import LARGEST
from .dataset import row_blocks


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


def _float_blocks(values: np.ndarray, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield float64 blocks of the rows, and where they count; what does not count is zero."""
    for part in row_blocks(len(rows), row_bytes=8 * values[:1].size):
        block = values[rows[part]].astype(np.float64)
        counts = np.abs(block) <= LARGEST
        yield np.where(counts, block, 0.0), counts


def quantiles(
    values: np.ndarray, rows: np.ndarray, *, axes: tuple[int, ...], shares: tuple[float, ...]
) -> np.ndarray:
    """Return float64 ``[len(shares), ...]``: quantiles of ``values[rows]`` over ``axes``.

    Linear between two values, as ``numpy.quantile``; one channel or feature at a time, so that
    no float copy of all rows is made. What is not finite does not count; where nothing counts,
    all are zero.

    Example:
        >>> x = np.array([[0.0], [4.0], [8.0], [np.nan], [99.0]])
        >>> quantiles(x, np.arange(4), axes=(0,), shares=(0.25, 0.5)).tolist()
        [[2.0], [4.0]]
    """
    kept = [axis for axis in range(values.ndim) if axis not in axes]
    found = np.zeros((len(shares), *(values.shape[axis] for axis in kept)))
    for place in np.ndindex(found.shape[1:]):
        index: list[slice | int] = [slice(None)] * values.ndim
        for axis, number in zip(kept, place, strict=True):
            index[axis] = number
        column = values[tuple(index)][rows]
        if values.dtype.kind == "f":
            column = column[np.abs(column) <= LARGEST].astype(np.float64)
        if column.size:
            found[(slice(None), *place)] = np.quantile(column, shares)
    return found
