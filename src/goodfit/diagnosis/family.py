"""The family of rules while training, and how they are applied."""

from __future__ import annotations

from collections.abc import Callable

from ..records import Finding, History, Verdict
from . import curves, layers, loop_mistakes, rates
from .order import by_cause

RULES: tuple[Callable[[History], Verdict], ...] = (
    loop_mistakes.weights_unchanged,
    loop_mistakes.gradients_accumulate,
    loop_mistakes.same_batch_every_step,
    loop_mistakes.not_shuffled,
    loop_mistakes.eval_mode_while_training,
    loop_mistakes.train_mode_while_evaluating,
    loop_mistakes.clipping_most_steps,
    curves.gradient_ascent,
    curves.loss_not_finite,
    curves.loss_exploded,
    layers.dead_units,
    layers.saturated_units,
    rates.lr_too_high,
    rates.lr_too_low,
)


def judge(history: History) -> tuple[Verdict, ...]:
    """Return every rule's verdict, in the order of :data:`RULES`.

    Example:
        >>> {verdict.outcome for verdict in judge(History(metric=""))}
        {'not-judged'}
    """
    return tuple(rule(history) for rule in RULES)


def findings(history: History) -> tuple[Finding, ...]:
    """Return what the rules found, causes first."""
    return by_cause(v.finding for v in judge(history) if v.finding is not None)
