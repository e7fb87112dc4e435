"""The autopsy names the module, the operation and the reason, for many planted causes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goodfit.probes.autopsy import autopsy
from goodfit.records import Autopsy

pytestmark = pytest.mark.filterwarnings("ignore:std\\(\\)")
X = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
Y = torch.randn(8, 1, generator=torch.Generator().manual_seed(1))
CLASSES = torch.arange(8) % 3
Function = Callable[[Tensor], Tensor]


class Middle(nn.Module):
    """Applies a function between two layers."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        return self.function(x)


class Wrong(torch.autograd.Function):
    """A function whose derivative divides by zero."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return a copy."""
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Divide by zero."""
        return gradients[0] / 0


def network(function: Function, outputs: int = 1) -> nn.Sequential:
    """Return three layers, the function second; its input has both signs."""
    torch.manual_seed(0)
    parts = {"first": nn.Linear(4, 6), "middle": Middle(function), "last": nn.Linear(6, outputs)}
    net = nn.Sequential()
    for name, part in parts.items():
        net.add_module(name, part)
    return net


def find(
    function: Function, *, loss: Any = None, y: Tensor = Y, outputs: int = 1
) -> Autopsy | None:
    """Run the autopsy at step 3."""
    return autopsy(network(function, outputs), loss or nn.MSELoss(), (X, y), step=3)


def masked(x: Tensor, mask: Tensor) -> Tensor:
    """Return a softmax under a mask of -inf."""
    return torch.softmax(x.masked_fill(mask, -torch.inf), 1)


FORWARD: dict[str, tuple[Function, str, str]] = {
    "log of 0": (lambda h: torch.log(h * 0), "log", "log of 0 is -inf (48 zeros)"),
    "log of a negative": (torch.log, "log", "log of a negative number is NaN"),
    "log1p": (lambda h: torch.log1p(h - h - 1), "log1p", "log1p of -1"),
    "0 / 0": (lambda h: (h * 0) / (h * 0), "div", "0 divided by 0"),
    "1 / 0": (lambda h: h / (h * 0).detach(), "div", "division by 0"),
    "reciprocal": (lambda h: 1 / (h * 0), "reciprocal", "division by 0"),
    "rsqrt": (lambda h: torch.rsqrt(h * 0), "rsqrt", "division by 0"),
    "root of a negative": (torch.sqrt, "sqrt", "root of a negative number"),
    "exp": (lambda h: torch.exp(h * 1000), "exp", "exp overflows"),
    "overflow": (lambda h: h * 1e30 * 1e30, "mul", "overflow: numbers up to"),
    "float16": (lambda h: (h.half() * 6e4 * 8).float(), "mul", "float16 overflow"),
    "power": (lambda h: h**0.5, "pow", "a negative number"),
    "acos": (lambda h: torch.acos(h * 9), "acos", "it is defined from -1 to 1"),
    "masked row": (lambda h: masked(h, h == h), "softmax", "-inf everywhere"),
    "spread of one": (lambda h: h / h[:1, :1].std(), "std", "the spread of a single number"),
    "mean of nothing": (lambda h: h + h[:0].mean(), "mean", "the tensor is empty"),
    "inf - inf": (lambda h: torch.exp(h * 0 + 99) - torch.exp(h * 0 + 99), "exp", "exp overflows"),
    "0 * inf": (lambda h: torch.exp(h * 0 + 99) * 0, "exp", "exp overflows"),
    "in place": (lambda h: (h * 0).log_(), "log", "log of 0 is -inf (48 zeros)"),
}
BACKWARD: dict[str, tuple[Function, str, str]] = {
    "root at 0": (lambda h: torch.sqrt(F.relu(h)), "Sqrt", "the slope of a root at 0"),
    "behind a where": (
        lambda h: torch.where(h > 0, torch.sqrt(h.clamp_min(0)), torch.zeros_like(h)),
        "Sqrt",
        "the slope of a root at 0",
    ),
    "power at 0": (lambda h: F.relu(h) ** 0.5, "Pow", "the slope of a power below 1"),
    "own function": (Wrong.apply, "Wrong", "which is not torch's"),
}
HEALTHY: dict[str, Function] = {
    "relu": F.relu,
    "a mask that leaves something": lambda h: masked(h, h > h.mean(1, keepdim=True)),
    "root above 0": lambda h: torch.sqrt(h.square() + 1e-6),
    "log above 0": lambda h: torch.log(h.square() + 1e-3),
    "norm": lambda h: h / h.norm(dim=1, keepdim=True),
}


@pytest.mark.parametrize("cause", FORWARD)
def test_what_a_network_makes_is_named(cause: str) -> None:
    function, operation, reason = FORWARD[cause]
    found = find(function)
    assert found is not None
    assert (found.step, found.culprit, found.module) == (3, "forward", "middle")
    assert found.operation == operation
    assert reason in found.because


@pytest.mark.parametrize("cause", BACKWARD)
def test_what_a_derivative_makes_is_named(cause: str) -> None:
    function, operation, reason = BACKWARD[cause]
    found = find(function)
    assert found is not None
    assert (found.culprit, found.module) == ("gradient", "middle")
    assert found.operation == f"{operation} (backward)"
    assert reason in found.because


@pytest.mark.parametrize("cause", BACKWARD)
def test_what_the_networks_own_forward_does_is_the_networks(cause: str) -> None:
    function, operation, _ = BACKWARD[cause]

    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(X.shape[1], 1)

        def forward(self, x: Tensor) -> Tensor:
            return function(self.inner(x))

    torch.manual_seed(0)
    found = autopsy(Root(), nn.MSELoss(), (X, Y), step=3)
    assert found is not None
    assert (found.culprit, found.module) == ("gradient", "network")
    assert found.operation == f"{operation} (backward)"


@pytest.mark.parametrize("function", HEALTHY)
def test_a_healthy_pass_has_no_autopsy(function: str) -> None:
    assert find(HEALTHY[function]) is None


def test_inputs_of_the_operation_are_described() -> None:
    found = find(lambda h: torch.log(F.relu(h)))
    assert found is not None
    inputs = dict(found.inputs)
    assert inputs["min"] == 0.0
    assert 0 < inputs["zeros"] < 48 == inputs["size"]
    assert (inputs["negatives"], inputs["not finite"]) == (0.0, 0.0)


LOSSES: dict[str, tuple[Any, Tensor, str, str]] = {
    "log of a softmax": (
        lambda o, y: -torch.log(torch.softmax(1000 * o, 1)).gather(1, y[:, None]).mean(),
        CLASSES,
        "log",
        "log of 0",
    ),
    "all ignored": (
        nn.CrossEntropyLoss(),
        CLASSES * 0 - 100,
        "nll_loss_forward",
        "all are ignored",
    ),
}


@pytest.mark.parametrize("cause", LOSSES)
def test_what_the_loss_makes_is_named(cause: str) -> None:
    loss, y, operation, reason = LOSSES[cause]
    found = find(F.relu, loss=loss, y=y, outputs=3)
    assert found is not None
    assert (found.culprit, found.module, found.operation) == ("loss", "", operation)
    assert reason in found.because


def test_spoilt_inputs_targets_and_weights_come_first() -> None:
    spoilt = X.clone()
    spoilt[0, 0] = float("nan")
    net = network(F.relu)
    found = autopsy(net, nn.MSELoss(), (spoilt, Y), step=1)
    assert found is not None and found.culprit == "input"
    found = autopsy(net, nn.MSELoss(), (X, Y * float("inf")), step=1)
    assert found is not None and found.culprit == "target"
    with torch.no_grad():
        next(net[2].parameters())[0, 0] = float("nan")
    found = autopsy(net, nn.MSELoss(), (X, Y), step=1)
    assert found is not None
    assert (found.culprit, found.module, found.operation) == ("weights", "last", "last.weight")


def test_a_replay_leaves_everything_as_it_was() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 1))
    held = {name: value.clone() for name, value in net.state_dict().items()}
    torch.manual_seed(9)
    expected = torch.rand(2)
    torch.manual_seed(9)
    assert autopsy(net, nn.MSELoss(), (X, Y), step=1) is None
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(value, held[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not any(module._forward_hooks for module in net.modules())
