"""The family of rules while training, and how they are applied."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..records import Finding, History, Verdict, not_judged
from . import (
    ascent,
    curves,
    forms,
    generalisation,
    layers,
    loop_mistakes,
    optimiser,
    rates,
    starts,
    targets,
    trained,
    underfit,
    updates,
)
from .evidence import has_several_losses
from .order import by_cause

RULES: tuple[Callable[[History], Verdict], ...] = (
    trained.weights_unchanged,
    trained.not_in_optimizer,
    trained.no_gradient,
    forms.loss_broadcast,
    forms.softmax_wrong_axis,
    forms.double_softmax,
    forms.missing_softmax,
    forms.loss_output_mismatch,
    forms.loss_sum_reduction,
    starts.input_not_finite,
    starts.input_out_of_scale,
    starts.input_ignored,
    starts.symmetric_init,
    starts.init_too_large,
    starts.init_too_small,
    starts.initial_loss_off,
    starts.batch_norm_tiny_batch,
    layers.no_activation,
    ascent.gradient_ascent,
    loop_mistakes.gradients_accumulate,
    loop_mistakes.same_batch_every_step,
    loop_mistakes.not_shuffled,
    loop_mistakes.eval_mode_while_training,
    loop_mistakes.train_mode_while_evaluating,
    loop_mistakes.norm_statistics_stale,
    optimiser.clipping_most_steps,
    optimiser.schedule_ended_early,
    optimiser.weight_decay_too_strong,
    optimiser.batch_too_small,
    rates.lr_too_high,
    rates.lr_too_low,
    rates.lr_good,
    curves.loss_not_finite,
    curves.loss_exploded,
    curves.oscillating,
    curves.plateau,
    curves.flat_then_sudden,
    layers.saturated_units,
    layers.dead_units,
    layers.gradient_vanishing,
    layers.gradient_exploding,
    updates.update_ratio_high,
    updates.update_ratio_low,
    targets.label_noise,
    generalisation.overfitting,
    underfit.underfitting,
    generalisation.still_improving,
    generalisation.loss_flat_metric_rising,
)


# What reads one descent off the losses, or one step off all layers: where several optimisers have
# a loss each, there is neither.
OF_ONE_DESCENT = (
    rates.lr_too_low,
    updates.update_ratio_low,
    optimiser.batch_too_small,
    curves.oscillating,
    curves.plateau,
    curves.flat_then_sudden,
    targets.label_noise,
    generalisation.overfitting,
    underfit.underfitting,
    generalisation.still_improving,
)


def name_of(function: Callable[..., object]) -> str:
    """Return the catalogue's name of a rule or check.

    Example:
        >>> name_of(RULES[0])
        'weights-unchanged'
    """
    return getattr(function, "__name__", "").replace("_", "-")


def judge(history: History) -> tuple[Verdict, ...]:
    """Return every rule's verdict, in the order of :data:`RULES`.

    Example:
        >>> {verdict.outcome for verdict in judge(History(metric=""))}
        {'not-judged'}
    """
    with np.errstate(all="ignore"):  # losses may be infinite, and rules know it
        left_out = OF_ONE_DESCENT if has_several_losses(history) else ()
        return tuple(_not_one(rule) if rule in left_out else rule(history) for rule in RULES)


def _not_one(rule: Callable[[History], Verdict]) -> Verdict:
    return not_judged(
        name_of(rule), "several optimisers train a loss each: they make no one descent"
    )


def findings(history: History) -> tuple[Finding, ...]:
    """Return what the rules found, causes first."""
    return by_cause(v.finding for v in judge(history) if v.finding is not None)
