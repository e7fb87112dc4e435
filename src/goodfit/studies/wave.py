"""Trials on their way: what was asked for, how far each has come, and what it gave."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..engine.tile import Row
from ..recipe import Recipe
from ..records import Trial

# Notes n4: break out of a run whose cost passes 3 times the first. The mean over some steps,
# since the loss of one small batch is noise.
EXPLODED, STEPS_THAT_COUNT = 3.0, 8
# The name of the wave in which the best few are trained again with new seeds.
AGAIN = "the best again"
Condition = Literal["running", "paused", "done", "dropped", "failed"]


@dataclass(frozen=True)
class Asked:
    """A trial that a strategy asks for: its number, its values and what they make of the recipe."""

    number: int
    params: Mapping[str, Any]
    recipe: Recipe
    stage: int = 0

    @property
    def run(self) -> tuple[int, int, int]:
        """What tells a training from others: number, seed, length."""
        return self.number, self.recipe.seed, self.recipe.epochs or 1


@dataclass(frozen=True)
class Wave:
    """Trials that train together until they have done ``until`` epochs, or leave before.

    ``name`` says what the wave is for where a search has several; ``later`` are the epochs that
    all waves after it will train, if no trial leaves.
    """

    trials: tuple[Asked, ...]
    until: int
    name: str = ""
    later: int = 0


@dataclass
class Progress:
    """How far a trial has come. ``row`` holds its weights while it is in no tile.

    ``began`` and ``ended`` are seconds since 1970, from its first step to its latest epoch's end,
    also while it waited or was interrupted; 0 where not known. ``seconds`` are those it trained.
    """

    asked: Asked
    row: Row | None = None
    condition: Condition = "running"
    why: str = ""
    first_loss: float = math.nan
    best_loss: float = math.inf
    best_metric: float = -math.inf
    best_epoch: int = 0
    seconds: float = 0.0
    began: float = 0.0
    ended: float = 0.0
    group: str = ""
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    metric: list[float] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """Finished epochs."""
        return len(self.train_loss)

    @property
    def value(self) -> float:
        """The metric at the best epoch; NaN where there is none."""
        return self.metric[self.best_epoch - 1] if self.best_epoch else math.nan

    def add_epoch(self, losses: list[float], loss: float, metric: float, *, until: int) -> None:
        """Take an epoch's training losses and what validation gave; decide what comes next."""
        if not self.train_loss:
            self.first_loss = losses[0]
        self.train_loss.append(sum(losses) / len(losses))
        self.validation_loss.append(loss)
        self.metric.append(metric)
        self.ended = time.time()
        stopping = self.asked.recipe.early_stopping
        if stopping.better((loss, metric), than=(self.best_loss, self.best_metric)):
            self.best_loss, self.best_metric, self.best_epoch = loss, metric, self.epoch
        self.condition, self.why = self._next(losses, until)

    def _next(self, losses: list[float], until: int) -> tuple[Condition, str]:
        stopping, epochs = self.asked.recipe.early_stopping, self.asked.recipe.epochs or 1
        late = losses[-STEPS_THAT_COUNT:]
        level = sum(late) / len(late)
        if not math.isfinite(self.train_loss[-1]):
            return "dropped", "the loss is not finite"
        if level > EXPLODED * self.first_loss > 0:
            return "dropped", "the loss passed 3 times its first"
        if self.epoch >= epochs:
            return "done", ""
        if stopping.enabled and self.epoch - self.best_epoch >= stopping.patience:
            return "done", "stopped early"
        return ("paused", "") if self.epoch >= until else ("running", "")

    def trial(self) -> Trial:
        """Return the record; what is paused counts as halved."""
        state = {"running": "halved", "paused": "halved"}.get(self.condition, self.condition)
        epochs = "1 epoch" if self.epoch == 1 else f"{self.epoch} epochs"
        why = self.why or f"others were better after {epochs}" * (state == "halved")
        return Trial(
            number=self.asked.number,
            params=dict(self.asked.params),
            seed=self.asked.recipe.seed,
            state=state,  # pyright: ignore[reportArgumentType]
            why=why,
            stage=self.asked.stage,
            group=self.group,
            epochs=self.epoch,
            best_epoch=self.best_epoch,
            value=self.value,
            seconds=self.seconds,
            train_loss=tuple(self.train_loss),
            validation_loss=tuple(self.validation_loss),
            metric=tuple(self.metric),
        )
