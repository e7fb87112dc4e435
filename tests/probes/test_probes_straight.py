"""Which networks are one straight line, read off the graph; beside it, what the numbers say."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from goodfit.probes.straight import line_of, straight_layers

Call = Callable[[Tensor], Tensor]
W, V, B = (nn.Parameter(torch.randn(*shape)) for shape in ((3, 7), (7, 2), (7,)))
ONE, TWO = nn.Linear(3, 3), nn.Linear(3, 3)
STRAIGHT: dict[str, tuple[Call, list[tuple[int, int]]]] = {
    "dense": (nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 2)), [(3, 8), (8, 2)]),
    "parameters": (lambda x: (x @ W + B) @ V, [(3, 7), (7, 2)]),
    "weight-first": (lambda x: (V.T @ (W.T @ x.T)).T, [(3, 7), (7, 2)]),
    "residual": (lambda x: TWO(2 * ONE(x) / 3 + x), [(3, 3), (3, 3)]),
    "centred": (lambda x: TWO(ONE(x) - ONE(x).mean(1, keepdim=True)), [(3, 3), (3, 3)]),
    "half": (nn.Sequential(nn.Linear(3, 8), nn.Flatten(), nn.Linear(8, 2)), [(3, 8), (8, 2)]),
}
BENT: dict[str, Call] = {
    "relu": nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2)),
    "layer-norm": nn.Sequential(nn.Linear(3, 8), nn.LayerNorm(8), nn.Linear(8, 2)),
    "gate": lambda x: TWO(x * ONE(x)),
    "square": lambda x: ONE(x).square(),
    "maximum": lambda x: TWO(torch.maximum(ONE(x), x)),
    "two-computed": lambda x: ONE(x) @ TWO(x).T,
    "bilinear": nn.Sequential(nn.Linear(3, 4), nn.Flatten(), nn.Tanhshrink(), nn.Linear(4, 2)),
}


def curvature(call: Call) -> float:
    """Return how far a function is from a straight line: f(a) + f(b) - f(a + b) - f(0)."""
    torch.manual_seed(0)
    a, b = torch.randn(2, 5, 3)
    return float((call(a) + call(b) - call(a + b) - call(torch.zeros(5, 3))).detach().abs().max())


@pytest.mark.parametrize("name", STRAIGHT)
def test_a_straight_line_is_known(name: str) -> None:
    call, layers = STRAIGHT[name]
    assert straight_layers(call(torch.randn(5, 3))) == layers
    assert curvature(call) < 1e-4


@pytest.mark.parametrize("name", BENT)
def test_what_bends_is_none(name: str) -> None:
    assert straight_layers(BENT[name](torch.randn(5, 3))) == []
    assert curvature(BENT[name]) > 1e-2


@pytest.mark.parametrize(
    ("net", "layers"),
    [
        (nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 3)), 2),
        (nn.Sequential(nn.Conv2d(1, 8, 3), nn.MaxPool2d(2), nn.Conv2d(8, 4, 3)), 0),
        (nn.Sequential(nn.Conv2d(1, 8, 3), nn.AvgPool2d(2), nn.ConvTranspose2d(8, 4, 3)), 2),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Dropout(), nn.Conv2d(2, 4, 3), nn.Sigmoid()), 2),
    ],
)
def test_convolutions_make_one_too(net: nn.Module, layers: int) -> None:
    assert line_of(net, net(torch.randn(4, 1, 12, 12)))[0] == layers


def test_frozen_weights_and_other_parts_leave_it_open() -> None:
    net = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 2))
    whole = nn.ModuleDict({"seen": net, "else": nn.Linear(3, 3)})
    assert line_of(whole, net(torch.randn(5, 3))) == (0, 3)
    net[0].requires_grad_(False)
    assert line_of(net, net(torch.randn(5, 3))) == (0, 2)


def test_a_graph_that_is_too_large_is_left_alone() -> None:
    x = ONE(torch.randn(5, 3))
    for _ in range(3000):
        x = x + 1
    assert straight_layers(x) == []
