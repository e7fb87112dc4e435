"""Records: what passes between stages. Frozen, without tensors, to and from JSON.

A stage takes records (and tensors) and returns records; no stage imports a later one.
Diagnosis and report read records only, so they need no torch and work on a live run, a
finished run, or a run of another framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from pydantic import TypeAdapter

Task = Literal["classification", "regression"]
InputKind = Literal["table", "image", "array"]
Severity = Literal["info", "warning", "error"]


class Record:
    """Conversion to and from plain JSON values, shared by every record.

    Example:
        >>> split = SplitSizes(train=70, validation=15, test=15)
        >>> SplitSizes.from_json(split.to_json()) == split
        True
    """

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values (dicts, lists, numbers, strings)."""
        return asdict(self)  # pyright: ignore[reportArgumentType]

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Rebuild the record; raises ``pydantic.ValidationError`` on other shapes."""
        return TypeAdapter(cls).validate_python(values)


@dataclass(frozen=True, kw_only=True)
class Column(Record):
    """One column of a table, as found.

    ``low``, ``high``, ``mean`` and ``std`` are in the column's own unit, over its finite
    values, and None for a column that is not numeric.
    """

    name: str
    kind: Literal["numeric", "categorical", "constant", "ignored"]
    num_missing: int = 0
    num_distinct: int = 0
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class DataCard(Record):
    """What the data is, before anything is decided about it.

    ``input_shape`` is the shape of one sample as it is fed ([features], or
    [channels, height, width]); ``fingerprint`` is a hash of inputs and targets by which a
    later command knows that it reads the same data.
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
    num_missing: int = 0
    num_duplicates: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SplitSizes(Record):
    """Rows in each part; ``test`` is sealed until ``goodfit test`` opens it."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True, kw_only=True)
class StepColumns(Record):
    """What was measured at training steps, one entry per recorded step."""

    step: tuple[int, ...] = ()
    loss: tuple[float, ...] = ()
    grad_norm: tuple[float, ...] = ()
    lr: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EpochColumns(Record):
    """What was measured at the end of epochs, one entry per epoch.

    ``train_loss`` is the mean of the epoch's batch losses (training mode);
    ``validation_loss`` and ``metric`` are taken in evaluation mode on the whole part.
    """

    epoch: tuple[int, ...] = ()
    step: tuple[int, ...] = ()
    train_loss: tuple[float, ...] = ()
    validation_loss: tuple[float, ...] = ()
    metric: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class History(Record):
    """The course of one run.

    ``metric`` names the column ``epochs.metric`` ("accuracy" or "r2"). ``best_epoch`` is
    the epoch whose weights the run keeps. ``stopped`` says why training ended.
    """

    metric: str
    steps: StepColumns = field(default_factory=StepColumns)
    epochs: EpochColumns = field(default_factory=EpochColumns)
    steps_per_epoch: int = 0
    best_epoch: int | None = None
    stopped: Literal["", "budget", "early-stopping", "interrupted", "not-finite"] = ""
    clipped: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finding(Record):
    """One thing that was found: what was seen, why it matters, what to do, where it stands."""

    rule: str
    severity: Severity
    meaning: str
    remedy: str
    source: str
    evidence: Mapping[str, float | int | str] = field(default_factory=dict)
    where: str = ""
    step: int | None = None

    def __str__(self) -> str:
        place = f" at {self.where}" if self.where else ""
        numbers = ", ".join(f"{name} {_short(value)}" for name, value in self.evidence.items())
        seen = f" ({numbers})" if numbers else ""
        return f"{self.severity}: {self.rule}{place}: {self.meaning}{seen} To do: {self.remedy}"


@dataclass(frozen=True, kw_only=True)
class Verdict(Record):
    """The outcome of one check: it passed, it found something, or it could not judge."""

    check: str
    outcome: Literal["passed", "found", "not-judged"]
    because: str
    finding: Finding | None = None


@dataclass(frozen=True, kw_only=True)
class Scores(Record):
    """Scores on one part, by scikit-learn; ``confusion[i][j]`` counts true i predicted j."""

    part: Literal["validation", "test"]
    num_rows: int
    values: dict[str, float]
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunInfo(Record):
    """What a run was made with, and what it cost (seconds of wall time)."""

    goodfit: str
    torch: str
    python: str
    machine: str
    threads: int
    executor: Literal["eager", "traced", "compiled"]
    executor_reason: str
    num_parameters: int
    net: str
    load_s: float = 0.0
    train_s: float = 0.0
    checkpoint_s: float = 0.0
    num_resumes: int = 0


def _short(value: float | int | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
