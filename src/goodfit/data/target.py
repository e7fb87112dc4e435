"""The target: classes or a quantity, and which rows have one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ..errors import DataError
from ..records import Task
from .columns import LARGEST, as_texts, kind_of
from .spelling import is_spelled, odd_value

TaskChoice = Literal["auto", "classification", "regression"]

# One row in each of three parts, and a few more to train on; below, nothing can be judged.
MIN_ROWS = 8
# Whole numbers are taken as classes up to this many different ones ...
MAX_WHOLE_CLASSES = 20
# ... that have this many rows each on average; two different ones always are.
MIN_ROWS_PER_WHOLE_CLASS = 5
# Whole numbers taken as a quantity could still be classes up to this many: worth a note.
MAX_PLAUSIBLE_CLASSES = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """A target that can be learned.

    ``values`` are int64 codes or float64 quantities of the rows where ``kept`` (bool ``[N]``)
    is true; the other rows have no target.
    """

    values: np.ndarray
    kept: np.ndarray
    task: Task
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_target(values: pd.Series, *, name: str, task: TaskChoice = "auto") -> Target:
    """Decide what the target is, and turn it into class codes or quantities.

    Texts, categories and booleans are classes. Whole numbers, also those written as floats,
    are classes when there are two different ones, or at most 20 with on average 5 rows each.
    Everything else is a quantity. A ``task`` other than "auto" wins where it is possible.

    Raises:
        DataError: fewer than 8 rows have a target, more than half have none, it has one value
            only, it holds infinity or dates, or it cannot serve the task that was asked for.

    Example:
        >>> target = read_target(pd.Series(["yes", "no"] * 4), name="bought")
        >>> target.task, target.classes, target.values[:4].tolist()
        ('classification', ('no', 'yes'), [1, 0, 1, 0])
    """
    kept = np.asarray(values.notna(), dtype=bool)
    missing_notes = _check_rows(kept, name)
    present = values.dropna().reset_index(drop=True)
    read = _from_texts if _holds_labels(present, name) else _from_numbers
    found, classes, notes = read(present, kept, name, task)
    _check_variety(found, name, present)
    return Target(
        values=found,
        kept=kept,
        task="classification" if classes else "regression",
        classes=classes,
        notes=(*missing_notes, *notes),
    )


Read = tuple[np.ndarray, tuple[str, ...], list[str]]


def _check_rows(kept: np.ndarray, name: str) -> list[str]:
    num_rows, num_kept = len(kept), int(kept.sum())
    num_missing = num_rows - num_kept
    if num_missing * 2 > num_rows:
        raise DataError(
            "More than half of the rows have no target.",
            given=f'"{name}" is missing in {num_missing:,} of {num_rows:,} rows',
            do="Fill the target in, or name another one.",
        )
    if num_kept < MIN_ROWS:
        raise DataError(
            f"There are too few rows; at least {MIN_ROWS} are needed, and many more are better.",
            given=f"{num_kept} rows with a target",
            do="Collect more data.",
        )
    return [_missing_note(num_missing, name)] if num_missing else []


def _missing_note(num_missing: int, name: str) -> str:
    if num_missing == 1:
        return f'1 row without a target ("{name}") was left out.'
    return f'{num_missing:,} rows without a target ("{name}") were left out.'


def _holds_labels(values: pd.Series, name: str) -> bool:
    """Say whether the target is of texts rather than of numbers or booleans."""
    kind = kind_of(values)
    if kind in ("text", "number", "bool"):
        return kind == "text"
    held = "dates" if kind == "date" else "values of other types"
    raise DataError(
        "The target holds neither numbers nor labels.",
        given=f'"{name}" holds {held}, {_sample(values)}',
        do="Turn it into numbers or into texts, or name another target.",
    )


def _from_texts(values: pd.Series, _kept: np.ndarray, name: str, task: TaskChoice) -> Read:
    seems = _seeming(odd_value(as_texts(values)))
    if task == "regression":
        raise DataError(
            "Regression needs a target of numbers.",
            given=f'"{name}" holds texts, {_sample(values)}{seems}',
            do='Correct the texts, set task = "classification", or name another target.',
        )
    codes, classes = _categories(values)
    _check_classes(len(classes), len(values), f'"{name}" holds texts, {_sample(values)}{seems}')
    return codes, classes, [f'The labels of "{name}" are texts{seems}.'] if seems else []


def _seeming(odd: str | None) -> str:
    if odd is None:
        return ""
    if is_spelled(odd):
        return f', numbers written as in "{odd[:40]}"'
    return f', most of them numbers, but "{odd[:40]}" is not'


def _categories(values: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """Keep the order of a categorical column; sort other texts."""
    if not isinstance(values.dtype, pd.CategoricalDtype):
        values = as_texts(values).astype("category")
    used = values.cat.remove_unused_categories().cat
    return used.codes.to_numpy(np.int64), tuple(map(str, used.categories))


def _from_numbers(values: pd.Series, kept: np.ndarray, name: str, task: TaskChoice) -> Read:
    is_bool = kind_of(values) == "bool"
    numbers = values.to_numpy(dtype=np.float64)
    _check_finite(numbers, kept, name)
    distinct, codes = np.unique(numbers, return_inverse=True)
    whole = bool((distinct == np.floor(distinct)).all())
    few = whole and _are_few(len(distinct), len(numbers))
    if task == "regression" or (task == "auto" and not (few or is_bool)):
        return numbers, (), _quantity_notes(len(distinct), name, whole=whole and task == "auto")
    _check_classes(len(distinct), len(numbers), f'"{name}" holds numbers, {_sample(values)}')
    notes = [] if is_bool or task != "auto" else [_class_note(values, len(distinct), name)]
    return codes.astype(np.int64), _class_names(distinct, is_bool=is_bool, whole=whole), notes


def _check_finite(numbers: np.ndarray, kept: np.ndarray, name: str) -> None:
    infinite = np.flatnonzero(np.abs(numbers) > LARGEST)
    if len(infinite):
        row = int(np.flatnonzero(kept)[infinite[0]]) + 1
        raise DataError(
            "The target is infinite, or too large for float32, in some rows.",
            given=f'"{name}" is {numbers[infinite[0]]} in data row {row:,} (the first row is 1), '
            f"{len(infinite):,} such rows in all",
            do="Correct these rows, or leave the target of them empty: such rows are left out.",
        )


def _are_few(num_distinct: int, num_rows: int) -> bool:
    enough_rows = num_distinct * MIN_ROWS_PER_WHOLE_CLASS <= num_rows
    return num_distinct <= 2 or (num_distinct <= MAX_WHOLE_CLASSES and enough_rows)


def _quantity_notes(num_distinct: int, name: str, *, whole: bool) -> list[str]:
    if not whole or num_distinct > MAX_PLAUSIBLE_CLASSES:
        return []
    return [
        f'"{name}" holds {num_distinct:,} different whole numbers, taken as a quantity; '
        'set task = "classification" if they are classes.'
    ]


def _class_note(values: pd.Series, num_distinct: int, name: str) -> str:
    written = " written as decimals" if values.dtype.kind == "f" else ""
    return (
        f'"{name}" holds {num_distinct} different whole numbers{written}, taken as classes; '
        'set task = "regression" if they are a quantity.'
    )


def _class_names(distinct: np.ndarray, *, is_bool: bool, whole: bool) -> tuple[str, ...]:
    if is_bool:
        return tuple(str(bool(value)) for value in distinct)
    return tuple(str(int(value)) if whole else str(float(value)) for value in distinct)


def _check_classes(num_classes: int, num_rows: int, given: str) -> None:
    if num_classes * 2 > num_rows:
        raise DataError(
            f"The target has {num_classes:,} different values in {num_rows:,} rows, too many for "
            "classes: each needs two rows or more.",
            given=given,
            do='Name another target, or set task = "regression" if it is a quantity.',
        )


def _check_variety(values: np.ndarray, name: str, present: pd.Series) -> None:
    if values.min() == values.max():
        raise DataError(
            "The target has only one value, so there is nothing to learn.",
            given=f'"{name}" is {str(present.iloc[0])[:40]!r} in all {len(present):,} rows',
            do="Add rows of another class or value, or name another target.",
        )


def _sample(values: pd.Series) -> str:
    return f'for instance "{str(values.iloc[0])[:40]}"'
