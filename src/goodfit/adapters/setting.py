"""What a rule has to know beside the numbers, gathered from the batches of the looks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..probes.losses import LossFacts
from ..records import Setting, Task

CLASSIFYING = ("cross-entropy", "nll", "binary-cross-entropy")
REGRESSING = ("mse", "l1", "huber")


def task_of(kind: str) -> Task | None:
    """Return the task that a kind of loss is for."""
    if kind in CLASSIFYING:
        return "classification"
    return "regression" if kind in REGRESSING else None


class Prior:
    """Targets of the batches that were looked at: class counts, moments."""

    def __init__(self) -> None:
        self.facts = LossFacts()
        self.counts: Tensor | None = None
        self.batch_size = 0
        self.num_classes = 0
        self.mixed = False

    def see(self, facts: LossFacts, outputs: Tensor, targets: Tensor) -> None:
        """Take one batch down."""
        self.facts, self.batch_size = facts, max(self.batch_size, len(targets))
        if facts.kind in ("cross-entropy", "nll") and not targets.is_floating_point():
            self.num_classes = outputs.shape[1]
            kept = targets[targets != facts.ignore_index]
            counts = torch.bincount(kept.reshape(-1), minlength=self.num_classes)
            self.counts = counts if self.counts is None else self.counts + counts

    def record(self, optimizer: Optimizer | None, num_parameters: int) -> Setting:
        """Return the setting as it is known now."""
        group = optimizer.param_groups[0] if optimizer is not None else {}
        prior = None if self.counts is None else self.counts.double() / self.counts.sum()
        chance = None if prior is None else float(-(prior * prior.clamp_min(1e-12).log()).sum())
        return Setting(
            task=task_of(self.facts.kind),
            loss_kind=self.facts.kind,
            chance_loss=chance,
            floor_loss=0.0 if self.facts.kind and not self.facts.label_smoothing else None,
            num_classes=self.num_classes,
            majority_share=None if prior is None else float(prior.max()),
            mixed_targets=self.mixed,
            batch_size=self.batch_size,
            optimizer=type(optimizer).__name__.lower() if optimizer is not None else "",
            weight_decay=group.get("weight_decay"),
            momentum=group.get("momentum"),
            num_parameters=num_parameters,
        )
