"""Small training loops to watch, each a fault's place and its healthy twin."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from goodfit.adapters import Watch, watch
from goodfit.records import History, Tally

ROWS, FEATURES, CLASSES, BATCH = 256, 12, 3, 32


def data(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return inputs ``[256, 12]`` and classes that can be learned from them."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(ROWS, FEATURES, generator=draw)
    return x, (x[:, :CLASSES] + 0.1 * torch.randn(ROWS, CLASSES, generator=draw)).argmax(1)


def mlp(*extra: nn.Module, seed: int = 0) -> nn.Sequential:
    """Return a network with batch norm and dropout, so that modes differ."""
    torch.manual_seed(seed)
    first = [nn.Linear(FEATURES, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.1)]
    return nn.Sequential(*first, *extra, nn.Linear(24, CLASSES))


@dataclass
class Loop:
    """A plain loop; each option is one mistake or one technique."""

    net: nn.Module = field(default_factory=mlp)
    epochs: int = 6
    lr: float = 0.05
    shuffle: bool = True
    zero_grad: bool = True
    step: bool = True
    zero_late: bool = False
    same_batch: bool = False
    train_mode: bool = True
    eval_mode: bool = True
    evaluate: bool = True
    accumulate: int = 1
    max_norm: float | None = None
    sort: bool = False
    around: Callable[[], AbstractContextManager] = nullcontext
    seed: int = 1

    def __post_init__(self) -> None:
        self.loss_fn = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=self.lr, momentum=0.9)

    def watched(self, **options: float) -> History:
        """Run under a watch that looks as often as it can, and return its history."""
        with watch(
            self.net, self.optimizer, self.loss_fn, say=None, **{"budget": 1.0, **options}
        ) as eye:
            self.run(eye)
        return eye.history

    def run(self, eye: Watch | None = None) -> list[float]:
        """Train; returns the losses of the batches."""
        x, y = data()
        order = y.argsort() if self.sort else torch.arange(ROWS)
        draw, losses = torch.Generator().manual_seed(self.seed), []
        for _ in range(self.epochs):
            self.net.train(self.train_mode)
            shuffled = self.shuffle and not self.sort
            rows = torch.randperm(ROWS, generator=draw) if shuffled else order
            for number, part in enumerate(rows.split(BATCH)):
                part = rows[:BATCH] if self.same_batch else part
                losses.append(self.batch(x[part], y[part], number))
            if self.evaluate:
                self.validate(x, y, eye)
        return losses

    def batch(self, x: Tensor, y: Tensor, number: int) -> float:
        """Train on one batch."""
        begins = number % self.accumulate == 0
        if self.zero_grad and begins and not self.zero_late:
            self.optimizer.zero_grad()
        with self.around():
            loss = self.loss_fn(self.net(x), y)
        if self.zero_grad and begins and self.zero_late:
            self.optimizer.zero_grad(set_to_none=False)
        loss.backward()
        if (number + 1) % self.accumulate == 0 and self.step:
            if self.max_norm is not None:
                nn.utils.clip_grad_norm_(self.net.parameters(), self.max_norm)
            self.optimizer.step()
        return loss.item()

    def validate(self, x: Tensor, y: Tensor, eye: Watch | None) -> None:
        """Evaluate on a part of the rows, and tell the watch."""
        self.net.train(not self.eval_mode)
        with torch.no_grad():
            outputs = self.net(x[:64])
            loss = self.loss_fn(outputs, y[:64])
        if eye is not None:
            eye.validation(loss, accuracy=(outputs.argmax(1) == y[:64]).float().mean())


def tally(history: History, name: str) -> Tally:
    """Return one count; of nothing where it was never looked for."""
    return history.tallies.get(name, Tally())
