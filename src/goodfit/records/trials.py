"""What a search records: trials, the stages that they belong to, and what was decided."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from .base import Record

TrialState = Literal["done", "dropped", "halved", "failed"]


@dataclass(frozen=True)
class Trial(Record):
    """One configuration, trained.

    ``params`` holds the searched values by their names in the recipe. ``state``: "done" ran its
    epochs (or stopped early), "dropped" left because its loss exploded or was not finite,
    "halved" because others were better at a rung, "failed" because its network cannot be built.
    ``why`` says so in words. ``value`` is the metric on validation at ``best_epoch`` (from 1),
    the best by what early stopping monitors; NaN where no epoch was finished. The last three
    columns have one entry per finished epoch.
    """

    number: int
    params: dict[str, Any]
    seed: int
    state: TrialState
    why: str = ""
    stage: int = 0
    group: str = ""
    epochs: int = 0
    best_epoch: int = 0
    value: float = math.nan
    seconds: float = 0.0
    train_loss: tuple[float, ...] = ()
    validation_loss: tuple[float, ...] = ()
    metric: tuple[float, ...] = ()


@dataclass(frozen=True)
class Stage(Record):
    """A part of a search: trials of one length over one space; ``reason`` says why these.

    ``ranges`` gives low and high of each numeric value that was searched, ``options`` what was
    drawn of each choice.
    """

    number: int
    name: str
    epochs: int
    num_trials: int
    reason: str
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    options: dict[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Confirmed(Record):
    """A good trial trained again with new seeds: one value for each seed."""

    number: int
    seeds: tuple[int, ...]
    values: tuple[float, ...]
    mean: float
    spread: float


@dataclass(frozen=True)
class Grouping(Record):
    """Trials that share a step: how many rows a tile holds, how many workers, and why."""

    name: str
    num_trials: int
    num_parameters: int
    rows: int
    workers: int
    executor: str
    reason: str


@dataclass(frozen=True)
class StudyRecord(Record):
    """A whole search: trials, stages, groups, the best few with their spread over seeds.

    ``metric_up`` says whether more of ``metric`` is better; ``seconds`` is wall time, of which
    ``preparing_s`` went into tracing and compiling.
    """

    name: str
    strategy: str
    metric: str
    metric_up: bool
    seed: int
    trials: tuple[Trial, ...] = ()
    stages: tuple[Stage, ...] = ()
    confirmed: tuple[Confirmed, ...] = ()
    groups: tuple[Grouping, ...] = ()
    notes: tuple[str, ...] = ()
    log_params: tuple[str, ...] = ()
    seconds: float = 0.0
    preparing_s: float = 0.0
