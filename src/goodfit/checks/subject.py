"""What the checks look at: a network at its start, a loss, one batch of training data."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..engine import LossFn
from ..records import Task


@dataclass(frozen=True)
class Subject:
    """A network before training, with one batch ``x`` ``[N, ...]``, ``y`` of training rows.

    ``class_counts`` are those of the whole data; empty for regression.
    """

    net: nn.Module
    prepare: nn.Module
    loss_fn: LossFn
    x: Tensor
    y: Tensor
    task: Task
    class_counts: tuple[int, ...] = ()

    def inputs(self) -> Tensor:
        """Return the batch as the network gets it."""
        with torch.no_grad():
            return self.prepare(self.x)

    def fresh_net(self) -> nn.Module:
        """Return a copy of the network that a check may train."""
        return copy.deepcopy(self.net)
