"""The gradient check: planted faults, their healthy twins, and the command."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from typer.testing import CliRunner

from goodfit import NetError, gradient_check
from goodfit.cli import app

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 0, 1, 2])


class Cube(torch.autograd.Function):
    """``x^3`` with a backward that may be wrong by a factor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.factor = factor
        return x**3

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return ctx.factor * x**2 * grads[0], None


class Net(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last, self.factor = nn.Linear(4, 5), nn.Linear(5, 3), factor

    def forward(self, x: Tensor) -> Tensor:
        return self.last(Cube.apply(self.first(x), self.factor))


def test_a_wrong_backward_is_found_and_its_healthy_twin_passes() -> None:
    right = gradient_check(Net(3.0), functional.cross_entropy, X, Y)
    assert right.verdict == "right" and right.worst_error < 1e-5
    assert right.compared == 20 + 5 + 15 + 3 and right.kinks == 0
    assert set(right.errors) == {"first.weight", "first.bias", "last.weight", "last.bias"}
    wrong = gradient_check(Net(2.7), functional.cross_entropy, X, Y)
    assert wrong.verdict == "wrong" and wrong.worst.startswith("first.")
    assert wrong.worst_error == pytest.approx(0.1, rel=1e-3)
    assert wrong.errors["last.weight"] < 1e-5


@pytest.mark.parametrize("layer", [nn.ReLU(), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Tanh()])
def test_torchs_own_layers_are_right(layer: nn.Module) -> None:
    net = nn.Sequential(nn.Linear(4, 8), layer, nn.Linear(8, 3))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert gradient_check(net, functional.cross_entropy, X, Y).verdict == "right"
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_a_weight_at_a_kink_is_not_judged() -> None:
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 5e-5)
    found = gradient_check(net, lambda out, y: out.abs().sum(), torch.ones(1, 1), Y)
    assert found.verdict == "not judged" and found.kinks == 1
    nn.init.constant_(net.weight, 0.5)
    found = gradient_check(net, lambda out, y: out.abs().sum(), torch.ones(1, 1), Y)
    assert found.verdict == "right" and found.kinks == 0


def test_a_loss_without_parameters_is_told() -> None:
    with pytest.raises(NetError, match="does not depend") as caught:
        gradient_check(nn.Linear(4, 3), lambda out, y: out.detach().sum(), X, Y)
    assert "detach" in caught.value.do
    with pytest.raises(NetError, match="float64"):
        gradient_check(nn.Linear(4, 3), lambda out, y: (out @ torch.ones(3)).sum(), X, Y)


class Detached(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.detach()


def test_a_weight_that_no_gradient_reaches_is_compared_with_none() -> None:
    cut = nn.Sequential(nn.Linear(4, 4), Detached(), nn.Linear(4, 3))
    found = gradient_check(cut, functional.cross_entropy, X, Y)
    assert found.verdict == "wrong" and found.worst.startswith("0.")
    assert found.written == 0.0 != found.measured and found.errors["2.weight"] < 1e-5
    unused = nn.Sequential(nn.Linear(4, 3))
    unused.register_parameter("spare", nn.Parameter(torch.ones(2)))
    assert gradient_check(unused, functional.cross_entropy, X, Y).verdict == "right"


@pytest.mark.parametrize("apart", [0.0, 1e-9, -1e-7, 3e-6])
def test_a_kink_within_the_shortest_step_is_seen(apart: float) -> None:
    """Central differences agree at it, on half of the slope."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, apart)
    found = gradient_check(net, lambda out, y: torch.relu(out).sum(), torch.ones(1, 1), Y)
    assert found.verdict == "not judged" and found.not_compared == ("weight",)


def balanced(out: Tensor, y: Tensor) -> Tensor:
    """Slope 1 at 0, and two kinks beside it: central differences are 1.05 at either step."""
    return (out + 0.2 * torch.relu(out - 5e-6) - 0.18 * torch.relu(out - 5e-5)).sum()


def test_kinks_that_balance_each_other_are_no_wrong_gradient() -> None:
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    found = gradient_check(net, balanced, torch.ones(1, 1), Y)
    assert found.verdict == "not judged"


def test_a_loss_that_bends_is_no_kink() -> None:
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 1e-3)
    found = gradient_check(net, lambda out, y: (50 * out).cosh().sum(), torch.ones(1, 1), Y)
    assert (found.verdict, found.kinks) == ("right", 0)


class Root(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sqrt(torch.relu(x) * 0)


def test_a_gradient_that_is_not_finite_is_wrong() -> None:
    net = nn.Sequential(nn.Linear(4, 3), Root())
    found = gradient_check(net, functional.cross_entropy, X, Y)
    assert found.verdict == "wrong" and found.worst.startswith("0.")


@pytest.mark.parametrize(
    ("x", "loss_fn", "said", "do"),
    [
        (X * float("nan"), functional.cross_entropy, "not finite", "goodfit check"),
        (X[:0], functional.cross_entropy, "not finite", "Give rows"),
        (X, lambda out, y: out, "one number", "mean"),
        (X, lambda out, y: None, "one number", "mean"),
        (X, lambda out, y: 3.0, "one number", "mean"),
        (X, lambda out, y: functional.cross_entropy(out, y + 7), "out of bounds", "loss_fn"),
    ],
)
def test_what_cannot_be_compared_is_told(x: Tensor, loss_fn: Any, said: str, do: str) -> None:
    with pytest.raises(NetError, match=said) as caught:
        gradient_check(nn.Linear(4, 3), loss_fn, x, Y[: len(x)])
    assert do in str(caught.value)


def test_another_width_is_told_by_its_shape() -> None:
    with pytest.raises(NetError, match="shapes cannot be multiplied"):
        gradient_check(nn.Linear(5, 3), functional.cross_entropy, X.double(), Y)


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.scale = nn.Linear(4, 3), nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * self.linear(x)


def test_each_number_is_told_also_of_a_parameter_without_dimensions() -> None:
    told: list[tuple[int, int]] = []
    found = gradient_check(
        Scaled(), functional.cross_entropy, X, Y, on_number=lambda *done: told.append(done)
    )
    assert found.verdict == "right" and set(found.errors) > {"scale"}
    assert told == [(number, 16) for number in range(1, 17)]


def test_the_command_prints_the_verdict() -> None:
    told = CliRunner().invoke(app, ["gradient-check", "iris", "--json"])
    assert told.exit_code == 0 and json.loads(told.output)["verdict"] == "right"
    told = CliRunner().invoke(app, ["gradient-check", "iris"])
    assert "The gradient is right; worst at" in told.output
