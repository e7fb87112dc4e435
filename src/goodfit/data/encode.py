"""Raw inputs to plain numbers, on the host; modules do the rest on the device."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..errors import DataError, nearest
from .columns import as_dates, as_numbers, as_texts, column_of, kind_of
from .dataset import Dataset
from .dates import date_part
from .encoders import codes_of
from .preparation import (
    Codes,
    DatePart,
    NumericColumn,
    Preparation,
    TablePreparation,
    encoded_shape,
)


def encode(inputs: Dataset | pd.DataFrame | np.ndarray, preparation: Preparation) -> np.ndarray:
    """Turn raw inputs into the array that ``input_module`` takes.

    A table becomes float32 ``[N, num_columns]``, numeric columns first, then categorical ones
    as codes, then indicators of what is missing; NaN stands for a missing or infinite number
    and for an unknown category. Columns that the preparation does not know are left aside.
    Images stay uint8 ``[N, C, H, W]``, or become float32, as other arrays ``[N, ...]`` do.

    Raises:
        DataError: a column is missing, holds no numbers where it did, or the shape is wrong.

    Example:
        >>> from goodfit.data.preparation import CategoricalColumn, TablePreparation
        >>> site = CategoricalColumn(name="site", categories=("north", "south"))
        >>> preparation = Preparation(inputs=TablePreparation(numeric=(), categorical=(site,)))
        >>> encode(pd.DataFrame({"site": ["south", "west"]}), preparation).tolist()
        [[1.0], [nan]]
    """
    values = inputs.inputs if isinstance(inputs, Dataset) else inputs
    table = preparation.inputs
    if not isinstance(table, TablePreparation):
        return _encode_array(values, preparation)
    if isinstance(values, pd.DataFrame):
        return _encode_table(values.set_axis(values.columns.map(str), axis=1), table)
    raise DataError(
        "The network was trained on a table.",
        given=f"an array of shape {list(values.shape)}",
        do="Give a DataFrame with the columns of the training data.",
    )


def _encode_table(frame: pd.DataFrame, table: TablePreparation) -> np.ndarray:
    _check_columns(frame, table)
    columns = (*table.numeric, *table.categorical)
    encoded = np.empty((len(frame), len(columns) + len(table.indicators)), np.float32)
    for place, column in enumerate(table.numeric):
        encoded[:, place] = numbers_of(frame, column)
    for place, column in enumerate(table.categorical, start=len(table.numeric)):
        encoded[:, place] = codes_of(as_texts(_column(frame, column.name)), column)
    for place, name in enumerate(table.indicators, start=len(columns)):
        encoded[:, place] = _is_missing(frame, name, table)
    return encoded


def _check_columns(frame: pd.DataFrame, table: TablePreparation) -> None:
    """Refuse a table that lacks columns (of several, all are named), or has one twice."""
    sources = [column.made.column if column.made else column.name for column in table.numeric]
    wanted = (*sources, *(column.name for column in table.categorical), *table.indicators)
    twice = frame.columns[frame.columns.duplicated() & frame.columns.isin(wanted)]
    if len(twice):
        raise DataError(
            "Two columns have the same name.", given=f'"{twice[0]}"', do="Rename one of them."
        )
    missing = [name for name in dict.fromkeys(wanted) if name not in frame.columns]
    if len(missing) > 1:
        raise DataError(
            f"Columns are missing: {', '.join(missing)}.",
            given=f"columns {', '.join(frame.columns)}",
            do=f"Add them, empty where they are unknown; {nearest(missing[0], frame.columns)}",
        )


def numbers_of(frame: pd.DataFrame, column: NumericColumn) -> np.ndarray:
    """Return float64 ``[N]``: the column's own numbers, or what is made of another column.

    Raises:
        DataError: the column is missing, or holds no numbers where it did.

    Example:
        >>> column = NumericColumn(name="a", fill=0.0, centre=0.0, scale=1.0)
        >>> numbers_of(pd.DataFrame({"a": [1, None]}), column).tolist()
        [1.0, nan]
    """
    made = column.made
    if isinstance(made, DatePart):
        return date_part(as_dates(_column(frame, made.column)), made)
    if isinstance(made, Codes):
        return codes_of(as_texts(_column(frame, made.column)), made)
    return _numbers(frame, column.name)


def _is_missing(frame: pd.DataFrame, name: str, table: TablePreparation) -> np.ndarray:
    dated = {column.made.column for column in table.numeric if isinstance(column.made, DatePart)}
    if name in dated:
        return np.asarray(as_dates(_column(frame, name)).isna())
    return np.isnan(_numbers(frame, name))


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    if name in frame.columns:
        return column_of(frame, name)
    raise DataError(
        f'The column "{name}" is missing.',
        given=f"columns {', '.join(frame.columns)}",
        do=f"Add it, empty where it is unknown; {nearest(name, frame.columns)}",
    )


def _numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    values = _column(frame, name)
    if kind_of(values) in ("number", "bool") or values.isna().all():
        return as_numbers(values)
    raise DataError(
        f'The column "{name}" held numbers in training, and does not now.',
        given=f'"{values.dropna().iloc[0]}"',
        do="Turn it into numbers, or leave it empty where it is unknown.",
    )


def _encode_array(values: np.ndarray | pd.DataFrame, preparation: Preparation) -> np.ndarray:
    shape = encoded_shape(preparation)
    if isinstance(values, np.ndarray) and (1, *values.shape[1:]) == shape:
        values = values[:, None]  # images of one channel, given without it
    if not isinstance(values, np.ndarray) or values.shape[1:] != shape:
        raise DataError(
            f"The network was trained on samples of shape {list(shape)}.",
            given=f"{type(values).__name__} of shape {list(values.shape)}",
            do=f"Give an array of shape [N, {', '.join(map(str, shape))}]; N is 1 for one sample.",
        )
    if preparation.inputs.kind == "image" and values.dtype == np.uint8:
        return values
    # What float32 cannot hold becomes infinite, and so missing: see moments.
    with np.errstate(over="ignore"):
        return values.astype(np.float32, copy=False)
