"""What a run gave: scores on a part, and what it was made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .base import Record


@dataclass(frozen=True, kw_only=True)
class Scores(Record):
    """Scores on one part, by scikit-learn; ``confusion[i][j]`` counts true i predicted j.

    ``views`` says what answers were averaged over, as ``recipe.evaluate`` names it.
    """

    part: Literal["validation", "test"]
    num_rows: int
    values: dict[str, float]
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    views: str = "none"


@dataclass(frozen=True, kw_only=True)
class CrossValidation(Record):
    """Scores on each fold that was held out, with their mean and its standard error.

    The standard error of K values is ``s / sqrt(K)`` with ``s**2`` their variance (divisor K - 1).
    Training parts overlap, so that it is rather too small.
    """

    kind: str
    seed: int
    folds: tuple[Scores, ...]
    num_rows: tuple[int, ...]
    mean: dict[str, float]
    standard_error: dict[str, float]


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
