"""The columns of steps and epochs while a loop runs: what it lost, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

from ..records import EpochColumns, StepColumns

NAN = float("nan")
# Losses that lie on a device are moved so many at a time: a transfer each step would stall it.
MOVED_AT_ONCE = 32
Number = float | Tensor


@dataclass
class Steps:
    """Losses and rates by step. A loss may come before the step that it led to, or after it.

    Several losses before one step (gradient accumulation) count as their mean.
    """

    loss: list[Number] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    grad_norm: dict[int, float] = field(default_factory=dict)
    pending: list[tuple[Number, bool]] = field(default_factory=list)
    lacks: bool = False

    def __len__(self) -> int:
        return len(self.loss)

    def heard(self, loss: Number, training: bool) -> None:
        """Take a loss down: for the step that is closed without one, else for the next."""
        if self.lacks:
            self.loss[-1], self.lacks = loss, False
        else:
            self.pending.append((loss, training))

    def close(self, lr: float) -> None:
        """A step was taken with the losses that are pending."""
        pending = self.pending
        if len(pending) == 1:
            self.loss.append(pending[0][0])
        else:
            self._close_several()
        self.lr.append(lr)
        pending.clear()

    def _close_several(self) -> None:
        self.lacks = not self.pending
        # Losses of an evaluation that kept gradients stand between those of training.
        training = [loss for loss, training in self.pending if training]
        losses = training or [loss for loss, _ in self.pending[-1:]]
        if any(isinstance(loss, Tensor) for loss in losses):
            self.loss.append(torch.stack([torch.as_tensor(loss) for loss in losses]).mean())
        else:
            self.loss.append(_mean(losses) if losses else NAN)

    def settle(self) -> None:
        """Move losses that lie on a device to the host, at once."""
        waiting = [place for place, loss in enumerate(self.loss) if isinstance(loss, Tensor)]
        if waiting:
            moved = torch.stack([torch.as_tensor(self.loss[place]) for place in waiting]).tolist()
            for place, loss in zip(waiting, moved, strict=True):
                self.loss[place] = loss

    def mean_since(self, start: int) -> float:
        """Return the mean loss of the steps after ``start``."""
        self.settle()
        return _mean(self.loss[start:]) if len(self.loss) > start else NAN

    def record(self) -> StepColumns:
        """Return the columns; where no optimiser ever stepped, losses stand for steps."""
        self.settle()
        if not self.loss and self.pending:
            losses = tuple(float(loss) for loss, _ in self.pending)
            count, lr = len(losses), (NAN,) * len(losses)
        else:
            losses, count, lr = tuple(map(float, self.loss)), len(self.loss), tuple(self.lr)
        steps = tuple(range(1, count + 1))
        norms = tuple(self.grad_norm.get(step, NAN) for step in steps)
        return StepColumns(step=steps, loss=losses, grad_norm=norms, lr=lr)


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
