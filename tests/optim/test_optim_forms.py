"""Which momentum forms are the same thing rewritten, and where they part."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from goodfit.optim import coefficient_table, rule_of
from goodfit.recipe import (
    Momentum,
    MomentumEMA,
    MomentumLRInside,
    Nesterov,
    NesterovLookahead,
    NesterovRewritten,
    Optimizer,
)

STEPS = 60
CONSTANT = np.ones(STEPS)
FALLING = 0.9 ** np.arange(STEPS)
# A ravine: curvatures from 1 to 50, so that a wrong form goes another way.
CURVATURE = torch.linspace(1.0, 50.0, 7, dtype=torch.float64)


def walk(config: Optimizer, factors: np.ndarray) -> Tensor:
    """Return the points ``[STEPS, 7]`` of a descent on ``sum c w^2 / 2`` in float64."""
    rule = rule_of(config)
    rates = config.lr * factors[:, None]
    table = torch.from_numpy(coefficient_table([config], rates, np.arange(float(STEPS)))).double()
    w, points = torch.ones(1, 7, dtype=torch.float64), []
    slots = tuple(torch.zeros_like(w) for _ in rule.slots)
    for numbers in table:
        w, slots = rule.update(w, CURVATURE * w, slots, *numbers)
        points.append(w[0])
    return torch.stack(points)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Momentum(lr=0.02), MomentumLRInside(lr=0.02)),
        (Momentum(lr=0.02), MomentumEMA(lr=0.02 / (1.0 - 0.9))),
        (Nesterov(lr=0.01), NesterovRewritten(lr=0.01)),
        (Nesterov(lr=0.01), NesterovLookahead(lr=0.01)),
    ],
    ids=lambda config: config.kind,
)
def test_at_a_constant_rate_they_walk_the_same_way(one: Optimizer, other: Optimizer) -> None:
    assert torch.allclose(walk(one, CONSTANT), walk(other, CONSTANT), rtol=1e-5, atol=1e-6)
    assert walk(one, CONSTANT)[-1].abs().max() < 0.5, "nothing was descended"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Momentum(lr=0.02), MomentumLRInside(lr=0.02), False),
        (Momentum(lr=0.02), MomentumEMA(lr=0.02 / (1.0 - 0.9)), True),
        (Nesterov(lr=0.01), NesterovRewritten(lr=0.01), False),
        (NesterovRewritten(lr=0.01), NesterovLookahead(lr=0.01), True),
    ],
    ids=str,
)
def test_under_a_schedule_a_rate_inside_the_velocity_parts_them(
    one: Optimizer, other: Optimizer, same: bool
) -> None:
    distance = float((walk(one, FALLING) - walk(other, FALLING)).abs().max())
    assert distance < 1e-5 if same else distance > 0.01


def test_momentum_and_nesterov_are_not_the_same() -> None:
    assert (walk(Momentum(lr=0.01), CONSTANT) - walk(Nesterov(lr=0.01), CONSTANT)).abs().max() > 0.1


def test_without_momentum_all_are_gradient_descent() -> None:
    kinds = (Momentum, MomentumLRInside, MomentumEMA, Nesterov, NesterovRewritten)
    first, *others = [
        walk(kind(lr=0.01, momentum=0.0), FALLING) for kind in (*kinds, NesterovLookahead)
    ]
    for other in others:
        assert torch.allclose(first, other, rtol=1e-9, atol=0.0)
