"""Layers that stay, and layers at a rate of their own: masks ``[P]`` around a rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor, where

from .rules import Array, Rule, Slots


def with_rates(rule: Rule, scale: Tensor | None) -> Rule:
    """Return the rule with a learning rate of ``scale lr`` for each weight; ``scale`` is ``[P]``.

    Each rule's step is proportional to its rate: ``w <- w + scale (rule(w) - w)``.
    """
    if scale is None:
        return rule

    def update(w: Tensor, g: Tensor, slots: Slots, *numbers: Tensor) -> tuple[Tensor, Slots]:
        moved, slots = rule.update(w, g, slots, *numbers)
        return w + scale * (moved - w), slots

    return replace(rule, update=update, fused=None)


def with_frozen(rule: Rule, frozen: Tensor | None, *, wakes: bool) -> Rule:
    """Return the rule under which frozen weights (bool ``[P]``) and their slots keep their bits.

    Where they wake it takes its coefficients twice, the second time counted from their waking, and
    behind those one that is 1 from then on: a weight that wakes has a state that begins.
    """
    if frozen is None:
        return rule

    def update(w: Tensor, g: Tensor, slots: Slots, *numbers: Tensor) -> tuple[Tensor, Slots]:
        stays = frozen
        if wakes:
            half = len(numbers) // 2
            early, late, awake = numbers[:half], numbers[half:-1], numbers[-1]
            numbers = tuple(where(frozen, b, a) for a, b in zip(early, late, strict=True))
            stays = frozen & (awake < 0.5)
        moved, fresh = rule.update(w, g, slots, *numbers)
        kept = (where(stays, old, new) for old, new in zip(slots, fresh, strict=True))
        return where(stays, w, moved), tuple(kept)

    return replace(rule, update=update, fused=None)


def without_gradient(rule: Rule, frozen: Tensor | None, *, wakes: bool) -> Rule:
    """Return the rule that gets no gradient of frozen weights: none counts in a clipped norm.

    Where they wake it takes one coefficient more, the last, which is 1 from then on.
    """
    if frozen is None:
        return rule

    def update(w: Tensor, g: Tensor, slots: Slots, *numbers: Tensor) -> tuple[Tensor, Slots]:
        stays = frozen & (numbers[-1] < 0.5) if wakes else frozen
        g = where(stays, 0.0, g)
        return rule.update(w, g, slots, *(numbers[:-1] if wakes else numbers))

    return replace(rule, update=update, fused=None, wakes=wakes)


def waking(steps: Array, wake: int) -> tuple[Array, Array]:
    """Return the steps counted from step ``wake`` on (0 before), and 1 from then on.

    Example:
        >>> [part.tolist() for part in waking(np.arange(4.0), 2)]
        [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]]
    """
    return np.maximum(steps - wake, 0.0), (steps >= wake).astype(np.float64)
