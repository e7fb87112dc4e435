"""When rows that equal each other are copies, and when copies make a score too good."""

from __future__ import annotations

import numpy as np

# Of a few rows, one pair of natural doubles is a large share.
SOME, FEWEST_SHARED = 0.01, 3
# Where two columns tell nearly every row from the others, equal rows are no coincidence.
TELLING_COLUMNS, FEWEST_JUDGED, MOST_FEATURES = 2, 20, 4_096
# Equal images of so many different values are copies; of black and white ones it is not known.
RICH = 16


def is_overlap(num_shared: int, num_rows: int, *, share_repeated: float, copies_only: bool) -> bool:
    """Say whether so many rows of a held-out part stand in the training part too that it counts.

    Three rows at least, over 1 %; and over three times the share that repeats within the training
    part, which are the data's own doubles, unless equal rows can be copies only.

    Example:
        >>> is_overlap(30, 40, share_repeated=0.5, copies_only=False)
        False
        >>> is_overlap(30, 40, share_repeated=0.5, copies_only=True)
        True
    """
    allowed = 0.0 if copies_only else 3.0 * share_repeated
    return num_shared >= FEWEST_SHARED and num_shared / num_rows > max(SOME, allowed)


def are_told_apart(different: np.ndarray) -> bool:
    """Say whether two columns tell nearly every row from the others.

    ``different`` are rows ``[M, D]`` none of which equals another, NaN where a value is missing.

    Example:
        >>> are_told_apart(np.stack([np.arange(50.0), np.arange(50.0) ** 2], axis=1))
        True
        >>> are_told_apart(np.stack([np.arange(50.0), np.arange(50.0) % 3], axis=1))
        False
    """
    if len(different) < FEWEST_JUDGED or different.shape[1] > MOST_FEATURES:
        return False
    present = (column[~np.isnan(column)] for column in different.T)
    telling = (2 * len(np.unique(column)) > len(different) for column in present)
    return sum(telling) >= TELLING_COLUMNS


def are_rich(images: np.ndarray) -> bool:
    """Say whether images ``[M, ...]`` have 16 different pixel values in the median.

    Example:
        >>> are_rich(np.arange(64).reshape(1, 1, 8, 8)), are_rich(np.zeros((0, 1, 8, 8)))
        (True, False)
    """
    return bool(len(images)) and float(np.median([len(np.unique(i)) for i in images])) >= RICH
