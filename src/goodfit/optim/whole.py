"""The whole way from a gradient to moved weights: clip, decay, rule; and its coefficients.

A whole rule is a rule: what stands around a formula is added by functions ``Rule -> Rule``, so
that the engine knows of one thing. Coefficients come in the order of these functions, the
formula's own first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from ..nets import decaying, frozen_names, mask_of, rate_mask
from ..recipe import Clip, NoClip, NoPenalty, Optimizer, Penalty, Recipe, Transfer
from .clipping import clip_numbers, with_clip
from .decay import PENALTIES, decay_numbers, with_decay
from .frozen import waking, with_frozen, with_rates, without_gradient
from .rules import RULES, Array, Coefficients, Rule
from .schedules import base_rate


def base_rule_of(optimizer: Optimizer) -> Rule:
    """Return the formula of an optimiser's kind."""
    return next(rule for rule in RULES if rule.name == optimizer.kind)


def rule_of(
    optimizer: Optimizer,
    penalty: Penalty = NoPenalty(),  # noqa: B008 - frozen
    *,
    decay_mask: Tensor | None = None,
) -> Rule:
    """Return the rule of an optimiser with its weight decay, and a penalty, around it.

    ``decay_mask`` is ``[P]``: 1 where weights decay; None where all do.
    """
    rule = base_rule_of(optimizer)
    terms = tuple(decay_numbers(optimizer, rule, penalty, np.zeros(1)))
    return with_decay(rule, terms, decay_mask)


def rule_for(recipe: Recipe, net: nn.Module) -> Rule:
    """Return the whole rule by which a recipe moves a network's row.

    Masks depend on the network alone and are the same for all rows of a population.
    """
    mask, transfer = decay_mask(recipe.optimizer, net), recipe.transfer
    rule = rule_of(recipe.optimizer, recipe.penalty, decay_mask=mask)
    if transfer is None:
        return with_clip(rule, recipe.clip)
    frozen, wakes = frozen_mask(net, transfer), transfer.unfreeze_epoch is not None
    rule = with_frozen(with_rates(rule, rate_mask(net, transfer)), frozen, wakes=wakes)
    return without_gradient(with_clip(rule, recipe.clip), frozen, wakes=wakes)


def frozen_mask(net: nn.Module, transfer: Transfer) -> Tensor | None:
    """Return bool ``[P]``, true where a network's weights are frozen; None where none is."""
    names = frozen_names(net, transfer)
    return mask_of(net, lambda name: float(name in names)).bool() if names else None


def decay_mask(optimizer: Optimizer, net: nn.Module) -> Tensor | None:
    """Return ``[P]`` with 1 where a network's weights decay; None where all do."""
    names = decaying(net)
    if optimizer.decay_on == "all" or all(
        name in names for name, p in net.named_parameters() if p.requires_grad
    ):
        return None
    return mask_of(net, lambda name: float(name in names))


def coefficients_of(
    optimizer: Optimizer,
    penalty: Penalty,
    clip: Clip,
    lr: Array,
    steps: Array,
    *,
    wake: int | None = None,
) -> NDArray[np.float32]:
    """Return one row's coefficients at ``steps`` (from 0) and rates ``lr``: ``[S, C]``.

    ``wake`` is the step from which frozen layers train; their state counts from there.
    """
    rule = base_rule_of(optimizer)

    def own(steps: Array) -> Coefficients:
        decay = decay_numbers(optimizer, rule, penalty, lr).values()
        return (*rule.coefficients(optimizer, lr, steps + 1.0), *decay)

    numbers = (*own(steps), *clip_numbers(clip, steps))
    if wake is not None:
        since, awake = waking(steps, wake)
        numbers = (*own(steps), *own(since), awake, *clip_numbers(clip, steps), awake)
    columns = np.broadcast_arrays(np.asarray(lr), *numbers)[1:]
    return np.stack(columns, axis=1).astype(np.float32)


def coefficient_table(
    optimizers: Sequence[Optimizer], lr: Array, steps: Array
) -> NDArray[np.float32]:
    """Return the coefficients of ``steps`` (from 0) for K optimisers of a kind: ``[S, C, K]``.

    ``lr`` is ``[S, K]``: the rate of each row at each step.
    """
    rows = [
        coefficients_of(optimizer, NoPenalty(), NoClip(), lr[:, k], steps)
        for k, optimizer in enumerate(optimizers)
    ]
    return np.stack(rows, axis=2)


def pulls_of(recipe: Recipe, net: nn.Module) -> dict[str, bool]:
    """Name what a recipe pulls weights by, and say whether any weight of ``net`` feels it.

    Example:
        >>> from goodfit.recipe import L2, SGD
        >>> pulls_of(Recipe(data="x", optimizer=SGD(), penalty=L2()), nn.Linear(2, 1))
        {'l2 penalty': True}
    """
    mask, penalty = decay_mask(recipe.optimizer, net), recipe.penalty
    strengths = {
        "weight decay": recipe.optimizer.weight_decay,
        f"{penalty.kind} penalty": max(
            (float(np.max(each)) for each in PENALTIES[penalty.kind](penalty, np.ones(1)).values()),
            default=0.0,
        ),
    }
    felt = mask is None or bool(mask.any())
    return {name: felt for name, strength in strengths.items() if strength > 0.0}


def decisions(recipe: Recipe, net: nn.Module) -> tuple[str, ...]:
    """Say in words what a recipe's update does that its numbers do not show at once."""
    optimizer, told = recipe.optimizer, []
    mask, rule = decay_mask(optimizer, net), base_rule_of(optimizer)
    numbers = decay_numbers(optimizer, rule, recipe.penalty, np.ones(1))
    if mask is not None and any(np.any(number) for number in numbers.values()):
        share = f"{int(mask.sum()):,} of {len(mask):,} weights"
        told.append(
            f"Decay pulls on matrices and kernels ({share}), not on norms and biases;"
            ' optimizer.decay_on = "all" lets it pull on all.'
        )
    if recipe.penalty.kind != "none":
        told.append("Reported losses are those of the data, without the penalty.")
    if optimizer.scale_lr != "none":
        size = recipe.batch_size or 1
        told.append(
            f"The learning rate is {base_rate(optimizer, size):.4g}: {optimizer.lr:g} scaled"
            f" ({optimizer.scale_lr}) from batches of {optimizer.base_batch_size} to {size} rows."
        )
    return (*told, *_never_unfrozen(recipe))


def _never_unfrozen(recipe: Recipe) -> tuple[str, ...]:
    transfer, epochs = recipe.transfer, recipe.epochs
    if transfer is None or epochs is None or (transfer.unfreeze_epoch or 0) < epochs:
        return ()
    return (
        f"Frozen layers stay frozen: transfer.unfreeze_epoch = {transfer.unfreeze_epoch},"
        f" and the run has {epochs} epochs.",
    )
