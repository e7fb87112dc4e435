"""What a loss is at chance and at best: from its options and the targets that were seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from .losses import LossFacts


def entropy(weights: Sequence[float]) -> float:
    """Return the entropy in nats of weights that need not sum to 1; 0 for none.

    Example:
        >>> round(entropy([2, 2]), 4)
        0.6931
    """
    total = math.fsum(weights)
    if total <= 0.0:
        return 0.0
    return -math.fsum(w / total * math.log(w / total) for w in weights if w > 0.0)


def class_losses(facts: LossFacts, prior: Sequence[float]) -> tuple[float, float]:
    """Return cross-entropy at chance and at best, for a class prior ``[C]``.

    The loss is ``-sum_c a_c log q_c / Z`` with ``a_c = w_c ((1 - e) [c = y] + e / C)``, class
    weights ``w``, label smoothing ``e`` and ``Z`` the mean weight of the targets. The best
    constant ``q`` is the mean of ``a`` over the prior, normalised; the best possible one is ``a``
    of each target, normalised.

    Example:
        >>> chance, floor = class_losses(LossFacts("cross-entropy"), [0.5, 0.5])
        >>> round(chance, 4), floor
        (0.6931, 0.0)
    """
    num = len(prior)
    weights = _weights(facts.weight, num)
    e = facts.label_smoothing
    scale = math.fsum(p * w for p, w in zip(prior, weights, strict=True)) or 1.0
    mean = [w * ((1.0 - e) * p + e / num) for p, w in zip(prior, weights, strict=True)]
    chance = math.fsum(mean) * entropy(mean) / scale
    floor = 0.0
    for y, p in enumerate(prior if e else ()):
        own = [w * (e / num + (1.0 - e) * (c == y)) for c, w in enumerate(weights)]
        floor += p * math.fsum(own) * entropy(own) / scale
    return chance, floor


def _weights(weight: Tensor | None, num: int) -> list[float]:
    return [1.0] * num if weight is None else weight.detach().double().flatten().tolist()


def binary_losses(facts: LossFacts, prior: Sequence[float]) -> float:
    """Return binary cross-entropy at chance, for the mean target of each output ``[C]``.

    With ``v`` for positives the best constant is ``q = v p / (v p + 1 - p)``.

    Example:
        >>> round(binary_losses(LossFacts("binary-cross-entropy"), [0.5]), 4)
        0.6931
    """
    num = len(prior)
    positive = _weights(facts.pos_weight, num)
    positive = positive * num if len(positive) == 1 else positive
    parts = ([v * p, 1.0 - p] for v, p in zip(positive, prior, strict=True))
    return math.fsum(math.fsum(part) * entropy(part) for part in parts) / num


def regression_loss(facts: LossFacts, targets: Tensor) -> float:
    """Return the loss of the best constant for a sample of targets ``[n, outputs]``.

    The variance for a squared error; for others the loss at the median.

    Example:
        >>> import torch
        >>> regression_loss(LossFacts("mse"), torch.tensor([[0.0], [2.0]]))
        1.0
    """
    values = targets.double()
    if facts.kind == "mse":
        return float(values.var(dim=0, correction=0).mean())
    apart = (values - values.median(dim=0).values).abs()
    if facts.kind == "huber":
        near = 0.5 * apart.square() / (facts.delta or 1.0)
        apart = (apart - 0.5 * facts.delta).where(apart > facts.delta, near)
    return float(apart.mean())
