"""Real loops on scikit-learn's digits, watched: healthy ones stay silent, faults get their name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from goodfit.adapters import watch
from goodfit.diagnosis import findings
from goodfit.records import History

STEPS_PER_EPOCH, NUM_TRAIN = 33, 1078


@cache
def digits() -> tuple[Tensor, Tensor]:
    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    inputs = torch.as_tensor(x, dtype=torch.float32)[order]
    return (inputs - 4.88) / 6.02, torch.as_tensor(y)[order]


def mlp(activation: Callable[[], nn.Module] = nn.ReLU, depth: int = 2) -> nn.Sequential:
    sizes = [64, *[48] * depth]
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), activation()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], 10))


@dataclass(frozen=True)
class Plan:
    """A training script, and what is wrong with it."""

    make: Callable[[], nn.Module] = mlp
    lr: float = 1e-3
    weight_decay: float = 0.0
    batch_size: int = 32
    epochs: int = 8
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam
    zero_grad: bool = True
    step: bool = True
    same: bool = False
    maximize: bool = False
    schedule: Callable[[float], float] = field(default=lambda share: 1.0)


def run(plan: Plan, seed: int = 0) -> History:
    """Train as tutorials do, under watch."""
    torch.manual_seed(seed)
    net, loss_fn, (x, y) = plan.make(), nn.CrossEntropyLoss(), digits()
    options = {"weight_decay": plan.weight_decay, "maximize": plan.maximize}
    optimizer = plan.optimizer(net.parameters(), lr=plan.lr, **options)
    total = plan.epochs * STEPS_PER_EPOCH
    change = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: plan.schedule(k / total))
    with watch(net, optimizer, loss_fn, budget=0.2) as watching:
        for _ in range(plan.epochs):
            order = torch.randperm(NUM_TRAIN)
            for k in range(STEPS_PER_EPOCH):
                part = order[k * plan.batch_size : (k + 1) * plan.batch_size]
                rows = torch.arange(plan.batch_size) if plan.same else part
                if plan.zero_grad:
                    optimizer.zero_grad()
                loss_fn(net(x[rows]), y[rows]).backward()
                if plan.step:
                    optimizer.step()
                    change.step()
            with torch.no_grad():
                outputs = net.eval()(x[NUM_TRAIN:1400])
            accuracy = float((outputs.argmax(1) == y[NUM_TRAIN:1400]).float().mean())
            watching.validation(float(loss_fn(outputs, y[NUM_TRAIN:1400])), accuracy=accuracy)
            net.train()
    return replace(watching.history, stopped="budget")


def scaled(factor: float, activation: Callable[[], nn.Module]) -> nn.Module:
    net = mlp(activation)
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(factor)
    return net


HEALTHY = {
    "adam": Plan(lr=2e-3),
    "sgd-cosine": Plan(
        optimizer=lambda p, lr, **kw: torch.optim.SGD(p, lr=lr, momentum=0.9, **kw),
        lr=0.03,
        schedule=lambda share: 1 - share,
    ),
    "tanh": Plan(make=lambda: mlp(nn.Tanh), lr=2e-3),
    "adamw-decay": Plan(optimizer=torch.optim.AdamW, lr=2e-3, weight_decay=0.05),
}
FAULTS = {
    "lr-too-high": Plan(lr=1.0),
    "lr-too-low": Plan(lr=1e-6),
    "weights-unchanged": Plan(step=False),
    "gradients-accumulate": Plan(zero_grad=False),
    "gradient-ascent": Plan(maximize=True),
    "same-batch-every-step": Plan(same=True),
    "schedule-ended-early": Plan(schedule=lambda share: float(share < 0.1)),
    "weight-decay-too-strong": Plan(weight_decay=1.0),
    "gradient-vanishing": Plan(make=lambda: mlp(nn.Sigmoid, depth=8)),
    "saturated-units": Plan(make=lambda: scaled(30.0, nn.Tanh)),
}


@pytest.mark.parametrize("name", sorted(HEALTHY))
def test_a_healthy_loop_stays_silent(name: str) -> None:
    found = findings(run(HEALTHY[name]))
    assert [str(f) for f in found if f.severity != "info"] == []


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_planted_fault_is_among_the_first_two(name: str) -> None:
    assert name in [f.rule for f in findings(run(FAULTS[name]))[:2]]
