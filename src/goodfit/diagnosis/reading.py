"""Read what other tools wrote: a table of losses becomes a history, for the rules about curves."""

from __future__ import annotations

import csv
import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from ..errors import DataError
from ..records import EpochColumns, History, StepColumns
from .numbers import NAN, mean

# By what names other tools write our columns: Keras, Lightning, Hugging Face, skorch, by hand.
NAMES: Mapping[str, tuple[str, ...]] = {
    "step": ("step", "global_step", "iteration", "iter", "batch"),
    "epoch": ("epoch", "epochs"),
    "loss": (
        *("loss", "train_loss", "training_loss", "train_loss_step", "loss_step", "batch_loss"),
        *("train_loss_epoch", "loss_epoch"),
    ),
    "validation_loss": (
        *("val_loss", "validation_loss", "valid_loss", "eval_loss", "test_loss", "dev_loss"),
        *("val_loss_epoch",),
    ),
    "accuracy": (
        *("val_accuracy", "val_acc", "validation_accuracy", "valid_acc", "eval_accuracy"),
        *("valid_accuracy", "test_accuracy", "accuracy", "acc"),
    ),
    "r2": ("val_r2", "validation_r2", "eval_r2", "r2"),
    "lr": ("lr", "learning_rate", "lr_0"),
    "grad_norm": ("grad_norm", "gradient_norm", "total_grad_norm"),
}
# What TensorBoard writes, where a file has one curve: Wall time, Step, Value.
ONE_CURVE, TIMES = "value", ("wall_time", "walltime", "time", "relative_time", "timestamp")
TAKEN = "what the column Value is: it was taken for the training loss"
Row = Mapping[str, str | float | None]


def read_losses(path: str | Path) -> History:
    """Read a CSV or JSONL file of losses into a history.

    Columns are known by their usual names: step, epoch, loss or train_loss, val_loss, accuracy or
    val_accuracy, lr, grad_norm ("train/loss" and "Train Loss" too). Cells may be empty, as where
    steps and validations share a file. A single column of numbers is enough, with or without a
    heading, and so is TensorBoard's table of one curve (Wall time, Step, Value). With an epoch
    column and no step column, a row is an epoch.

    Raises:
        DataError: the file is missing or empty, no column is known as a loss, or a cell is no
            number.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "log.csv"
        ...     _ = file.write_text("epoch,loss,val_loss\\n1,2.0,2.1\\n2,1.0,1.4\\n")
        ...     read_losses(file).epochs.validation_loss
        (2.1, 1.4)
    """
    path = Path(path)
    if not path.is_file():
        raise DataError("There is no such file of losses.", given=path, do="Check the path.")
    rows = _rows(path)
    columns = _columns(rows, path)
    if "loss" not in columns and "validation_loss" not in columns:
        names = ", ".join(rows[0]) if rows else "nothing"
        raise DataError(
            "No column of the file is known as a loss.",
            given=names,
            do="Name one of them loss (or train_loss, val_loss).",
        )
    made = _history(columns, len(rows))
    return replace(made, unseen=(*made.unseen, TAKEN)) if _is_one_curve(rows) else made


def _is_one_curve(rows: Sequence[Row]) -> bool:
    """Return whether a table has the column Value, and beside it nothing but steps and times."""
    heads = {_plain(head) for row in rows for head in row if isinstance(head, str)}
    return bool(heads) and heads - {*NAMES["step"], *NAMES["epoch"], *TIMES} == {ONE_CURVE}


def _rows(path: Path) -> list[Row]:
    text = path.read_text(encoding="utf-8-sig").strip()
    if not text:
        raise DataError("The file of losses is empty.", given=path, do="Write it again.")
    if text[0] in "{[":
        return _json_rows(text, path)
    first = text.splitlines()[0]
    mark = max(",;\t", key=first.count)
    cells = [
        [cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=mark)
    ]
    if len(cells[0]) == 1 and _number(cells[0][0]) is not None:
        return [{"loss": row[0]} for row in cells if row]
    return [dict(zip(cells[0], row, strict=False)) for row in cells[1:] if any(row)]


def _json_rows(text: str, path: Path) -> list[Row]:
    try:
        if text[0] == "[":
            return [dict(row) for row in json.loads(text)]
        return [dict(json.loads(line)) for line in text.splitlines() if line.strip()]
    except (ValueError, TypeError) as error:
        raise DataError(
            f"A line of the file is not a JSON object: {error}",
            given=path,
            do="Write one object of names and numbers per line.",
        ) from error


def _columns(rows: Sequence[Row], path: Path) -> dict[str, list[float]]:
    """Return the known columns, NaN where a cell is empty."""
    heads = {_plain(head): head for row in rows for head in row if isinstance(head, str)}
    found: dict[str, list[float]] = {}
    known = {**NAMES, "loss": (ONE_CURVE,)} if _is_one_curve(rows) else NAMES
    for column, names in known.items():
        head = next((heads[name] for name in names if name in heads), None)
        if head is not None:
            found[column] = [
                _cell(row.get(head), head, number, path) for number, row in enumerate(rows, start=1)
            ]
    return found


def _plain(head: str) -> str:
    """Return a heading as it is looked up: "Train/Loss" is "train_loss"."""
    return head.strip().lower().replace("/", "_").replace(" ", "_").replace("-", "_")


def _cell(value: object, head: str, number: int, path: Path) -> float:
    if value is None or value == "":
        return NAN
    found = _number(value)
    if found is None:
        raise DataError(
            f"Row {number} of column {head} is not a number.",
            given=f"{value!r} in {path}",
            do="Leave the cell empty, or write a number, nan or inf.",
        )
    return found


def _number(value: object) -> float | None:
    try:
        return float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        return None


def _history(columns: Mapping[str, list[float]], num_rows: int) -> History:
    empty = [NAN] * num_rows
    loss, val = columns.get("loss", empty), columns.get("validation_loss", empty)
    metric = "accuracy" if "accuracy" in columns else "r2" if "r2" in columns else ""
    by_epoch = "epoch" in columns and "step" not in columns and _grows(columns["epoch"])
    # A loss of nan is a loss; an empty cell is none. Both are NaN here: a row without validation
    # has the first.
    trained = [row for row in range(num_rows) if loss[row] == loss[row] or val[row] != val[row]]
    trained = trained if "loss" in columns else []
    given = [columns["step"][row] for row in trained] if "step" in columns else []
    numbered = _grows(given) and bool(given)
    steps = [int(s) for s in given] if numbered else list(range(1, len(trained) + 1))
    judged = [row for row in range(num_rows) if val[row] == val[row] or by_epoch]
    places = [bisect_right(trained, row) for row in judged]
    scores = columns.get(metric, empty)
    picked = {name: columns.get(name, empty) for name in ("lr", "grad_norm")}
    notes = () if numbered or not given else ("the step column does not grow: rows were counted",)
    return History(
        metric=metric,
        steps=StepColumns(
            step=tuple(steps),
            loss=tuple(loss[row] for row in trained),
            grad_norm=tuple(picked["grad_norm"][row] for row in trained),
            lr=tuple(picked["lr"][row] for row in trained),
        ),
        epochs=EpochColumns(
            epoch=tuple(range(1, len(judged) + 1)),
            step=tuple(steps[place - 1] if place else 0 for place in places),
            train_loss=tuple(
                mean([loss[row] for row in trained[start:end]])
                for start, end in pairwise([0, *places])
            ),
            validation_loss=tuple(val[row] for row in judged),
            metric=tuple(scores[row] for row in judged),
        ),
        notes=notes,
        unseen=("layers, gradients and batches: only a table of losses was read",),
    )


def _grows(values: Sequence[float]) -> bool:
    known = not any(math.isnan(value) for value in values)
    return known and all(a < b for a, b in pairwise(values))
