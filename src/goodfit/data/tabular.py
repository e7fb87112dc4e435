"""Fit a preparation on the training rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..recipe.inputs import Prepare
from ..records import Column
from .columns import as_numbers, as_texts, column_of
from .preparation import CategoricalColumn, NumericColumn, Preparation, TablePreparation
from .rotating import TURNINGS, centre_and_scale, check_size, project
from .scaling import Sample


def fit_table(frame: pd.DataFrame, columns: Sequence[Column], prepare: Prepare) -> Preparation:
    """Fit fill values, centre, scale and categories on a table that holds training rows only.

    PCA and whitening turn the numeric columns; categories stay as they are.

    Raises:
        DataError: PCA is asked for with fewer than two or very many numeric columns.
    """
    kinds = {column.name: column.kind for column in columns}
    names = [str(name) for name in frame.columns]
    numeric = [name for name in names if kinds[name] == "numeric"]
    filled = [_fill(as_numbers(column_of(frame, name))) for name in numeric]
    if prepare.scale in TURNINGS:
        check_size((len(numeric),))
    scales = _centres_and_scales([values for values, _ in filled], prepare)
    table = TablePreparation(
        numeric=tuple(
            NumericColumn(name=name, fill=fill, centre=centre, scale=scale)
            for name, (_, fill), (centre, scale) in zip(numeric, filled, scales, strict=True)
        ),
        categorical=tuple(
            CategoricalColumn(name=name, categories=_categories(column_of(frame, name)))
            for name in names
            if kinds[name] == "categorical"
        ),
    )
    if prepare.scale not in TURNINGS:
        return Preparation(inputs=table)
    scaled = [
        (values - centre) / scale
        for (values, _), (centre, scale) in zip(filled, scales, strict=True)
    ]
    turned = project([np.stack(scaled, axis=1)], num_features=len(scaled), prepare=prepare)
    return Preparation(inputs=table, projection=turned)


def _fill(numbers: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the column without gaps, and what fills them."""
    present = numbers[~np.isnan(numbers)]
    fill = float(np.median(present)) if len(present) else 0.0
    return np.where(np.isnan(numbers), fill, numbers), fill


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


def _categories(values: pd.Series) -> tuple[str, ...]:
    return tuple(sorted(as_texts(values).dropna().unique()))
