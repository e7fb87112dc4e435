"""What the callbacks of all frameworks have in common: a watch that their trainer opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import GoodfitError
from ..probes.losses import KINDS
from ..records import Finding, History
from .watch import Watch, to_terminal


class Framed:
    """A callback's share that does not depend on its framework.

    ``watch`` is there once training has begun; it closes with the training, and stays to be read.
    """

    def __init__(
        self, *, budget: float = 0.02, say: Callable[[str], None] | None = to_terminal
    ) -> None:
        super().__init__()
        self.budget, self.say = budget, say
        self.watch: Watch | None = None

    def open(
        self,
        module: nn.Module,
        optimizers: Any,
        loss_fn: Any = None,
        network: nn.Module | None = None,
    ) -> Watch:
        """Begin to watch; a watch that is open is closed first."""
        self.shut()
        given = {"budget": self.budget, "say": self.say, "network": network}
        self.watch = Watch(module, optimizers, loss_fn, **given)
        return self.watch.__enter__()

    def shut(self) -> None:
        """Take all hooks away."""
        if self.watch is not None:
            self.watch.__exit__(None, None, None)

    @property
    def watched(self) -> Watch:
        """The watch, or an error that says that nothing was trained yet."""
        if self.watch is None:
            raise GoodfitError("Nothing was trained yet.", do="Give the callback to a trainer.")
        return self.watch

    @property
    def history(self) -> History:
        """Everything that was measured so far, as a record."""
        return self.watched.history

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong by what was measured so far, in order of cause."""
        return self.watched.findings

    def save(self, path: str | Path) -> None:
        """Write the history as JSON, which ``goodfit diagnose`` reads."""
        self.watched.save(path)


def told_metrics(metrics: Mapping[str, Any], prefix: str) -> tuple[float | None, dict[str, float]]:
    """Return the validation loss and the other metrics whose names begin with ``prefix``.

    Example:
        >>> told_metrics({"val_loss": 0.5, "val_acc": 0.9, "lr": 0.1}, "val")
        (0.5, {'acc': 0.9})
    """
    found: dict[str, float] = {}
    for name, value in metrics.items():
        number = value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value
        if name.startswith(prefix) and isinstance(number, int | float):
            found[name.removeprefix(prefix).lstrip("_/.")] = float(number)
    loss = next((found.pop(name) for name in list(found) if name == "loss"), None)
    if loss is None:
        loss = next((found.pop(name) for name in list(found) if "loss" in name), None)
    return loss, found


def only_loss_module(module: nn.Module) -> nn.Module | None:
    """Return the one loss module inside a network that carries its loss, None without or several.

    Example:
        >>> only_loss_module(nn.ModuleList([nn.Linear(1, 1), nn.MSELoss()]))
        MSELoss()
    """
    found = [part for part in module.modules() if isinstance(part, tuple(KINDS))]
    return found[0] if len(found) == 1 else None
