"""Missing values of rows that are asked for: what a run was not trained for is said."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from ..errors import GapsWarning
from ..records import DataCard
from .assemble import check_pixels
from .columns import LARGEST, as_numbers, column_of
from .usable import is_used

SHOWN = 5


def warn_of_gaps(inputs: pd.DataFrame | np.ndarray, card: DataCard) -> None:
    """Warn of rows that lack every value, and of gaps in columns that had none in training.

    They are answered all the same, as scikit-learn's SimpleImputer does it: a gap takes what the
    training rows have usually. Rows count from 1.

    Raises:
        DataError: a pixel of an image is not a finite number.
    """
    if card.input_kind == "image":
        check_pixels(np.asarray(inputs))
        return
    names, missing = _of_table(inputs, card) if isinstance(inputs, pd.DataFrame) else _of(inputs)
    empty = np.flatnonzero(missing.all(axis=1)) + 1
    if len(empty):
        told = f"Nothing is known of {_rows(empty)}: the answer is that of a usual row."
        warnings.warn(GapsWarning(told), stacklevel=5)
    lacking = {names[at]: missing[:, at] for at in np.flatnonzero(missing.any(axis=0))}
    new = {name: rows for name, rows in lacking.items() if _was_whole(name, card)}
    if new:
        warnings.warn(GapsWarning(_new_in_words(new)), stacklevel=5)


def _of_table(frame: pd.DataFrame, card: DataCard) -> tuple[list[str], np.ndarray]:
    """Return the used columns, and which values are missing, bool ``[N, D]``."""
    named = frame.set_axis(frame.columns.map(str), axis=1)
    used = [column for column in card.columns if is_used(column)]
    missing = [
        np.isnan(as_numbers(column_of(named, column.name)))
        if column.kind == "numeric"
        else column_of(named, column.name).isna().to_numpy()
        for column in used
    ]
    return [column.name for column in used], np.stack(missing, axis=1)


def _of(values: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the places of a sample, and which values are missing, bool ``[N, D]``."""
    missing = ~(np.abs(values.reshape(len(values), -1)) <= LARGEST)
    return [", ".join(map(str, place)) for place in np.ndindex(values.shape[1:])], missing


def _was_whole(name: str, card: DataCard) -> bool:
    """Say whether training saw no gap in a column; of an array that is known of all as one."""
    counts = {column.name: column.num_missing for column in card.columns}
    return counts.get(name, card.num_missing) == 0


def _new_in_words(new: dict[str, np.ndarray]) -> str:
    told = [f'"{name}" in {_rows(np.flatnonzero(rows) + 1)}' for name, rows in new.items()]
    more = f", and {len(told) - SHOWN} more columns" if len(told) > SHOWN else ""
    return (
        f"Values are missing where training had none missing: {'; '.join(told[:SHOWN])}{more}."
        " They are filled in as prepare.impute and prepare.missing_category say."
    )


def _rows(numbers: np.ndarray) -> str:
    """Name the first 5 of some rows.

    Example:
        >>> _rows(np.array([3])), _rows(np.arange(1, 9))
        ('row 3', 'rows 1, 2, 3, 4, 5 and 3 more')
    """
    told = ", ".join(map(str, numbers[:SHOWN]))
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return f"row{'s' if len(numbers) > 1 else ''} {told}{more}"
