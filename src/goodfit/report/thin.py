"""Fewer points, the same picture: what a chart of long runs keeps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MAX_POINTS = 2000


def keep(values: NDArray[np.floating], limit: int = MAX_POINTS) -> NDArray[np.intp]:
    """Return at most ``limit`` indices that keep the ends, extremes and gaps of a line.

    The line is cut into buckets of equal length; each keeps its smallest and largest finite
    value and, when it has one, its first value that is not finite (which draws as a gap).

    Example:
        >>> keep(np.array([0.0, 5.0, 1.0, 2.0, np.nan, -3.0, 0.0, 1.0]), limit=5)
        array([0, 1, 4, 5, 7])
    """
    size = len(values)
    if size <= limit:
        return np.arange(size)
    buckets = np.array_split(np.arange(size), max(1, (limit - 2) // 3))
    return np.unique(np.concatenate([[0, size - 1], *(_extremes(values, b) for b in buckets)]))


def keep_all(columns: Sequence[NDArray[np.floating]], limit: int = MAX_POINTS) -> NDArray[np.intp]:
    """Return at most ``limit`` indices that serve several lines over the same steps."""
    kept = [keep(column, limit // len(columns)) for column in columns]
    return np.unique(np.concatenate(kept))


def _extremes(values: NDArray[np.floating], bucket: NDArray[np.intp]) -> NDArray[np.intp]:
    is_finite = np.isfinite(values[bucket])
    finite, gaps = bucket[is_finite], bucket[~is_finite]
    if not len(finite):
        return gaps[:1]
    ends = finite[[values[finite].argmin(), values[finite].argmax()]]
    return np.concatenate([ends, gaps[:1]])
