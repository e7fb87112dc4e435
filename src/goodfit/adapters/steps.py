"""The columns of steps and epochs while a loop runs: what it lost, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

from ..records import EpochColumns, StepColumns

NAN = float("nan")
Number = float | Tensor


@dataclass(slots=True)
class Steps:
    """Losses and rates by step. A loss may come before the step that it led to, or after it.

    Several losses before one step (gradient accumulation) count as their mean; those in
    evaluation mode (``aside``) only where there are no others.
    """

    loss: list[Number] = field(default_factory=list)
    lr: list[Number] = field(default_factory=list)
    grad_norm: dict[int, float] = field(default_factory=dict)
    pending: list[Number] = field(default_factory=list)
    aside: list[Number] = field(default_factory=list)
    lacks: bool = False
    settled: int = 0

    @property
    def heard(self) -> bool:
        """Whether a loss came since the last step."""
        return bool(self.pending or self.aside)

    @property
    def num_heard(self) -> int:
        """How many losses came since the last step."""
        return len(self.pending) + len(self.aside)

    def hear(self, loss: Number, training: bool) -> None:
        """Take a loss down: for the step that is closed without one, else for the next."""
        if self.lacks:
            self.loss[-1], self.lacks = loss, False
        elif training:
            self.pending.append(loss)
        else:
            self.aside.append(loss)

    def replace_heard(self, loss: Number) -> None:
        """Take one loss in the place of those that came since the last step."""
        (self.pending or self.aside)[:] = [loss]

    def close(self, lr: Number) -> None:
        """A step was taken with the losses that are pending."""
        self.lr.append(lr)
        pending = self.pending
        if len(pending) == 1:
            self.loss.append(pending.pop())
        else:
            self._close_several()

    def _close_several(self) -> None:
        losses = self.pending or self.aside[-1:]
        self.lacks = not losses
        if any(isinstance(loss, Tensor) for loss in losses):
            self.loss.append(torch.stack([torch.as_tensor(loss) for loss in losses]).mean())
        else:
            self.loss.append(_mean(losses) if losses else NAN)
        self.pending.clear()
        self.aside.clear()

    def settle(self) -> None:
        """Move losses that lie on a device to the host, at once."""
        new = self.loss[self.settled :]
        if any(isinstance(loss, Tensor) for loss in new):
            self.loss[self.settled :] = torch.stack([_tensor(loss) for loss in new]).tolist()
        # The newest may still come late.
        self.settled = max(len(self.loss) - 1, 0)

    def mean_since(self, start: int) -> float:
        """Return the mean loss of the steps after ``start``."""
        self.settle()
        return _mean(self.loss[start:]) if len(self.loss) > start else NAN

    def record(self) -> StepColumns:
        """Return the columns; where no optimiser ever stepped, losses stand for steps."""
        self.settle()
        heard = self.pending or self.aside
        if not self.loss and heard:
            losses = tuple(map(float, heard))
            count, lr = len(losses), (NAN,) * len(losses)
        else:
            losses, count, lr = (
                tuple(map(float, self.loss)),
                len(self.loss),
                tuple(map(float, self.lr)),
            )
        steps = tuple(range(1, count + 1))
        norms = tuple(self.grad_norm.get(step, NAN) for step in steps)
        return StepColumns(step=steps, loss=losses, grad_norm=norms, lr=lr)


def _tensor(loss: Number) -> Tensor:
    return loss if isinstance(loss, Tensor) else torch.tensor(loss)


def _mean(losses: list[Number]) -> float:
    return math.fsum(map(float, losses)) / len(losses)


@dataclass
class Epochs:
    """What was told at each validation."""

    rows: list[dict[str, float]] = field(default_factory=list)
    last_step: int = 0

    def add(self, step: int, **row: float) -> None:
        """Take one validation down."""
        self.rows.append({"step": step, **row})
        self.last_step = step

    def every(self) -> int:
        """Return the steps between validations; 0 where they are not equal, or unknown."""
        places = [0, *(int(row["step"]) for row in self.rows)]
        gaps = {b - a for a, b in pairwise(places)}
        return gaps.pop() if len(gaps) == 1 else 0

    def record(self) -> EpochColumns:
        """Return the columns."""

        def column(name: str) -> tuple[float, ...]:
            return tuple(row[name] for row in self.rows)

        names = ("train_loss", "validation_loss", "metric", "clean_loss", "clean_metric")
        steps = tuple(int(row["step"]) for row in self.rows)
        epochs = tuple(range(1, len(steps) + 1))
        return EpochColumns(epoch=epochs, step=steps, **{name: column(name) for name in names})
