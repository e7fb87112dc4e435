"""The data card: what the data is, before anything is decided about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..records import DataCard
from .assemble import count_not_finite
from .dataset import Dataset, fingerprint, row_keys

# Below a tenth of the largest class, accuracy says little about the smallest.
UNBALANCED = 0.1


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Rows that equal an earlier row, and inputs that stand with several labels."""

    num_duplicates: int
    num_conflicts: int


def describe(dataset: Dataset) -> DataCard:
    """Describe the data: sizes, columns, target, missing values, duplicates, decisions.

    Hashes every row once, to find duplicates. ``input_shape`` of a table counts one input for
    a numeric column and one for each category that occurs in the whole table; a preparation
    knows only those of its training rows (``prepared_shape``).

    Example:
        >>> from goodfit.data import load
        >>> from goodfit.recipe import DataSource
        >>> card = describe(load(DataSource(path="iris")))
        >>> card.input_shape, card.class_counts, card.num_duplicates
        ((4,), (50, 50, 50), 1)
    """
    copies = count_copies(dataset)
    return DataCard(
        source=dataset.name,
        task=dataset.task,
        input_kind=dataset.input_kind,
        num_rows=dataset.num_rows,
        input_shape=_input_shape(dataset),
        target=dataset.target_name,
        fingerprint=fingerprint(dataset),
        columns=dataset.columns,
        num_missing=_num_missing(dataset),
        num_duplicates=copies.num_duplicates,
        notes=(*dataset.notes, *_copy_notes(copies, dataset), *_balance_notes(dataset)),
        **_describe_target(dataset),
    )


def count_copies(dataset: Dataset) -> Copies:
    """Count rows that equal an earlier one, target included, and contradicting rows.

    Example:
        >>> x = np.array([[0.0], [0.0], [1.0], [1.0]])
        >>> count_copies(Dataset(name="toy", inputs=x, target=np.array([0, 0, 0, 1]),
        ...                      task="classification", input_kind="array"))
        Copies(num_duplicates=1, num_conflicts=1)
    """
    rows = pd.DataFrame({"key": row_keys(dataset.inputs), "target": dataset.target})
    different = rows.drop_duplicates()
    return Copies(
        num_duplicates=len(rows) - len(different),
        num_conflicts=int(different["key"].duplicated().sum()),
    )


def _input_shape(dataset: Dataset) -> tuple[int, ...]:
    if dataset.input_kind != "table":
        return tuple(dataset.inputs.shape[1:])
    widths = {"numeric": 1, "constant": 0, "ignored": 0}
    return (sum(widths.get(column.kind, column.num_distinct) for column in dataset.columns),)


def _num_missing(dataset: Dataset) -> int:
    """Count the missing and infinite values among the inputs that are used."""
    if isinstance(dataset.inputs, np.ndarray):
        return sum(count_not_finite(dataset.inputs))
    used = set(dataset.inputs.columns)
    return sum(column.num_missing for column in dataset.columns if column.name in used)


def _describe_target(dataset: Dataset) -> dict[str, Any]:
    if dataset.task == "classification":
        counts = np.bincount(dataset.target, minlength=len(dataset.classes))
        return {"classes": dataset.classes, "class_counts": tuple(counts.tolist())}
    return {
        "target_low": float(dataset.target.min()),
        "target_high": float(dataset.target.max()),
        "target_mean": float(dataset.target.mean()),
        "target_std": float(dataset.target.std()),
    }


def _copy_notes(copies: Copies, dataset: Dataset) -> list[str]:
    notes = []
    if copies.num_duplicates:
        notes.append(f"Rows that equal an earlier row: {copies.num_duplicates:,}.")
    if copies.num_conflicts and dataset.task == "classification":
        notes.append(
            f"Inputs that stand with another label in another row: {copies.num_conflicts:,}; "
            "no network can get all of them right."
        )
    return notes


def _balance_notes(dataset: Dataset) -> list[str]:
    if dataset.task != "classification":
        return []
    counts = np.bincount(dataset.target, minlength=len(dataset.classes))
    if counts.min() >= UNBALANCED * counts.max():
        return []
    least, most = (dataset.classes[place] for place in (counts.argmin(), counts.argmax()))
    return [
        f'The classes are unbalanced: {counts.min():,} rows of "{least}", '
        f'{counts.max():,} of "{most}"; accuracy alone says little.'
    ]
