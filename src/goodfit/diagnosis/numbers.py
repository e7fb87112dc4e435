"""Small arithmetic on curves: arrays, medians without NaN, block means, slopes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NAN = float("nan")


def array(values: Sequence[float]) -> Array:
    """Return values as an array."""
    return np.fromiter(values, dtype=np.float64, count=len(values))


def finite(values: Array | Sequence[float]) -> Array:
    """Return the values that are finite."""
    values = np.asarray(values, dtype=np.float64)
    return values[np.isfinite(values)]


def median(values: Array | Sequence[float]) -> float:
    """Return the median of the finite values; NaN where there is none.

    Example:
        >>> median([3.0, 1.0, float("nan"), 2.0])
        2.0
    """
    values = finite(values)
    return float(medians(values)) if len(values) else NAN


def medians(values: Array) -> Array:
    """Return the medians of finite values over the last axis, which is not empty.

    ``np.median`` would import NumPy's masked arrays at its first call: 20 ms within a training.

    Example:
        >>> medians(np.array([[3.0, 1.0, 2.0], [9.0, 5.0, 5.0]])).tolist()
        [2.0, 5.0]
    """
    low, high = (values.shape[-1] - 1) // 2, values.shape[-1] // 2
    parted = np.partition(values, (low, high), axis=-1)
    return 0.5 * parted[..., low] + 0.5 * parted[..., high]


def mean(values: Array | Sequence[float]) -> float:
    """Return the mean of the finite values; NaN where there is none."""
    values = finite(values)
    return float(values.mean()) if len(values) else NAN


def blocks(values: Array, most: int) -> tuple[Array, Array]:
    """Return centres (as places) and means of at most ``most`` blocks of equal length.

    Example:
        >>> [part.tolist() for part in blocks(array([1.0, 3.0, 5.0, 7.0]), 2)]
        [[0.5, 2.5], [2.0, 6.0]]
    """
    size = -(-len(values) // most) if len(values) else 1
    whole = len(values) // size * size
    means: Array = values[:whole].reshape(-1, size).mean(axis=1)
    centres: Array = np.arange(len(means), dtype=np.float64) * size + (size - 1) / 2
    if whole < len(values):
        means = np.append(means, values[whole:].mean())
        centres = np.append(centres, (whole + len(values) - 1) / 2)
    return centres, means


def slope(x: Array, y: Array) -> float:
    """Return the least-squares slope of y over x; NaN for fewer than three finite pairs."""
    kept = np.isfinite(x) & np.isfinite(y)
    x, y = x[kept], y[kept]
    if len(x) < 3 or float(np.ptp(x)) == 0.0:
        return NAN
    x = x - x.mean()
    return float((x * (y - y.mean())).sum() / (x * x).sum())
