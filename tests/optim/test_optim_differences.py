"""Descent by differences: it walks as the gradient does, and costs what the notes say."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from goodfit import GoodfitError, finite_difference_descent

CURVATURE = torch.tensor([1.0, 3.0, 10.0], dtype=torch.float64)


@pytest.mark.parametrize(
    ("kind", "per_step", "tolerance"), [("forward", 4, 1e-4), ("central", 6, 1e-9)]
)
def test_it_walks_as_backpropagation_and_counts_its_passes(kind, per_step, tolerance) -> None:
    calls = 0

    def loss(w: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return 0.5 * (CURVATURE * w * w).sum()

    start = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    found = finite_difference_descent(loss, start, lr=0.05, num_steps=20, kind=kind)
    assert found.forward_passes == calls == 20 * per_step
    expected = start * (1.0 - 0.05 * CURVATURE) ** 20
    assert float((found.w - expected).abs().max()) < tolerance
    assert len(found.losses) == 20 and found.losses[-1] < found.losses[0]
    assert found.losses[0] == pytest.approx(0.5 * float((CURVATURE * start * start).sum()))


@pytest.mark.parametrize(("kind", "per_step"), [("forward", 5), ("central", 8)])
def test_weights_may_have_any_shape(kind, per_step) -> None:
    w = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
    for given in (w, w.t(), w.reshape(1, 2, 1, 2)):
        found = finite_difference_descent(_squares, given, lr=0.1, num_steps=1, kind=kind)
        assert found.forward_passes == per_step
        torch.testing.assert_close(found.w, 0.8 * given, rtol=0.0, atol=2e-6)
    assert w.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_a_single_weight_without_axes_is_moved_too() -> None:
    w = torch.tensor(2.0, dtype=torch.float64)
    found = finite_difference_descent(lambda w: w**2, w, lr=0.25, num_steps=3, kind="central")
    assert found.w.shape == () and float(found.w) == pytest.approx(0.25) == 2.0 * 0.5**3


@pytest.mark.parametrize(("kind", "tolerance"), [("forward", 1e-4), ("central", 1e-8)])
def test_a_network_walks_as_by_backpropagation(kind, tolerance) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    x, y = torch.randn(20, 5).double(), torch.arange(20) % 3
    shapes = {name: p.shape for name, p in net.named_parameters()}
    calls = 0

    def loss(row: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        pieces = row.split([shape.numel() for shape in shapes.values()])
        weights = {
            name: piece.view(shape)
            for (name, shape), piece in zip(shapes.items(), pieces, strict=True)
        }
        return nn.functional.cross_entropy(functional_call(net, weights, (x,)), y)

    start = nn.utils.parameters_to_vector(net.parameters()).detach().clone()
    found = finite_difference_descent(loss, start, lr=0.5, num_steps=8, kind=kind)
    assert calls == found.forward_passes == 8 * (40 if kind == "forward" else 78)
    optimizer, losses = torch.optim.SGD(net.parameters(), lr=0.5), []
    for _ in range(8):
        optimizer.zero_grad()
        value = nn.functional.cross_entropy(net(x), y)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    end = nn.utils.parameters_to_vector(net.parameters()).detach()
    assert float((end - start).abs().max()) > 0.1
    torch.testing.assert_close(found.w, end, rtol=0.0, atol=tolerance)
    assert found.losses == pytest.approx(losses, abs=tolerance)


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(GoodfitError, match="another kind") as caught:
        finite_difference_descent(torch.sum, _two(), lr=0.1, num_steps=1, kind="centrall")  # pyright: ignore[reportArgumentType]
    assert "central" in caught.value.do


@pytest.mark.parametrize(
    ("given", "told", "do"),
    [
        ({"h": 0.0}, "h must be a finite number above 0", "h=1e-5"),
        ({"lr": "fast"}, "lr must be a finite number above 0", "lr=0.1"),
        ({"lr": float("inf")}, "lr must be a finite number above 0", "lr=0.1"),
        ({"lr": float("nan")}, "lr must be a finite number above 0", "lr=0.1"),
        ({"lr": True}, "lr must be a finite number above 0", "lr=0.1"),
        ({"num_steps": 2.5}, "num_steps must be a whole number", "num_steps=5"),
        ({"num_steps": "5"}, "num_steps must be a whole number", "num_steps=5"),
        ({"num_steps": -1}, "num_steps must be at least 0", "Give more"),
    ],
)
def test_wrong_numbers_are_told(given: dict, told: str, do: str) -> None:
    with pytest.raises(GoodfitError, match=told) as caught:
        finite_difference_descent(_squares, _two(), **{"lr": 0.1, "num_steps": 1, **given})
    (name, value), *_ = given.items()
    assert str(caught.value.given) == f"{name} = {value!r}" and do in caught.value.do


@pytest.mark.parametrize("num_steps", [0, 3])
def test_what_is_no_function_is_refused_before_a_step(num_steps: int) -> None:
    with pytest.raises(GoodfitError, match="must be a function of the weights") as caught:
        finite_difference_descent("x", _two(), lr=0.1, num_steps=num_steps)  # pyright: ignore[reportArgumentType]
    assert caught.value.given == "'x'" and "lambda w" in caught.value.do


@pytest.mark.parametrize(
    ("w", "told"),
    [
        (torch.ones(2), "float32 has no digits left"),
        (torch.ones(2, dtype=torch.bfloat16), "bfloat16 has no digits left"),
        (torch.ones(2, dtype=torch.int64), "must be a tensor of weights"),
        (torch.ones(2, dtype=torch.complex128), "must be a tensor of weights"),
        (torch.ones(0, dtype=torch.float64), "must be a tensor of weights"),
        ([1.0, 2.0], "must be a tensor of weights"),
    ],
    ids=["float32", "bfloat16", "integers", "complex", "none", "a list"],
)
def test_what_is_no_tensor_of_float64_is_refused(w, told: str) -> None:
    with pytest.raises(GoodfitError, match=told) as caught:
        finite_difference_descent(torch.sum, w, lr=0.1, num_steps=1)
    assert "double()" in caught.value.do or "float64" in caught.value.do


@pytest.mark.parametrize(
    "loss", [lambda w: w, lambda w: w.sum().float(), lambda w: 1.0], ids=["many", "single", "float"]
)
def test_a_loss_that_is_not_one_number_of_float64_is_refused(loss) -> None:
    with pytest.raises(GoodfitError, match="one number of float64"):
        finite_difference_descent(loss, _two(), lr=0.1, num_steps=1)


def _two() -> Tensor:
    return torch.ones(2, dtype=torch.float64)


def _squares(w: Tensor) -> Tensor:
    return (w * w).sum()
