"""Several losses of one pass, as MixUp's two or those of several heads: what each weighs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .losses import outputs_and_targets
from .steps import Number

# Weights that sum to 1 are shares of one target: MixUp, CutMix.
SHARES = 1e-3


@dataclass(slots=True)
class Weighed:
    """A loss, what its module was given, and what backward says it weighs in what is trained."""

    loss: Number
    judged: tuple[Any, Any] | None
    weight: Number | None = None

    def weigh(self, gradient: Tensor) -> None:
        """Take down the derivative of the whole by this loss (a hook of the loss tensor)."""
        weight = gradient.detach().sum()
        self.weight = weight.item() if weight.is_cpu else weight


def together(calls: Sequence[Weighed]) -> Number | None:
    """Return the mean of losses by weight, ``sum |w| l / sum |w|``; None where no weight is known.

    By weight, and not the sum: so shares of one target, parts of an accumulated step and scaled
    losses all give the loss of one row.

    Example:
        >>> together([Weighed(1.0, None, 0.75), Weighed(3.0, None, 0.25), Weighed(9.0, None)])
        1.5
    """
    known = [(abs(call.weight), call.loss) for call in calls if call.weight is not None]
    whole = sum(weight for weight, _ in known)
    if not known or not float(whole) > 0.0:
        return None
    return sum(weight * loss for weight, loss in known) / whole


def given_to(calls: Sequence[Weighed]) -> tuple[Any, Any] | None:
    """Return what a loss was given (arguments, keyword arguments): mixed, or what weighs most."""
    known = [call for call in calls if call.judged is not None and call.weight is not None]
    shared = _mixed(known)
    if shared is not None:
        return shared, {}
    return max(known, key=lambda call: abs(float(call.weight or 0.0))).judged if known else None


def _mixed(calls: Sequence[Weighed]) -> tuple[Tensor, Tensor] | None:
    """Return outputs and shares, both ``[N, C]``, where one output is held against several targets.

    That is MixUp as it was published: ``s loss(output, y) + (1 - s) loss(output, y[order])``. None
    for other losses. Source: Zhang et al., "mixup", ICLR 2018.
    """
    given = [outputs_and_targets(*call.judged) for call in calls if call.judged is not None]
    weights = [float(call.weight or 0.0) for call in calls]
    if len(given) < 2 or abs(sum(weights) - 1.0) > SHARES or min(weights) < 0.0:
        return None
    outputs = given[0][0]
    same = all(scores is outputs for scores, _ in given) and isinstance(outputs, Tensor)
    if not same or outputs.dim() != 2 or not all(map(_are_classes, (y for _, y in given))):
        return None
    shares = torch.zeros_like(outputs, requires_grad=False)
    for weight, (_, y) in zip(weights, given, strict=True):
        shares = shares + weight * F.one_hot(y, outputs.shape[1])
    return outputs, shares


def _are_classes(targets: Any) -> bool:
    return isinstance(targets, Tensor) and targets.dim() == 1 and not targets.is_floating_point()
