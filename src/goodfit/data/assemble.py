"""From what a reader found to a dataset: every source takes this one way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import DataError, nearest
from ..recipe.inputs import Prepare, Split
from ..records import Column
from .columns import LARGEST, examine
from .dataset import Dataset, array_blocks
from .roles import Roles, given_roles, read_roles
from .target import TaskChoice, read_target
from .usable import check_usable, in_full, is_used, sentence

# (N, C, H, W) with grey, colour, or colour and transparency.
IMAGE_CHANNELS = (1, 3, 4)


@dataclass(frozen=True, kw_only=True, eq=False)
class Raw:
    """Inputs and target as a reader found them, before any decision.

    ``inputs`` is a DataFrame without the target, or an array ``[N, ...]``; the target is a
    Series of N values of any type; ``notes`` are the reader's own. ``groups`` or ``times``, N
    values of any type, are given where no column of the inputs holds them.
    """

    name: str
    inputs: np.ndarray | pd.DataFrame
    target: pd.Series
    target_name: str = "target"
    fixed_test: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    groups: pd.Series | None = None
    times: pd.Series | None = None


def assemble(
    raw: Raw,
    *,
    task: TaskChoice = "auto",
    how: Split | None = None,
    prepare: Prepare | None = None,
) -> Dataset:
    """Decide the task, drop rows without a target, and keep the inputs that can be used.

    The column that the split goes by (``how``) is none of them, unless it is asked for;
    ``prepare`` says which texts and dates can be.

    Raises:
        DataError: inputs or target cannot be learned from.

    Example:
        >>> raw = Raw(name="toy", inputs=np.arange(8.0)[:, None], target=pd.Series([0, 1] * 4))
        >>> assemble(raw).task
        'classification'
    """
    if len(raw.inputs) != len(raw.target):
        raise DataError(
            "Inputs and target have different numbers of rows.",
            given=f"{len(raw.inputs):,} rows of inputs, {len(raw.target):,} of target",
            do="Give one target for each row.",
        )
    target = read_target(raw.target, name=raw.target_name, task=task)
    kept_rows = _take(raw.inputs, target.kept)
    inputs, columns, notes, roles = _usable(kept_rows, how, prepare)
    if raw.groups is not None or raw.times is not None:
        roles = given_roles(raw.groups, raw.times, target.kept, how)
    return Dataset(
        name=raw.name,
        inputs=inputs,
        target=target.values,
        task=target.task,
        input_kind="table" if columns else "image" if is_image(inputs) else "array",
        classes=target.classes,
        target_name=raw.target_name,
        columns=columns,
        fixed_test=_renumber(raw.fixed_test, target.kept),
        notes=(*raw.notes, *target.notes, *notes),
        groups=roles.groups,
        times=roles.times,
    )


def is_image(inputs: np.ndarray | pd.DataFrame) -> bool:
    """Say whether the inputs are images: four axes ``[N, C, H, W]`` with 1, 3 or 4 channels.

    Example:
        >>> is_image(np.zeros((5, 3, 8, 8))), is_image(np.zeros((5, 8, 8)))
        (True, False)
    """
    return inputs.ndim == 4 and inputs.shape[1] in IMAGE_CHANNELS


Usable = tuple[np.ndarray | pd.DataFrame, tuple[Column, ...], list[str], Roles]


def _usable(
    inputs: np.ndarray | pd.DataFrame, how: Split | None, prepare: Prepare | None
) -> Usable:
    ignored = () if prepare is None else prepare.ignore
    if isinstance(inputs, np.ndarray):
        _refuse_columns(inputs, ignored)
        return inputs, (), _examine_array(inputs), read_roles(inputs, how)
    inputs = inputs.set_axis(inputs.columns.map(str), axis=1)
    found, roles = examine(inputs, prepare), read_roles(inputs, how)
    aside = {**left_out(inputs, ignored), **dict(roles.aside)}
    columns = tuple(
        Column(name=column.name, kind="ignored", note=aside[column.name])
        if column.name in aside
        else column
        for column in found
    )
    _refuse_nothing_left(columns, ignored)
    check_usable(columns)
    unused = [column.name for column in columns if not is_used(column)]
    notes = [sentence(column) for column in columns if column.note]
    return inputs.drop(columns=unused), columns, notes, roles


def left_out(table: pd.DataFrame, ignored: Sequence[str]) -> dict[str, str]:
    """Return which columns are no inputs because ``prepare.ignore`` names them, and the note.

    Raises:
        DataError: there is no such column.
    """
    names = [str(column) for column in table.columns]
    for name in ignored:
        if name not in names:
            raise DataError(
                "The table has no such input column to leave out.",
                given=f'prepare.ignore has "{name}"',
                do=nearest(name, names).capitalize(),
            )
    return dict.fromkeys(ignored, "is no input, as prepare.ignore has it")


def _refuse_nothing_left(columns: Sequence[Column], ignored: Sequence[str]) -> None:
    """Refuse a table of which prepare.ignore leaves nothing that can be an input."""
    if ignored and not any(is_used(column) for column in columns):
        others = [column for column in columns if column.name not in ignored]
        told = f"; {in_full(others)}" if others else ", all columns but the target"
        raise DataError(
            "No column of the table is left to learn from.",
            given=f"prepare.ignore = {json.dumps(list(ignored), ensure_ascii=False)}{told}",
            do="Shorten prepare.ignore.",
        )


def _refuse_columns(inputs: np.ndarray, ignored: Sequence[str]) -> None:
    if ignored:
        raise DataError(
            "Only a table has columns that can be left out by name.",
            given=f"prepare.ignore = {list(ignored)}, inputs of shape {list(inputs.shape)}",
            do="Leave prepare.ignore out, or give a table (CSV, Parquet, pandas).",
        )


def _take(inputs: np.ndarray | pd.DataFrame, kept: np.ndarray) -> np.ndarray | pd.DataFrame:
    """Leave rows out; the common case, where none is, costs no copy."""
    return inputs if kept.all() else inputs.take(np.flatnonzero(kept), axis=0)


def _renumber(rows: np.ndarray | None, kept: np.ndarray) -> np.ndarray | None:
    """Follow row indices into the rows that were kept."""
    if rows is None:
        return None
    return (np.cumsum(kept) - 1)[rows[kept[rows]]]


def _examine_array(inputs: np.ndarray) -> list[str]:
    check_pixels(inputs)
    num_missing, num_infinite = (0, 0) if is_image(inputs) else count_not_finite(inputs)
    if not _varies(inputs):
        raise DataError(
            "All rows of the inputs are equal, so there is nothing to learn from.",
            given=f"an array of shape {list(inputs.shape)}",
            do="Check how the array was made.",
        )
    notes = []
    if num_missing:
        notes.append(f"Missing input values: {num_missing:,}; each takes its feature's mean.")
    if num_infinite:
        notes.append(f"Infinite input values: {num_infinite:,}; they are treated as missing.")
    return notes


def check_pixels(inputs: np.ndarray) -> None:
    """Refuse images with pixels that are no finite numbers; other arrays may have them.

    Raises:
        DataError: that is so.

    Example:
        >>> check_pixels(np.full((2, 5), np.nan))
    """
    num_missing, num_infinite = count_not_finite(inputs) if is_image(inputs) else (0, 0)
    if num_missing + num_infinite:
        raise DataError(
            "Some pixels are not finite numbers.",
            given=f"{num_missing:,} NaN and {num_infinite:,} infinite values",
            do="Replace them, or leave these images out.",
        )


def count_not_finite(values: np.ndarray) -> tuple[int, int]:
    """Count NaN, and what is infinite in float32, in an array of any shape.

    Example:
        >>> count_not_finite(np.array([[1.0, np.nan], [np.inf, 2.0]]))
        (1, 1)
    """
    if values.dtype.kind != "f":
        return 0, 0
    num_missing = num_infinite = 0
    for rows in array_blocks(values):
        num_missing += int(np.isnan(values[rows]).sum())
        num_infinite += int((np.abs(values[rows]) > LARGEST).sum())
    return num_missing, num_infinite


def _varies(values: np.ndarray) -> bool:
    """Say whether any finite value differs from another of its feature; stops at the first."""
    return any(
        bool(((values[rows] != values[0]) & np.isfinite(values[rows])).any())
        for rows in array_blocks(values)
    )
