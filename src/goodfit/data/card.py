"""The data card: what the data is, before anything is decided about it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..records import Column, DataCard
from .assemble import count_not_finite
from .columns import column_of, retold
from .dataset import Dataset, fingerprint, row_keys


def describe(dataset: Dataset, rows: np.ndarray | None = None) -> DataCard:
    """Describe the data: sizes, columns, target, missing values, duplicates, decisions.

    Of a column that is used, and of a quantity to learn, the measures are those of ``rows`` (int64
    ``[M]``: those that train and validate, so that nothing of a sealed part is told); without
    them of all. Classes, sizes and damage are those of all rows.

    What is to be thought of them is said by :data:`goodfit.data.checks.DATA_CHECKS`.

    Hashes every row once, to find duplicates. ``input_shape`` of a table counts one input for
    a numeric or date column and one for each category that occurs in the whole table; a preparation
    knows only those of its training rows (``prepared_shape``).

    Example:
        >>> from goodfit.data import load
        >>> from goodfit.recipe import DataSource
        >>> card = describe(load(DataSource(path="iris")))
        >>> card.input_shape, card.class_counts, card.num_duplicates
        ((4,), (50, 50, 50), 1)
    """
    return DataCard(
        source=dataset.name,
        task=dataset.task,
        input_kind=dataset.input_kind,
        num_rows=dataset.num_rows,
        input_shape=_input_shape(dataset),
        target=dataset.target_name,
        fingerprint=fingerprint(dataset),
        columns=_columns(dataset, rows),
        num_described=0 if rows is None else len(rows),
        num_missing=_num_missing(dataset),
        num_duplicates=_num_duplicates(dataset),
        notes=dataset.notes,
        **_describe_target(dataset, rows),
    )


def _columns(dataset: Dataset, rows: np.ndarray | None) -> tuple[Column, ...]:
    frame = dataset.inputs
    if rows is None or not isinstance(frame, pd.DataFrame):
        return dataset.columns
    seen = frame.take(rows, axis=0)
    return tuple(
        retold(column, column_of(seen, column.name)) if column.name in seen else column
        for column in dataset.columns
    )


def _num_duplicates(dataset: Dataset) -> int:
    """Count rows that equal an earlier one, target included."""
    rows = pd.DataFrame({"key": row_keys(dataset.inputs), "target": dataset.target})
    return int(rows.duplicated().sum())


def _input_shape(dataset: Dataset) -> tuple[int, ...]:
    if dataset.input_kind != "table":
        return tuple(dataset.inputs.shape[1:])
    widths = {"numeric": 1, "date": 1, "constant": 0, "ignored": 0}
    return (sum(widths.get(column.kind, column.num_distinct) for column in dataset.columns),)


def _num_missing(dataset: Dataset) -> int:
    """Count the missing and infinite values among the inputs that are used."""
    if isinstance(dataset.inputs, np.ndarray):
        return sum(count_not_finite(dataset.inputs))
    used = set(dataset.inputs.columns)
    return sum(column.num_missing for column in dataset.columns if column.name in used)


def _describe_target(dataset: Dataset, rows: np.ndarray | None) -> dict[str, Any]:
    if dataset.task == "classification":
        counts = np.bincount(dataset.target, minlength=len(dataset.classes))
        return {"classes": dataset.classes, "class_counts": tuple(counts.tolist())}
    target = dataset.target if rows is None else dataset.target[rows]
    return {
        "target_low": float(target.min()),
        "target_high": float(target.max()),
        "target_mean": float(target.mean()),
        "target_std": float(target.std()),
    }
