"""What a run gave: scores on a part, and what it was made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .base import Record


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
