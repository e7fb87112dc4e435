"""What the data is, before anything is decided about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .base import Record, Task

InputKind = Literal["table", "image", "array"]


@dataclass(frozen=True, kw_only=True)
class Column(Record):
    """One column of a table, as found.

    ``low``, ``high``, ``mean`` and ``std`` are in the column's own unit, over its finite
    values, and None for a column that is not numeric. ``odd`` is set where most texts of a column
    are numbers: the commonest that is not read as one, "" where all are. ``dates`` is set where
    most are dates that are not used as such: "iso" where all could be, "other" where some cannot.
    """

    name: str
    kind: Literal["numeric", "categorical", "date", "constant", "ignored"]
    num_missing: int = 0
    num_distinct: int = 0
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = None
    odd: str | None = None
    dates: Literal["", "iso", "other"] = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class DataCard(Record):
    """What the data is, before anything is decided about it.

    ``input_shape`` is the shape of one sample as it is fed ([features], or
    [channels, height, width]); ``fingerprint`` is a hash of inputs and targets by which a
    later command knows that it reads the same data. The measures of ``columns`` that are used and
    of a quantity to learn are those of the ``num_described`` rows that train and validate; of all
    rows where that is 0.
    """

    source: str
    task: Task
    input_kind: InputKind
    num_rows: int
    input_shape: tuple[int, ...]
    target: str
    fingerprint: str
    columns: tuple[Column, ...] = ()
    classes: tuple[str, ...] = ()
    class_counts: tuple[int, ...] = ()
    target_low: float | None = None
    target_high: float | None = None
    target_mean: float | None = None
    target_std: float | None = None
    num_described: int = 0
    num_missing: int = 0
    num_duplicates: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SplitSizes(Record):
    """Rows in each part; ``test`` is sealed until ``goodfit test`` opens it."""

    train: int
    validation: int
    test: int
