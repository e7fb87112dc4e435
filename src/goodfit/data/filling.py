"""What fills a gap in a column of numbers, and what a missing text becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

Imputer = Callable[[np.ndarray], float]
Missing = tuple[str | None, bool]


def median(present: np.ndarray) -> float:
    """Fill gaps with the median of the values that are present in the training rows.

    By column of a table or feature of an array. Outliers do not move it. As scikit-learn's
    SimpleImputer; centre and scale are then those of the filled column.

    Example:
        >>> median(np.array([1.0, 2.0, 900.0]))
        2.0
    """
    return float(np.median(present))


def mean(present: np.ndarray) -> float:
    """Fill gaps with the mean of the values that are present in the training rows.

    By column of a table or feature of an array; a standardised gap is then 0. As scikit-learn's
    SimpleImputer.

    Example:
        >>> mean(np.array([1.0, 2.0, 900.0]))
        301.0
    """
    return float(present.mean())


def most_frequent(present: np.ndarray) -> float:
    """Fill gaps with the value that the training rows hold most often; of several, the least.

    Of numbers by ``impute``, of texts by ``missing_category``. For columns of few different
    values. As scikit-learn's SimpleImputer.

    Example:
        >>> most_frequent(np.array([3.0, 1.0, 3.0, 1.0, 2.0]))
        1.0
    """
    values, counts = np.unique(present, return_counts=True)
    return float(values[counts.argmax()])


IMPUTERS: Mapping[str, Imputer] = {
    "median": median,
    "mean": mean,
    "most-frequent": most_frequent,
}


def zeros(texts: pd.Series) -> Missing:
    """Give a missing text no category: all outputs of its column are 0.

    An unknown text gets the same. Of ordinal codes, both become -1 (before scaling). As
    scikit-learn's OneHotEncoder(handle_unknown="ignore") does with unknown ones.

    Example:
        >>> zeros(pd.Series(["a", None]))
        (None, False)
    """
    del texts
    return None, False


def most_frequent_text(texts: pd.Series) -> Missing:
    """Give a missing text the commonest category of the training rows; of several, the first.

    As scikit-learn's SimpleImputer(strategy="most_frequent").

    Example:
        >>> most_frequent_text(pd.Series(["b", "a", "b", None]))
        ('b', False)
    """
    counts = texts.dropna().value_counts()
    common = sorted(str(text) for text in counts.index[counts == counts.max()])
    return (common[0] if common else None), False


def own(texts: pd.Series) -> Missing:
    """Give missing texts a category of their own, if the training rows have any.

    That something is missing often tells something; then this is better than a guess. Its code
    comes after all others. As scikit-learn's OneHotEncoder does with None.

    Example:
        >>> own(pd.Series(["b", "a", None])), own(pd.Series(["a"]))
        ((None, True), (None, False))
    """
    return None, bool(texts.isna().any())


MISSING: Mapping[str, Callable[[pd.Series], Missing]] = {
    "zeros": zeros,
    "most-frequent": most_frequent_text,
    "own": own,
}


def indicator(is_missing: np.ndarray) -> bool:
    """Add a column that is 1 where a number or date is missing, and 0 elsewhere.

    Only for columns with gaps in the training rows, as scikit-learn's
    SimpleImputer(add_indicator=True); a network can then learn what it means that a value is
    missing. Comes after all other inputs, and is not scaled.

    Example:
        >>> indicator(np.array([False, True]))
        True
    """
    return bool(is_missing.any())
