"""Codes for "missing" that were read as numbers: -999 among temperatures."""

from __future__ import annotations

import numpy as np

# A code stands in so many rows at least, and two codes in such a share of them at most.
FEWEST_ROWS, MOST_ROWS = 3, 0.5
# Powers of ten are nine times as far apart as those before them; a gauge that has come to its end
# may stand twice as far off as all that it read.
TIMES_A_STEP, TIMES_ALL = 20.0, 3.0
# Of fewer different values the largest may be a level, as of a dose.
FEWEST_OTHERS = 10
# How many of the lowest and of the highest values are taken for codes, one try after another.
ENDS = ((1, 0), (0, 1), (1, 1), (2, 0), (0, 2))


def code_among(values: np.ndarray) -> float | None:
    """Return which of the values ``[N]`` (NaN: missing) looks like a code; None if none does.

    It stands at an end, in 3 rows or more and at most half of them, and further from the others
    than they are from one another: over 20 times the largest step between neighbours among them,
    and over 3 times the way from their lowest to their highest. 0 is none, since it is often meant.
    Among fewer than 10 different others only -99, 999 and their like are. Of two, the commoner.

    Example:
        >>> code_among(np.r_[np.arange(50.0), [-999.0] * 5])
        -999.0
        >>> code_among(np.r_[np.arange(50.0), [99.0] * 5]) is None
        True
    """
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    for low, high in ENDS:
        at_ends = np.r_[:low, len(distinct) - high : len(distinct)]
        others = distinct[low : len(distinct) - high]
        if len(others) > 1 and _is_far(distinct, low, high):
            found, times = distinct[at_ends], counts[at_ends]
            if _are_codes(found, len(others)) and _are_rows_of_codes(times, counts.sum()):
                return float(found[times.argmax()])
    return None


def _is_far(distinct: np.ndarray, low: int, high: int) -> bool:
    """Say whether the lowest and the highest values stand far from those between."""
    steps = np.diff(distinct)
    between = steps[low : len(steps) - high]
    away = [*([steps[low - 1]] if low else []), *([steps[len(steps) - high]] if high else [])]
    return min(away) > max(TIMES_A_STEP * between.max(), TIMES_ALL * between.sum())


def _are_codes(found: np.ndarray, num_others: int) -> bool:
    return bool((found != 0.0).all()) and (
        num_others >= FEWEST_OTHERS or all(_is_of_nines(value) for value in found)
    )


def _is_of_nines(value: float) -> bool:
    """Say whether a number is -99, 999, -999 and so on; 99 may be a pixel.

    Example:
        >>> [_is_of_nines(value) for value in (-99.0, 999.0, 99.0, 990.0)]
        [True, True, False, False]
    """
    digits = f"{abs(value):.0f}" if value == round(value) else ""
    return set(digits) == {"9"} and len(digits) >= (2 if value < 0.0 else 3)


def _are_rows_of_codes(times: np.ndarray, num_rows: int) -> bool:
    return times.min() >= FEWEST_ROWS and times.sum() <= MOST_ROWS * num_rows
