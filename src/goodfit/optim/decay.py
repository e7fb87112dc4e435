"""What pulls weights to zero: L1, L2, their sum, and decoupled decay, under a mask.

All of them stand around a rule. ``l1`` and ``l2`` enter the gradient that the rule gets,
``shrink`` multiplies the weights before the step:

    g <- g + l1 mask sign(w) + l2 mask w;    w <- w (1 - shrink mask)

The reported loss stays that of the data: the penalty's value is in no curve. ``mask`` is ``[P]``,
one for each weight of a row, or None where everything decays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, addcmul

from ..recipe import L1, L2, Decoupled, Elastic, NoPenalty, Optimizer, Penalty
from .rules import Array, Rule, Slots

TERMS = ("l1", "l2", "shrink")


def none(penalty: NoPenalty, lr: Array) -> dict[str, Array | float]:
    """No penalty beside the optimiser's own ``weight_decay``: the loss is ``L``."""
    return {}


def l1(penalty: L1, lr: Array) -> dict[str, Array | float]:
    """``L + strength sum |w|``: the gradient gets ``strength sign(w)``, 0 at 0. Notes n3.

    Pulls every weight by the same force, small ones to zero and back across it.
    """
    return {"l1": penalty.strength}


def l2(penalty: L2, lr: Array) -> dict[str, Array | float]:
    """``L + strength sum w^2``: the gradient gets ``2 strength w``. Notes n0, 5.2; n3.

    The same as ``weight_decay = 2 strength`` of any optimiser but ``adamw``.
    """
    return {"l2": 2.0 * penalty.strength}


def elastic(penalty: Elastic, lr: Array) -> dict[str, Array | float]:
    """``L + alpha sum w^2 + beta sum |w|``: gradient ``2 alpha w + beta sign(w)``. Notes n3."""
    return {"l1": penalty.beta, "l2": 2.0 * penalty.alpha}


def decoupled(penalty: Decoupled, lr: Array) -> dict[str, Array | float]:
    """``w <- w (1 - lr strength)`` before the step, beside the gradient; ``lr`` is the step's rate.

    What ``adamw`` does with its ``weight_decay``, for every optimiser. Loshchilov and Hutter,
    "Decoupled weight decay regularization", ICLR 2019.
    """
    return {"shrink": lr * penalty.strength}


PENALTIES = {"none": none, "l1": l1, "l2": l2, "elastic": elastic, "decoupled": decoupled}


def decay_numbers(
    optimizer: Optimizer, rule: Rule, penalty: Penalty, lr: Array
) -> dict[str, Array | float]:
    """Return each term's number at rates ``lr`` ``[S]``: the penalty's and the optimiser's own.

    Which terms there are depends on the kinds alone, so that rows may differ in numbers.
    """
    numbers = PENALTIES[penalty.kind](penalty, lr)
    own = optimizer.weight_decay
    term, number = ("shrink", lr * own) if rule.decoupled else ("l2", own)
    numbers[term] = numbers.get(term, 0.0) + number
    return {term: numbers[term] for term in TERMS if term in numbers}


def with_decay(rule: Rule, terms: Sequence[str], mask: Tensor | None) -> Rule:
    """Return the rule with decay around it; it takes one coefficient more for each of ``terms``."""
    num = len(terms)

    def update(w: Tensor, g: Tensor, slots: Slots, *numbers: Tensor) -> tuple[Tensor, Slots]:
        own = dict(zip(terms, numbers[-num:], strict=True))
        if "l1" in own:
            g = addcmul(g, _masked(own["l1"], mask), w.sign())
        if "l2" in own:
            g = addcmul(g, _masked(own["l2"], mask), w)
        if "shrink" in own:
            w = w * (1.0 - _masked(own["shrink"], mask))
        return rule.update(w, g, slots, *numbers[:-num])

    def fused(w: Tensor, g: Tensor, slots: Slots, numbers: Sequence[float]) -> None:
        assert rule.fused is not None
        own = dict(zip(terms, numbers[-num:], strict=True))
        if own.get("l1"):
            g = _add(g, w.sign(), mask, own["l1"])
        if own.get("l2"):
            g = _add(g, w, mask, own["l2"])
        if own.get("shrink"):
            shrink(w, mask, own["shrink"])
        rule.fused(w, g, slots, numbers[:-num])

    return replace(rule, update=update, fused=fused if rule.fused else None)


def shrink(w: Tensor, mask: Tensor | None, by: float) -> None:
    """Multiply a row ``[P]`` by ``1 - by`` in place, where the mask is 1."""
    if mask is None:
        w.mul_(1.0 - by)
    else:
        w.addcmul_(w, mask, value=-by)


def _masked(number: Tensor, mask: Tensor | None) -> Tensor:
    return number if mask is None else number * mask


def _add(g: Tensor, part: Tensor, mask: Tensor | None, number: float) -> Tensor:
    # Not in place: a gradient may be a constant of the traced graph.
    if mask is None:
        return torch.add(g, part, alpha=number)
    return torch.addcmul(g, part, mask, value=number)
