"""What the rules have to know of one of our own runs, beside its numbers."""

from __future__ import annotations

import math

import torch
from torch import nn

from ..probes import simple_fits, strongest_dropout
from ..probes.baseline import MAX_ROWS
from ..recipe import ClipNorm, Recipe
from ..records import Baseline, DataCard, Setting, Task
from .material import Material, augmentation_for

LOSS_KINDS: dict[Task, str] = {"classification": "cross-entropy", "regression": "mse"}


def setting_of(recipe: Recipe, material: Material, net: nn.Module) -> Setting:
    """Return the setting of a run: task, loss, chance, optimiser, sizes."""
    card, batches, optimizer = material.card, material.batches, recipe.optimizer
    counts = card.class_counts
    augmentation = augmentation_for(recipe, material)
    mixed = augmentation is not None and augmentation.mixes
    shares = [count / sum(counts) for count in counts]
    return Setting(
        task=card.task,
        loss_kind=LOSS_KINDS[card.task],
        chance_loss=_chance(material),
        floor_loss=augmentation.floor(shares) if augmentation else 0.0,
        mixed_targets=mixed,
        num_classes=len(card.classes),
        majority_share=max(counts) / sum(counts) if counts else None,
        batch_size=recipe.batch_size or 0,
        num_train=_num_train(card, material),
        num_steps=(recipe.epochs or 1) * batches.steps_per_epoch,
        optimizer=optimizer.kind,
        weight_decay=getattr(optimizer, "weight_decay", None),
        momentum=getattr(optimizer, "momentum", None),
        max_grad_norm=recipe.clip.limit if isinstance(recipe.clip, ClipNorm) else None,
        num_parameters=sum(p.numel() for p in net.parameters()),
        dropout=strongest_dropout(net),
        baseline=_simple_fits(material),
    )


def _simple_fits(material: Material) -> Baseline | None:
    """What simple fits of clean training rows reach, as the network gets them."""
    if not material.clean:
        return None
    x, y = (torch.cat(parts) for parts in zip(*material.clean, strict=True))
    with torch.no_grad():
        x = material.prepare(x[-MAX_ROWS:])
    return simple_fits(x, y[-MAX_ROWS:], material.card.task)


def _num_train(card: DataCard, material: Material) -> int:
    rows = getattr(material.batches, "rows", None)
    return card.num_rows if rows is None else len(rows)


def _chance(material: Material) -> float | None:
    """The entropy of the class prior; 1 for a target that was standardised."""
    counts = material.card.class_counts
    if counts:
        shares = [count / sum(counts) for count in counts if count]
        return -math.fsum(p * math.log(p) for p in shares)
    return None if isinstance(material.output, nn.Identity) else 1.0
