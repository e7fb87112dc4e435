"""Values as bars, and how much the bars tell about the target."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ...records import Histogram
from ..columns import as_dates, as_texts

NUM_BINS, MOST_NAMES = 20, 12
# The middle 99 % are drawn where the rest would squeeze them into a quarter of the width.
TAIL, SQUEEZED = 0.005, 4.0
QUANTILES, TARGET_QUANTILES = 10, 5


def bars_of(name: str, values: np.ndarray, *, note: str = "") -> Histogram:
    """Count numbers ``[N]``: by value up to 20 different ones, else in 20 ranges of equal width.

    NaN is missing and counted in the note. Where single values lie so far off that the others would
    share a few bars, the middle 99 % are drawn, and the note says how many lie beyond.

    Example:
        >>> bars_of("flag", np.array([0.0, 1.0, 1.0, np.nan]))
        Histogram(name='flag', counts=(1, 2), edges=(), names=('0', '1'), note='1 missing')
    """
    present = values[~np.isnan(values)]
    notes = [note] if note else []
    if len(present) < len(values):
        notes.append(f"{len(values) - len(present):,} missing")
    distinct, counts = np.unique(present, return_counts=True)
    if len(distinct) <= NUM_BINS:
        names = tuple(f"{value:g}" for value in distinct)
        return _histogram(name, counts, notes, names=names)
    low, high = _bounds(present)
    beyond = int(((present < low) | (present > high)).sum())
    edges = np.linspace(low, high, NUM_BINS + 1)
    if not (np.diff(edges) > 0.0).all():  # float64 has no 20 numbers between the two
        return _histogram(name, np.array([len(present)]), notes, edges=(low, high))
    if beyond:
        notes.append(f"{beyond:,} beyond")
    counts = np.histogram(present, bins=edges)[0]
    return _histogram(name, counts, notes, edges=tuple(edges.tolist()))


def bars_of_texts(name: str, values: pd.Series, *, note: str = "") -> Histogram:
    """Count texts: the 12 commonest by name, and all others together.

    Example:
        >>> bars_of_texts("site", pd.Series(["north", "south", "north", None])).counts
        (2, 1)
    """
    counts = as_texts(values).value_counts()
    missing = len(values) - int(counts.sum())
    notes = [*([note] if note else []), *([f"{missing:,} missing"] if missing else [])]
    names = [str(text)[:40] for text in counts.index[:MOST_NAMES]]
    numbers = counts.to_numpy()[:MOST_NAMES].tolist()
    if len(counts) > MOST_NAMES:
        names.append(f"{len(counts) - MOST_NAMES:,} others")
        numbers.append(int(counts.to_numpy()[MOST_NAMES:].sum()))
    return _histogram(name, np.array(numbers), notes, names=tuple(names))


def bars_of_dates(name: str, seconds: np.ndarray, *, note: str = "") -> Histogram:
    """Count dates, as seconds since 1970, in 20 ranges, each named by the day it begins with.

    Example:
        >>> found = bars_of_dates("when", 86400.0 * np.arange(40))
        >>> found.names[1], found.counts[:3]
        ('1970-01-02', (2, 2, 2))
    """
    counted = bars_of(name, seconds, note=note)
    begins = counted.edges[:-1] or np.unique(seconds[~np.isnan(seconds)])
    days = pd.to_datetime(np.array(begins), unit="s").strftime("%Y-%m-%d")
    return replace(counted, edges=(), names=tuple(map(str, days)))


def seconds_of(values: pd.Series) -> np.ndarray:
    """Return dates as seconds since 1970, float64 ``[N]``, NaN where one is missing.

    Example:
        >>> seconds_of(pd.Series(["1970-01-02", None])).tolist()
        [86400.0, nan]
    """
    elapsed = as_dates(values) - pd.Timestamp(0)
    return np.asarray(elapsed / pd.Timedelta(seconds=1), dtype=np.float64)


def codes_of(values: np.ndarray, *, num: int = QUANTILES) -> np.ndarray:
    """Return int64 ``[N]``: each number where there are few, else one of ``num`` quantiles.

    What is missing (NaN) is a value too.

    Example:
        >>> codes_of(np.arange(100.0))[[0, 9, 10, 99]].tolist()
        [0, 0, 1, 9]
    """
    distinct, codes = np.unique(values, return_inverse=True)
    if len(distinct) <= num:
        return codes.astype(np.int64)
    cuts = np.quantile(values[~np.isnan(values)], np.arange(1, num) / num)
    return np.where(np.isnan(values), num, np.searchsorted(cuts, values, side="right"))


def codes_of_texts(values: pd.Series) -> np.ndarray:
    """Return int64 ``[N]``: the 12 commonest texts, all others, and what is missing.

    Example:
        >>> codes_of_texts(pd.Series(["north", "south", "north", None])).tolist()
        [0, 1, 0, 12]
    """
    texts = as_texts(values)
    common = texts.value_counts().index[:MOST_NAMES]
    codes = np.where(texts.isna(), MOST_NAMES, common.get_indexer_for(texts))
    return np.where(codes < 0, MOST_NAMES + 1, codes).astype(np.int64)


def bits_told(codes: np.ndarray, target: np.ndarray) -> float:
    """Return the mutual information of two codes ``[N]`` in bits, 0 where chance explains it.

    ``I = H(x) + H(t) - H(x, t)`` with ``H = -sum p log2 p``, each H corrected for the sample by
    ``(m - 1) / (2 N ln 2)``, m the values that occur. Source: Miller, Note on the bias of
    information estimates, 1955.

    Example:
        >>> same = np.arange(1000) % 2
        >>> round(bits_told(same, same), 2), bits_told(np.arange(1000) // 2 % 2, same)
        (1.0, 0.0)
    """
    x, t = (np.unique(each, return_inverse=True)[1] for each in (codes, target))
    both = np.unique(x * (int(t.max()) + 1) + t, return_inverse=True)[1]
    told = _corrected(x) + _corrected(t) - _corrected(both)
    return min(max(0.0, told), entropy(t))


def entropy(codes: np.ndarray) -> float:
    """Return the entropy of codes ``[N]`` in bits, ``-sum p log2 p``.

    Example:
        >>> entropy(np.arange(8) % 4)
        2.0
    """
    counts = np.bincount(codes)
    shares = counts[counts > 0] / len(codes)
    return float(-(shares * np.log2(shares)).sum())


def _corrected(codes: np.ndarray) -> float:
    return entropy(codes) + (len(np.unique(codes)) - 1) / (2.0 * len(codes) * np.log(2.0))


def _bounds(present: np.ndarray) -> tuple[float, float]:
    """Return where the bars begin and end."""
    low, high = np.quantile(present, [TAIL, 1.0 - TAIL])
    finest = NUM_BINS * np.spacing(np.abs(present).max())
    if finest < high - low < np.ptp(present) / SQUEEZED:
        return float(low), float(high)
    return float(present.min()), float(present.max())


def _histogram(
    name: str,
    counts: np.ndarray,
    notes: list[str],
    *,
    edges: tuple[float, ...] = (),
    names: tuple[str, ...] = (),
) -> Histogram:
    told = ", ".join(notes)
    return Histogram(name=name, counts=tuple(counts.tolist()), edges=edges, names=names, note=told)
