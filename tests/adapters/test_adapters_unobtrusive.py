"""A watch changes nothing that it observes, and leaves nothing behind."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch
from adapter_loops import BATCH, FEATURES, Loop, data, mlp, tally
from torch import nn

from goodfit.adapters import watch
from goodfit.errors import GoodfitError
from goodfit.records import History


def bfloat16() -> AbstractContextManager:
    """Return mixed precision as on a CPU."""
    return torch.autocast("cpu", torch.bfloat16)


WAYS: dict[str, Callable[[], Loop]] = {
    "plain": lambda: Loop(),
    "clipped": lambda: Loop(max_norm=0.1),
    "accumulated": lambda: Loop(accumulate=2),
    "bfloat16": lambda: Loop(around=bfloat16),
    "functional dropout": lambda: Loop(net=mlp(Noisy())),
}


class Noisy(nn.Module):
    """Draws noise in every mode, also where a network is evaluated."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(x, 0.2)


def hooks(module: nn.Module) -> int:
    """Return how many hooks hang on a network and its parameters."""
    tables = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    on_modules = sum(len(getattr(m, table)) for m in module.modules() for table in tables)
    return on_modules + sum(len(p._backward_hooks or ()) for p in module.parameters())


@pytest.mark.parametrize("way", WAYS)
def test_weights_buffers_and_random_numbers_are_the_same_bits(way: str) -> None:
    plain, watched = WAYS[way](), WAYS[way]()
    torch.manual_seed(5)
    losses = plain.run()
    after = torch.rand(3)
    torch.manual_seed(5)
    history = watched.watched()
    assert torch.equal(after, torch.rand(3))
    assert len(history.looks.step) > 5
    assert len(history.steps.loss) == len(losses) // watched.accumulate
    for name, value in plain.net.state_dict().items():
        assert torch.equal(value, watched.net.state_dict()[name]), name


def test_all_hooks_are_gone_afterwards() -> None:
    loop = Loop()
    loop.watched()
    assert hooks(loop.net) == 0
    assert not loop.loss_fn._forward_hooks
    assert not loop.optimizer._optimizer_step_pre_hooks
    assert not loop.optimizer._optimizer_step_post_hooks


def test_all_hooks_are_gone_after_an_exception() -> None:
    loop = Loop()
    wrong = torch.randn(4, FEATURES + 1)
    eye = watch(loop.net, loop.optimizer, loop.loss_fn, say=None)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), eye:
        loop.net(wrong)
    assert hooks(loop.net) == 0


def test_a_copy_of_the_network_is_not_watched() -> None:
    loop = Loop()
    with watch(loop.net, loop.optimizer, loop.loss_fn, say=None) as eye:
        average = copy.deepcopy(loop.net)
        before = eye.eyes.pulse.num_passes
        average(torch.randn(4, FEATURES))
        assert eye.eyes.pulse.num_passes == before


def test_a_network_can_be_pickled_while_it_is_watched() -> None:
    loop, held = Loop(), io.BytesIO()
    with watch(loop.net, loop.optimizer, loop.loss_fn, say=None):
        torch.save(loop.net, held)
    held.seek(0)
    loaded = torch.load(held, weights_only=False)
    assert loaded.eval()(torch.zeros(1, FEATURES)).shape == (1, 3)


def test_a_clean_evaluation_restores_modes_and_buffers() -> None:
    loop = Loop()
    net = loop.net
    assert isinstance(net, nn.Sequential)
    with watch(net, loop.optimizer, loop.loss_fn, say=None, budget=1.0) as eye:
        loop.run()
        net.train()
        net[1].eval()
        held = copy.deepcopy(net.state_dict())
        eye.validation(0.5)
    assert [module.training for module in net] == [True, False, True, True, True]
    assert all(torch.equal(value, held[name]) for name, value in net.state_dict().items())
    assert 0.0 < eye.history.epochs.clean_loss[-1] < 1.2


def test_something_that_is_no_optimiser_is_refused() -> None:
    with pytest.raises(GoodfitError, match="no optimiser to watch"):
        watch(mlp(), [])
    given: Any = 3.0
    with pytest.raises(GoodfitError, match="no optimiser to watch"):
        watch(mlp(), [given])


def compiled_history(compiled: Callable[[nn.Module], nn.Module]) -> History:
    """Train a network that torch.compile has taken."""
    net = mlp()
    loop = Loop(net=net)
    run = compiled(net)
    x, y = data()
    with watch(run, loop.optimizer, loop.loss_fn, say=None, budget=1.0) as eye:
        for part in torch.arange(256).split(BATCH) * 2:
            loop.optimizer.zero_grad()
            loop.loss_fn(run(x[part]), y[part]).backward()
            loop.optimizer.step()
    return eye.history


def wrapped(net: nn.Module) -> nn.Module:
    """Compile a network by a wrapper."""
    compiled: Any = torch.compile(net, backend="eager")
    return compiled


def in_place(net: nn.Module) -> nn.Module:
    """Compile a network in place."""
    net.compile(backend="eager")
    return net


@pytest.mark.parametrize("way", ["wrapped", "in place"])
def test_a_compiled_network_is_watched_as_far_as_can_be(way: str) -> None:
    torch._dynamo.reset()
    history = compiled_history(in_place if way == "in place" else wrapped)
    assert len(history.steps.step) == 16
    assert history.looks.layers[0].name == "0"
    assert all(norm > 0 for norm in history.looks.layers[0].grad_norm)
    assert tally(history, "still-weights").happened == 0
    assert any("compiled" in reason for reason in history.unseen)
    assert history.setting.loss_kind == "cross-entropy"


def test_a_network_that_is_compiled_beside_the_watched_one_still_trains() -> None:
    torch._dynamo.reset()
    net = mlp()
    loop = Loop(net=net)
    run = torch.compile(net, backend="eager", fullgraph=True)
    x, y = data()
    with watch(net, loop.optimizer, loop.loss_fn, say=None, budget=1.0) as eye:
        for part in torch.arange(256).split(BATCH):
            loop.optimizer.zero_grad()
            loop.loss_fn(run(x[part]), y[part]).backward()
            loop.optimizer.step()
    assert len(eye.history.steps.step) == 8
