"""What a rule has to know beside the numbers, gathered from the batches of the looks."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..probes.floors import binary_losses, class_losses, entropy, regression_loss
from ..probes.losses import LossFacts
from ..records import Setting, Task

CLASSIFYING = ("cross-entropy", "nll", "binary-cross-entropy")
REGRESSING = ("mse", "l1", "huber")
# So many targets of a regression are kept, which says their variance to 3 %.
MAX_TARGETS = 4096
# Up to so many targets of one batch are counted on the host: cheaper than three operations.
MANY_TARGETS = 1024
# Fewer targets say too little about a class prior.
MIN_TARGETS = 16


def task_of(kind: str) -> Task | None:
    """Return the task that a kind of loss is for.

    Example:
        >>> task_of("nll"), task_of("mse"), task_of("")
        ('classification', 'regression', None)
    """
    if kind in CLASSIFYING:
        return "classification"
    return "regression" if kind in REGRESSING else None


class Prior:
    """Targets of the batches that were looked at: class counts, soft targets, values."""

    def __init__(self) -> None:
        self.facts = LossFacts()
        self.batch_size = self.num_classes = self.num_seen = 0
        self.counts: list[float] | None = None
        self.soft_entropy = 0.0
        self.values: list[Tensor] = []
        self.mixed = False
        # Of the first batch: later a penalty may be most of a loss that was its first term.
        self.composite: bool | None = None

    def see(self, facts: LossFacts, outputs: Tensor, targets: Tensor) -> bool | None:
        """Take one batch down; returns whether it holds a single class, None without classes."""
        self.facts, self.batch_size = facts, max(self.batch_size, len(targets))
        self.composite = facts.composite if self.composite is None else self.composite
        if facts.kind in ("cross-entropy", "nll") and not targets.is_floating_point():
            return self._see_classes(outputs.shape[1], targets.detach().reshape(-1))
        if facts.kind in ("cross-entropy", "binary-cross-entropy"):
            self._see_soft(targets.detach().float())
        elif facts.kind and self.num_seen < MAX_TARGETS and targets.is_floating_point():
            rows = targets.detach().reshape(len(targets), -1).to("cpu", torch.float32)
            self.values.append(rows.clone())
            self.num_seen += len(rows)
        return None

    def _see_classes(self, num_classes: int, targets: Tensor) -> bool:
        self.num_classes = num_classes
        if self.counts is None or len(self.counts) != num_classes:
            self.counts, self.num_seen = [0.0] * num_classes, 0
        if targets.numel() > MANY_TARGETS:
            return self._count_many(targets)
        kept = [y for y in targets.tolist() if y != self.facts.ignore_index]
        for y in kept:
            self.counts[y] += 1.0
        self.num_seen += len(kept)
        return kept.count(kept[0]) == len(kept) if kept else False

    def _count_many(self, targets: Tensor) -> bool:
        assert self.counts is not None
        kept = targets[targets != self.facts.ignore_index]
        found = torch.bincount(kept, minlength=len(self.counts)).tolist()
        self.counts = [float(a + b) for a, b in zip(self.counts, found, strict=True)]
        self.num_seen += sum(found)
        return max(found) == sum(found)

    def _see_soft(self, targets: Tensor) -> None:
        """Targets are probabilities: of classes (rows sum to 1), or one for each output."""
        rows = targets.reshape(len(targets), -1)
        held = self.counts or [0.0] * rows.shape[1]
        self.counts = [a + b for a, b in zip(held, rows.sum(0).tolist(), strict=True)]
        self.num_seen += len(rows)
        self.num_classes = rows.shape[1]
        logs = rows.clamp_min(1e-12).log() * rows
        if self.facts.kind == "binary-cross-entropy":
            logs = (logs + (1 - rows).clamp_min(1e-12).log() * (1 - rows)) / rows.shape[1]
        cost = float(-logs.sum())
        self.soft_entropy += cost
        self.mixed = self.mixed or cost > 1e-3 * len(rows)

    def record(self, optimizer: Optimizer | None, num_parameters: int) -> Setting:
        """Return the setting as it is known now."""
        chance, floor, majority = self._levels()
        setting = Setting(
            task=task_of(self.facts.kind),
            loss_kind="" if self.composite else self.facts.kind,
            loss_reduction="" if self.composite or not self.facts.kind else self.facts.reduction,
            num_classes=self._classes(),
            majority_share=majority,
            mixed_targets=self.mixed,
            batch_size=self.batch_size,
            num_parameters=num_parameters,
        )
        scale = self.batch_size if self.facts.reduction == "sum" else 1
        if self.composite:
            chance = floor = None
        if chance is not None:
            setting = replace(setting, chance_loss=chance * scale)
        if floor is not None:
            setting = replace(setting, floor_loss=floor * scale)
        return setting if optimizer is None else replace(setting, **_of_optimizer(optimizer))

    def _classes(self) -> int:
        if self.facts.kind == "binary-cross-entropy":
            return 2 if self.num_classes == 1 else self.num_classes
        return self.num_classes

    def _levels(self) -> tuple[float | None, float | None, float | None]:
        """Return chance, floor, and the majority's share, each None where it is not known."""
        if self.values:
            return regression_loss(self.facts, torch.cat(self.values)), 0.0, None
        if self.counts is None or self.num_seen < MIN_TARGETS:
            return None, None, None
        prior = [count / self.num_seen for count in self.counts]
        soft = self.soft_entropy / self.num_seen
        if self.facts.kind == "binary-cross-entropy":
            majority = max(prior[0], 1.0 - prior[0]) if len(prior) == 1 else None
            return binary_losses(self.facts, prior), soft, majority
        if self.soft_entropy > 0.0 and self.facts.weight is None:
            return entropy(prior), soft, max(prior)
        chance, floor = class_losses(self.facts, prior)
        return chance, None if self.mixed else floor, max(prior)


def _of_optimizer(optimizer: Optimizer) -> dict[str, str | float | None]:
    group = optimizer.param_groups[0]
    momentum = group.get("momentum", (group.get("betas") or (None,))[0])
    decay = group.get("weight_decay")
    return {
        "optimizer": type(optimizer).__name__.lower(),
        "weight_decay": None if decay is None else float(decay),
        "momentum": None if momentum is None else float(momentum),
    }
