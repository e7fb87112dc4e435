"""A column that only numbers the rows."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ...records import Column, Finding, Verdict, found, not_judged, passed
from ..columns import as_numbers, column_of, kind_of
from ..dataset import array_blocks
from .columns import SOURCE, named
from .remedies import leave_out, sentence
from .subject import Rows

FEWEST_ROWS, MOST_FEATURES = 20, 4_096
# Whole numbers that differ in every row and fill so much of their range count the rows.
DENSE = 0.9
_WORDS = r"(?i:(?:.*[_\W])?(?:id|uid|uuid|guid|index|rowid|rownum)|unnamed: \d+)"
_NAMES = re.compile(rf"{_WORDS}|.*[a-z]I[dD]")


def identifier_column(rows: Rows) -> Verdict:
    """Fires when a column only numbers the rows: it can be memorised, and says nothing of new ones.

    Looks at whole numbers, another one in every row. A warning where they fill nine tenths of their
    range, or where the column is called id, index or the like; a statement where they only rise or
    fall from row to row, as a table sorted by a column does. A text that is another one in every
    row counts too: a statement, since such columns are ignored, a warning where one is not. Rows
    that equal an earlier one do not count, if they are under a quarter. Under 20 rows nothing is
    judged. Notes n3, Data Considerations.
    """
    name, data = "identifier-column", rows.dataset
    if data.input_kind == "image" or data.num_rows < FEWEST_ROWS:
        return not_judged(name, "the inputs are no table or array of 20 rows or more")
    used, in_order = _of_table(rows) if data.columns else _of_array(rows)
    num_rows = len(_without_copies(rows)) if data.columns else data.num_rows
    ignored = [f'"{c.name}"' for c in data.columns if _names_rows(c, num_rows)]
    hit = used or in_order or ignored
    if not hit:
        return passed(name, "no column numbers the rows")
    return found(
        Finding(
            rule=name,
            severity="warning" if used else "info",
            meaning=_meaning(bool(used), bool(in_order)),
            remedy=_remedy(rows, is_ignored=not used and not in_order),
            source=SOURCE,
            evidence={"columns": len(hit)},
            where=named(hit, hit[0]),
        ),
    )


def _remedy(rows: Rows, *, is_ignored: bool) -> str:
    if is_ignored:
        return "Nothing has to be done; prepare.ignore = [its name] leaves it out on purpose."
    split_by = "name it split.group or split.time"
    if not rows.dataset.columns:
        split_by = "split by it: data=Arrays(x, y, groups=...) or times=..."
    return f"{sentence(leave_out(rows.dataset))}, or {split_by}."


def _meaning(used: bool, in_order: bool) -> str:
    if used:
        return "A column numbers the rows; it says nothing about rows to come."
    if in_order:
        return "A column of whole numbers only rises or falls from row to row, as a number does."
    return "A column numbers the rows; it says nothing about rows to come. It is ignored."


def _of_table(rows: Rows) -> tuple[list[str], list[str]]:
    """Return the columns that number the rows, and those that are only in their order."""
    frame = rows.dataset.inputs
    assert isinstance(frame, pd.DataFrame)
    used, in_order, kept = [], [], _without_copies(rows)
    for column in rows.dataset.columns:
        if _names_rows(column, len(kept), kind="categorical"):
            used.append(f'"{column.name}"')
        if column.kind != "numeric" or column.num_distinct < len(kept) - column.num_missing:
            continue
        values = column_of(frame, column.name).iloc[kept]
        numbers = as_numbers(values)
        numbers = numbers[~np.isnan(numbers)]
        if (
            kind_of(values) != "number"
            or len(numbers) < FEWEST_ROWS
            or (numbers != np.floor(numbers)).any()
        ):
            continue
        if _is_dense(numbers) or _NAMES.fullmatch(column.name):
            used.append(f'"{column.name}"')
        elif _is_monotone(numbers):
            in_order.append(f'"{column.name}"')
    return used, in_order


def _without_copies(rows: Rows) -> np.ndarray:
    """Return the rows that equal no earlier one, or all where that leaves a quarter of them out.

    A column that numbers the rows has its numbers twice where whole rows stand twice.
    """
    first, num_rows = rows.first_of_kind, rows.dataset.num_rows
    return first if len(first) > 0.75 * num_rows else np.arange(num_rows)


def _is_dense(numbers: np.ndarray) -> bool:
    return len(numbers) >= DENSE * (float(np.ptp(numbers)) + 1.0)


def _is_monotone(numbers: np.ndarray) -> bool:
    steps = np.diff(numbers)
    return bool((steps > 0).all() or (steps < 0).all())


def _of_array(rows: Rows) -> tuple[list[str], list[str]]:
    """Return the features of an array ``[N, D]`` that number the rows; D up to 4,096."""
    values = rows.dataset.inputs
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.shape[1] > MOST_FEATURES:
        return [], []
    low, high = np.full((2, values.shape[1]), [[np.inf], [-np.inf]])
    whole = np.ones(values.shape[1], dtype=bool)
    for block in array_blocks(values):
        numbers = values[block].astype(np.float64)
        whole &= (numbers == np.floor(numbers)).all(axis=0)
        low, high = np.minimum(low, numbers.min(axis=0)), np.maximum(high, numbers.max(axis=0))
        if not whole.any():
            return [], []
    counts = whole & (high - low + 1 >= len(values)) & (len(values) >= DENSE * (high - low + 1))
    used = [at for at in np.flatnonzero(counts) if len(np.unique(values[:, at])) == len(values)]
    return [f"input {rows.places[at]}" for at in used], []


def _names_rows(column: Column, num_rows: int, *, kind: str = "ignored") -> bool:
    """Say whether a text is another one in every row, and is neither number nor date."""
    is_text = column.kind == kind and column.odd is None and not column.dates
    return is_text and column.num_distinct >= max(2, num_rows - column.num_missing)
