"""Fit a preparation on the training rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ..recipe.inputs import Prepare
from ..records import Column
from .columns import as_dates, as_texts, column_of
from .dates import DATES
from .encode import numbers_of
from .encoders import ENCODERS
from .filling import IMPUTERS, indicator
from .preparation import (
    CategoricalColumn,
    Codes,
    DatePart,
    NumericColumn,
    Preparation,
    TablePreparation,
)
from .rotating import TURNINGS, centre_and_scale, check_size, project
from .scaling import Sample


def fit_table(frame: pd.DataFrame, columns: Sequence[Column], prepare: Prepare) -> Preparation:
    """Fit fill values, centre, scale and categories on a table that holds training rows only.

    PCA and whitening turn the numeric columns, dates and ordinal codes among them; one-hot and
    hashed categories, and indicators, stay as they are.

    Raises:
        DataError: PCA is asked for with fewer than two or very many numeric columns.
    """
    kinds = {column.name: column.kind for column in columns}
    made = [
        column
        for name in map(str, frame.columns)
        for column in _columns(name, column_of(frame, name), kinds[name], prepare)
    ]
    numeric = [column for column in made if isinstance(column, NumericColumn)]
    if prepare.scale in TURNINGS:
        check_size((len(numeric),))
    values = [numbers_of(frame, column) for column in numeric]
    filled = [_fill(*each, prepare) for each in zip(numeric, values, strict=True)]
    numbers = [_without_gaps(*each) for each in zip(filled, values, strict=True)]
    scales = _centres_and_scales(numbers, prepare)
    table = TablePreparation(
        numeric=tuple(
            replace(column, centre=centre, scale=scale)
            for column, (centre, scale) in zip(filled, scales, strict=True)
        ),
        categorical=tuple(column for column in made if isinstance(column, CategoricalColumn)),
        indicators=_indicators(numeric, values) if prepare.indicator else (),
    )
    if prepare.scale not in TURNINGS:
        return Preparation(inputs=table)
    pairs = zip(numbers, scales, strict=True)
    scaled = np.stack([(each - centre) / scale for each, (centre, scale) in pairs], axis=1)
    turned = project([scaled], num_features=len(numeric), prepare=prepare)
    return Preparation(inputs=table, projection=turned)


def _columns(
    name: str, values: pd.Series, kind: str, prepare: Prepare
) -> Sequence[NumericColumn | CategoricalColumn]:
    """Return what a column of the table becomes, not yet filled and scaled."""
    if kind == "numeric":
        return [NumericColumn(name=name, fill=0.0, centre=0.0, scale=1.0)]
    if kind == "date":
        return DATES[prepare.dates](name, as_dates(values))
    return (
        [ENCODERS[prepare.encode](name, as_texts(values), prepare)] if kind == "categorical" else []
    )


def _fill(column: NumericColumn, values: np.ndarray, prepare: Prepare) -> NumericColumn:
    """Set what fills the column's gaps; ordinal codes know it already."""
    present = values[~np.isnan(values)]
    if isinstance(column.made, Codes) or not len(present):
        return column
    return replace(column, fill=IMPUTERS[prepare.impute or "median"](present))


def _without_gaps(column: NumericColumn, values: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), column.fill, values)


def _indicators(numeric: list[NumericColumn], values: list[np.ndarray]) -> tuple[str, ...]:
    """Return the columns of numbers and dates that have gaps, each once."""
    names = {
        column.made.column if isinstance(column.made, DatePart) else column.name: None
        for column, numbers in zip(numeric, values, strict=True)
        if (column.made is None or isinstance(column.made, DatePart))
        and indicator(np.isnan(numbers))
    }
    return tuple(names)


def _centres_and_scales(filled: list[np.ndarray], prepare: Prepare) -> list[tuple[float, float]]:
    if prepare.scale in TURNINGS:
        stacked = np.stack(filled, axis=1)
        centre, scale = centre_and_scale(Sample(stacked, np.arange(len(stacked))), prepare)
        return list(zip(centre.tolist(), scale.tolist(), strict=True))
    found = [
        centre_and_scale(Sample(values[:, None], np.arange(len(values))), prepare)
        for values in filled
    ]
    return [(float(centre[0]), float(scale[0])) for centre, scale in found]
