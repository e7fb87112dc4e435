"""The autopsy inside a watched loop: from the weights before the step, in the loop's own manner."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from adapter_loops import FEATURES, mlp
from torch import Tensor, nn

from goodfit.adapters import watch
from goodfit.records import History


class At(nn.Module):
    """Applies a function from its ``when``-th call on."""

    def __init__(self, function: Callable[[Tensor], Tensor], when: int) -> None:
        super().__init__()
        self.function, self.when, self.calls = function, when, 0

    def forward(self, x: Tensor) -> Tensor:
        """Pass ``x`` on, or apply the function."""
        self.calls += 1
        return self.function(x) if self.calls > self.when else x


def run(
    function: Callable[[Tensor], Tensor], *, closure: bool = False, when: int = 20
) -> tuple[History, nn.Module]:
    """Train 30 steps of a network that goes wrong at one of them."""
    net = mlp(At(function, when))
    optimizer, loss_fn = torch.optim.SGD(net.parameters(), lr=0.01), nn.CrossEntropyLoss()

    def pass_() -> Tensor:
        optimizer.zero_grad()
        loss = loss_fn(net(torch.randn(16, FEATURES)), torch.arange(16) % 3)
        loss.backward()
        return loss

    with watch(net, optimizer, loss_fn, say=None) as eye:
        for _ in range(30):
            if closure:
                optimizer.step(pass_)  # pyright: ignore[reportArgumentType]
            else:
                pass_()
                optimizer.step()
    return eye.history, net


@pytest.mark.parametrize("closure", [False, True])
def test_a_loss_that_is_not_finite_is_traced(closure: bool) -> None:
    history, _ = run(lambda x: torch.log(x * 0), closure=closure)
    found = history.autopsy
    assert found is not None
    assert (found.step, found.culprit, found.module, found.operation) == (21, "forward", "4", "log")
    assert found.because == "log of 0 is -inf (384 zeros)"


@pytest.mark.parametrize("closure", [False, True])
def test_a_gradient_that_is_not_finite_is_traced_before_it_spoils_the_weights(
    closure: bool,
) -> None:
    history, _ = run(lambda x: torch.sqrt(x.relu() * 0), closure=closure)
    found = history.autopsy
    assert found is not None
    assert (found.step, found.culprit, found.module) == (21, "gradient", "4")
    assert found.operation == "Sqrt (backward)"
    assert "slope of a root at 0" in found.because


def test_a_healthy_loop_has_no_autopsy() -> None:
    history, _ = run(torch.tanh)
    assert history.autopsy is None


def test_a_batch_with_nan_is_named() -> None:
    net, loss_fn = mlp(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    with watch(net, optimizer, loss_fn, say=None) as eye:
        for step in range(12):
            x = torch.randn(16, FEATURES)
            x[3, 4] = float("nan") if step == 9 else 0.0
            optimizer.zero_grad()
            loss_fn(net(x), torch.arange(16) % 3).backward()
            optimizer.step()
    found = eye.history.autopsy
    assert found is not None
    assert (found.step, found.culprit, found.inputs["not finite"]) == (10, "input", 1.0)


def test_a_replay_leaves_buffers_as_they_were() -> None:
    history, net = run(lambda x: x + torch.log(x.sum() * 0) * 0, when=28)
    assert history.autopsy is not None
    norm = next(module for module in net.modules() if isinstance(module, nn.BatchNorm1d))
    assert norm.num_batches_tracked is not None
    assert int(norm.num_batches_tracked) == 30


@pytest.mark.parametrize("when", [4, 40])
def test_what_is_not_finite_is_said_at_its_step(when: int) -> None:
    net, said = mlp(At(lambda x: torch.log(x * 0), when)), list[str]()
    optimizer, loss_fn = torch.optim.SGD(net.parameters(), lr=0.01), nn.CrossEntropyLoss()
    with watch(net, optimizer, loss_fn, say=said.append):
        for _ in range(when + 1):
            optimizer.zero_grad()
            loss_fn(net(torch.randn(16, FEATURES)), torch.arange(16) % 3).backward()
            optimizer.step()
        assert [line.split(":")[0] for line in said] == [f"step {when + 1}"]
    assert "log of 0" in said[0]


class Watched(nn.Module):
    """A loss that counts its calls, and takes logarithms of 0."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, outputs: Tensor, y: Tensor) -> Tensor:
        """The negative logarithm of what each row has for its class."""
        self.calls += 1
        return -outputs.gather(1, y[:, None]).relu().log().mean()


def test_a_framework_whose_loss_calls_what_is_watched_is_replayed_once() -> None:
    """As skorch's ``get_loss``, which calls its criterion: a replay that is heard would replay."""
    torch.manual_seed(0)
    net, loss_fn = mlp(), Watched()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    with watch(net, optimizer, loss_fn, say=None) as eye:
        eye.eyes.judging.replay = lambda outputs, targets: loss_fn(outputs, targets)
        optimizer.zero_grad()
        loss = loss_fn(net(torch.randn(16, FEATURES)), torch.arange(16) % 3)
        assert not torch.isfinite(loss)
        loss.backward()
        optimizer.step()
    assert loss_fn.calls <= 3
    found = eye.history.autopsy
    assert found is not None and (found.culprit, found.operation) == ("loss", "log")
    assert len(eye.history.steps.loss) == 1
