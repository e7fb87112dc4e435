"""A finished study: its record, its best recipe, what it says about itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import optuna

from ..diagnosis.trials import best_of
from ..recipe import Recipe, Space
from ..records import Confirmed, Finding, StudyRecord, Trial
from .storage import open_optuna_study


@dataclass(frozen=True)
class Study:
    """What a search gave.

    ``best`` is the recipe to train: of the trials that were trained again with new seeds the one
    with the best mean, else the one with the best value. None where every trial failed.
    """

    record: StudyRecord
    space: Space
    path: Path
    storage: str = field(repr=False)  # a URL, which may hold a password
    best: Recipe | None
    importances: dict[str, float]
    findings: tuple[Finding, ...]
    temporary: object = field(default=None, repr=False)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials, by number."""
        return self.record.trials

    @property
    def best_trial(self) -> Trial | None:
        """The trial behind ``best``."""
        return best_of(self.record)

    @property
    def report(self) -> Path:
        """The study's page."""
        return self.path / "report.html"

    def optuna(self) -> optuna.Study:
        """Return the study as Optuna keeps it, for its dashboard and its plots."""
        return open_optuna_study(self.storage, self.record.name, metric_up=self.record.metric_up)


def confirmed_of(number: int, seeds: tuple[int, ...], values: tuple[float, ...]) -> Confirmed:
    """Return mean and spread (standard deviation, n - 1) over seeds; NaN where one has failed.

    Example:
        >>> one = confirmed_of(3, (1, 2), (0.5, 0.7))
        >>> round(one.mean, 3), round(one.spread, 3)
        (0.6, 0.141)
    """
    mean = sum(values) / len(values)
    squares = sum((value - mean) ** 2 for value in values)
    spread = (squares / max(1, len(values) - 1)) ** 0.5
    return Confirmed(number, seeds, values, mean, spread)
