"""Units: dead is not sparse, in modules, functions and channels; saturation; batch-norm gap."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goodfit.probes import PROBES, Batch, Observer, outputs_of
from goodfit.records import Layer, Looks, Signal

ROWS, LOOKS = 64, 12


def look(net: nn.Module, inputs: Callable[[int], Tensor], looks: int = LOOKS) -> Looks:
    """Look at some forwards of a network, each on another batch."""
    observer = Observer(net)
    for step in range(1, looks + 1):
        with outputs_of(observer.places, observer.begin()) as seen:
            net(inputs(step))
        observer.look(step, seen, (), None, None)
    return observer.looks()


def draw(*shape: int) -> Callable[[int], Tensor]:
    """Return batches of normal numbers."""
    return lambda step: torch.randn(ROWS, *shape, generator=torch.Generator().manual_seed(step))


def last(looks: Looks, name: str) -> Layer:
    """Return one layer."""
    return next(layer for layer in looks.layers if layer.name == name)


def with_dead(net: nn.Module, layer: nn.Linear | nn.Conv2d, units: int) -> nn.Module:
    """Push some units of a layer below zero for ever."""
    assert layer.bias is not None
    with torch.no_grad():
        layer.bias[:units] = -1e3
    return net


class Functional(nn.Module):
    """Activations that are no modules."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 10), nn.Linear(10, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Apply a functional ReLU, and dropout behind it."""
        return self.second(F.dropout(F.relu(self.first(x)), 0.2))


class Convolved(nn.Module):
    """A functional ReLU, pooling and a flattening between convolution and linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 8, 3, padding=1), nn.Linear(8 * 4 * 4, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of images ``[N, 1, 8, 8]``."""
        return self.head(F.max_pool2d(F.relu(self.conv(x)), 2).flatten(1))


def test_dead_units_are_counted_and_sparse_ones_are_not() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 2))
    assert last(look(net, draw(6)), "1").dead_share[-1] == 0.0
    layer = net[0]
    assert isinstance(layer, nn.Linear) and layer.bias is not None
    with torch.no_grad():
        # These fire for about one row of a hundred: sparse, and alive.
        layer.bias[:5] = -2.3 * layer.weight[:5].norm(dim=1)
    assert last(look(net, draw(6), 40), "1").dead_share[-1] == 0.0
    assert last(look(with_dead(net, layer, 4), draw(6)), "1").dead_share[-1] == 0.4


def test_before_512_rows_nothing_is_said() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 2))
    share = last(look(net, draw(6)), "1").dead_share
    assert [math.isnan(value) for value in share] == [True] * 7 + [False] * 5


def test_a_layer_that_is_dead_as_a_whole_is_known_after_64_rows() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 2))
    layer = net[0]
    assert isinstance(layer, nn.Linear)
    assert set(last(look(with_dead(net, layer, 10), draw(6)), "1").dead_share) == {1.0}


def test_the_same_batch_again_is_no_evidence() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 2))
    observer, x = Observer(net), torch.randn(ROWS, 6)
    for step in range(1, 13):
        with outputs_of(observer.places, observer.begin()) as seen:
            outputs = net(x)
        targets = torch.zeros(ROWS, dtype=torch.long)
        observer.look(step, seen, (), None, Batch("cross-entropy", outputs, targets, fresh=False))
    assert math.isnan(last(observer.looks(), "1").dead_share[-1])


def test_a_functional_activation_is_seen_at_the_next_layer() -> None:
    torch.manual_seed(0)
    net = Functional()
    healthy = look(net, draw(6))
    assert [(layer.name, layer.kind) for layer in healthy.layers] == [
        ("first", "Linear"),
        ("second.input", "relu"),
        ("second", "Linear"),
    ]
    assert last(healthy, "second.input").dead_share[-1] == 0.0
    dead = look(with_dead(net, net.first, 5), draw(6))
    assert last(dead, "second.input").dead_share[-1] == 0.5


def test_channels_are_units_also_behind_a_flattening() -> None:
    torch.manual_seed(0)
    net = Convolved()

    def framed(step: int) -> Tensor:
        """Images with a border of zeros: their places are constant, their channels are not."""
        return F.pad(draw(1, 4, 4)(step), (2, 2, 2, 2))

    assert last(look(net, framed), "head.input").dead_share[-1] == 0.0
    dead = look(with_dead(net, net.conv, 2), framed)
    assert last(dead, "head.input").dead_share[-1] == 0.25


def test_inputs_of_the_first_layer_are_no_units() -> None:
    net = nn.Sequential(nn.Linear(6, 3))
    looks = look(net, lambda step: F.relu(draw(6)(step)) * torch.tensor([0, 1, 1, 1, 1, 1.0]))
    assert [layer.name for layer in looks.layers] == ["0"]


@pytest.mark.parametrize("module", [nn.Tanh(), nn.Sigmoid(), nn.Softsign(), nn.Hardtanh()])
def test_saturation(module: nn.Module) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(6, 32)
    net = nn.Sequential(layer, module, nn.Linear(32, 1))
    mild = last(look(net, draw(6), 1), "1").saturated_share[-1]
    with torch.no_grad():
        layer.weight *= 1e3
    hard = last(look(net, draw(6), 1), "1").saturated_share[-1]
    assert mild < 0.15
    assert hard > 0.95


def test_the_gap_of_a_batch_norm() -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(6)
    net = nn.Sequential(norm, nn.Linear(6, 1))
    moved = look(net, lambda step: 3.0 + draw(6)(step), 40)
    gaps = last(moved, "0").norm_gap
    assert gaps[0] > 1.0
    assert gaps[-1] < 0.3
    norm.momentum = 0.0
    stale = look(net, lambda step: 10.0 + draw(6)(step), 3)
    assert last(stale, "0").norm_gap[-1] > 3.0
    norm.eval()
    frozen = look(net, lambda step: 10.0 + draw(6)(step), 3)
    assert all(map(math.isnan, last(frozen, "0").norm_gap))


def test_what_is_carried_goes_on_where_it_stopped() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 2))
    first, second = Observer(net), Observer(net)
    for step in range(1, 5):
        with outputs_of(first.places, first.begin()) as seen:
            net(draw(6)(step))
        first.look(step, seen, (), None, None)
    second.carried = first.carried
    for step in range(5, 9):
        with outputs_of(second.places, second.begin()) as seen:
            net(draw(6)(step))
        second.look(step, seen, (), None, None)
    assert last(second.looks(), "1").dead_share[-1] == 0.0


def test_every_column_has_its_probe() -> None:
    columns = {column for probe in PROBES for column in probe.columns}
    layers = set(Layer.__dataclass_fields__) - {"name", "kind", "num_weights", "signal"}
    looks = set(Looks.__dataclass_fields__) - {"step", "layers"}
    signal = set(Signal.__dataclass_fields__)
    assert columns == layers | looks | signal
