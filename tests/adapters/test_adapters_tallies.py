"""What a watch counts: each mistake of a loop is seen, and its healthy twin is not blamed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from adapter_loops import FEATURES, Loop, mlp, tally
from torch import nn

from goodfit.adapters import watch

FAULTS: dict[str, dict[str, Any]] = {
    "old-gradients": {"zero_grad": False},
    "same-batch": {"same_batch": True},
    "same-order": {"shuffle": False},
    "eval-training": {"train_mode": False},
    "train-evaluating": {"eval_mode": False},
    "one-class": {"sort": True},
    "clipped": {"max_norm": 0.05},
}
HEALTHY: dict[str, dict[str, Any]] = {
    "plain": {},
    "zeroed between forward and backward": {"zero_late": True},
    "accumulated": {"accumulate": 4},
    "clipped seldom": {"max_norm": 100.0},
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_mistake_is_counted_nearly_every_time(name: str) -> None:
    found = tally(Loop(**FAULTS[name]).watched(), name)
    assert found.of >= 4
    assert found.share > 0.7


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("loop", HEALTHY)
def test_a_healthy_loop_is_not_blamed(name: str, loop: str) -> None:
    found = tally(Loop(**HEALTHY[loop]).watched(), name)
    assert found.of >= 4
    assert found.happened == 0


def test_order_is_known_without_any_evaluation() -> None:
    fixed = Loop(shuffle=False, evaluate=False).watched()
    assert tally(fixed, "same-order").happened >= 4
    assert fixed.steps_per_epoch == 8
    assert tally(Loop(evaluate=False).watched(), "same-order").happened == 0


def test_accumulated_batches_are_one_step() -> None:
    history = Loop(accumulate=4, epochs=8).watched()
    assert len(history.steps.step) == 16
    found = tally(history, "backward-per-step")
    assert found.share == pytest.approx(0.75, abs=0.1)
    assert tally(history, "skipped").happened == 0


def test_the_norm_to_which_gradients_are_cut_is_read_off() -> None:
    history = Loop(max_norm=0.05).watched()
    assert history.clipped
    assert history.setting.max_grad_norm == pytest.approx(0.05, rel=1e-3)
    assert Loop().watched().setting.max_grad_norm is None


def test_a_missing_step_leaves_weights_still() -> None:
    history = Loop(step=False).watched()
    assert tally(history, "still-weights").share == 1.0
    assert len(history.steps.loss) == 48


def test_weights_that_were_replaced_stand_still_and_are_foreign() -> None:
    loop = Loop()
    net = loop.net
    assert isinstance(net, nn.Sequential)
    net[0] = nn.Linear(FEATURES, 24)
    history = loop.watched()
    assert tally(history, "foreign-parameters").happened == 2
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    net[4] = nn.Linear(24, 3)
    assert tally(loop.watched(), "still-weights").share == 1.0


def test_a_parameter_that_no_gradient_reaches_is_counted() -> None:
    class Part(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = mlp(), nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x)

    assert tally(Loop(net=Part()).watched(), "unreached-parameters").happened == 2
    assert tally(Loop().watched(), "unreached-parameters").happened == 0


def test_frozen_parameters_are_no_fault() -> None:
    net = mlp()
    for parameter in net[0].parameters():
        parameter.requires_grad_(False)
    history = Loop(net=net).watched()
    assert tally(history, "foreign-parameters").happened == 0
    assert tally(history, "unreached-parameters").happened == 0
    assert tally(history, "still-weights").happened == 0


def test_steps_that_loss_scaling_skips_are_counted() -> None:
    net = mlp()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=10_000)
    loss_fn = nn.CrossEntropyLoss()
    with watch(net, optimizer, loss_fn, say=None, budget=1.0) as eye:
        for _ in range(60):
            optimizer.zero_grad()
            loss = loss_fn(net(torch.randn(16, FEATURES)), torch.arange(16) % 3)
            scaler.scale(64.0 * loss).backward()
            scaler.step(optimizer)
            scaler.update()
    history = eye.history
    assert tally(history, "skipped").happened >= 3
    assert len(history.steps.step) < 60
    assert history.autopsy is None
    assert tally(history, "clipped").happened == 0
