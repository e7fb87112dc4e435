"""A watch sees how a run begins: its inputs, its weights; healthy twins stay silent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import goodfit as gf
from goodfit.records import History

ROWS, WIDTH, CLASSES = 256, 16, 4


def net_of(start: Callable[[nn.Module], None], norm: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Linear(WIDTH, 32), nn.LayerNorm(32) if norm else nn.Identity(), nn.ReLU()),
        *(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, CLASSES)),
    )
    for module in net:
        if isinstance(module, nn.Linear):
            start(module)
    return net


def trained(net: nn.Module, scale: float = 1.0, lr: float = 0.05) -> tuple[list[str], History]:
    """Train 60 steps; return what was found, and the history."""
    torch.manual_seed(1)
    x = torch.randn(ROWS, WIDTH)
    y = (x[:, :CLASSES] + 0.3 * x[:, CLASSES : 2 * CLASSES]).argmax(1)
    x = scale * x
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    with gf.watch(net, optimizer, say=None) as watch:
        for _ in range(60):
            rows = torch.randperm(ROWS)[:32]
            optimizer.zero_grad()
            watch.loss(F.cross_entropy(net(x[rows]), y[rows])).backward()
            optimizer.step()
    return [finding.rule for finding in watch.findings], watch.history


def as_it_is(module: nn.Module) -> None:
    pass


def times(factor: float) -> Callable[[nn.Module], None]:
    def start(module: nn.Module) -> None:
        assert isinstance(module.weight, Tensor)
        with torch.no_grad():
            module.weight.mul_(factor)

    return start


def all_at(value: float) -> Callable[[nn.Module], None]:
    def start(module: nn.Module) -> None:
        assert isinstance(module.weight, Tensor)
        nn.init.constant_(module.weight, value)
        if not value:
            nn.init.zeros_(module.get_parameter("bias"))

    return start


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (times(0.001), "init-too-small"),
        (times(40.0), "init-too-large"),
        (all_at(0.05), "symmetric-init"),
        (all_at(0.0), "symmetric-init"),
    ],
)
def test_weights_that_begin_badly_are_named(start: Callable, name: str) -> None:
    found, _ = trained(net_of(start))
    assert name in found[:2]


def test_a_healthy_start_is_not_named() -> None:
    found, history = trained(net_of(as_it_is))
    assert not {"init-too-small", "init-too-large", "symmetric-init", "input-out-of-scale"} & {
        *found
    }
    signals = [layer.signal for layer in history.looks.layers if layer.signal]
    assert len(signals) == 3
    assert all(0.5 < signal.gain < 0.65 for signal in signals)


def test_a_last_layer_of_zeros_is_meant() -> None:
    net = net_of(as_it_is)
    all_at(0.0)(net[-1])
    found, history = trained(net)
    assert "symmetric-init" not in found
    assert history.tallies["alike-units"].happened == 0


def test_columns_of_a_transposed_convolution_are_its_units() -> None:
    torch.manual_seed(0)
    first = nn.ConvTranspose2d(2, 3, 2)
    net = nn.Sequential(first, nn.Flatten(), nn.Linear(3 * 25, CLASSES))
    first.weight.data[:] = first.weight.data[:, :1].clone()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    with gf.watch(net, optimizer, say=None) as watch:
        for _ in range(4):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(torch.randn(8, 2, 4, 4)), torch.arange(8) % CLASSES)
            watch.loss(loss).backward()
            optimizer.step()
    assert watch.history.tallies["alike-units"].happened == 1


@pytest.mark.parametrize(("scale", "norm", "told"), [(1e3, False, True), (1e3, True, False)])
def test_inputs_far_out_are_named_unless_a_norm_takes_them(
    scale: float, norm: bool, told: bool
) -> None:
    found, history = trained(net_of(as_it_is, norm), scale)
    first = history.looks.layers[0].signal
    assert first is not None and first.size_in == pytest.approx(scale, rel=0.1)
    assert ("input-out-of-scale" in found[:1]) is told


@pytest.mark.parametrize(("between", "told"), [(nn.Identity, True), (nn.ReLU, False)])
def test_layers_with_no_activation_between_them_are_named(
    between: type[nn.Module], told: bool
) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(WIDTH, 32), between(), nn.Dropout(0.1), nn.Linear(32, CLASSES))
    found, history = trained(net)
    assert ("no-activation" in found) is told
    assert history.tallies["straight-layers"].happened == (2 if told else 0)


def test_inputs_that_are_all_the_same_are_named() -> None:
    found, _ = trained(net_of(as_it_is), 0.0)
    assert found[0] == "input-ignored"


def test_an_input_that_is_nan_is_named_before_the_loss_that_it_spoils() -> None:
    net = net_of(as_it_is)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    loss_fn = nn.CrossEntropyLoss()
    with gf.watch(net, optimizer, loss_fn, say=None) as watch:
        for step in range(6):
            x = torch.randn(32, WIDTH)
            if step == 3:
                x[5, 2] = float("nan")
            optimizer.zero_grad()
            loss_fn(net(x), torch.arange(32) % CLASSES).backward()
            optimizer.step()
    assert [f.rule for f in watch.findings][:2] == ["input-not-finite", "loss-not-finite"]


class Carried(nn.Module):
    """A recurrent cell by hand: the layer that is called first reads a state of zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.carry, self.read = nn.Linear(32, 32), nn.Linear(WIDTH, 32)
        self.head = nn.Linear(32, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.carry(torch.zeros(len(x), 32)) + self.read(x)))


def test_a_first_layer_that_reads_no_data_does_not_mean_that_none_is_read() -> None:
    torch.manual_seed(0)
    found, _ = trained(Carried())
    assert "input-ignored" not in found


class Sparse(nn.Module):
    """A layer of a graph network: the sparse adjacency goes through a module."""

    def __init__(self) -> None:
        super().__init__()
        self.adjacency, self.layer = torch.eye(32).to_sparse(), Neighbours()

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.adjacency, x)


class Neighbours(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(WIDTH, CLASSES))

    def forward(self, adjacency: Tensor, x: Tensor) -> Tensor:
        return torch.sparse.mm(adjacency, x @ self.weight)


def test_a_sparse_tensor_that_enters_a_layer_ends_no_training() -> None:
    found, history = trained(Sparse())
    assert len(history.steps.loss) == 60
    assert "input-ignored" not in found


def test_a_last_layer_of_equal_weights_is_meant() -> None:
    """As a forecast begins at the mean of what was: each output has targets of its own."""
    torch.manual_seed(0)
    net = nn.Linear(WIDTH, CLASSES)
    nn.init.constant_(net.weight, 1.0 / WIDTH)
    found, _ = trained(net)
    assert "symmetric-init" not in found


@pytest.mark.filterwarnings("ignore:Sparse CSR")
@pytest.mark.parametrize("form", ["to_sparse", "to_sparse_csr"])
def test_inputs_that_are_sparse_end_no_training(form: str) -> None:
    torch.manual_seed(0)
    rows = getattr((torch.rand(64, 20) < 0.1).float(), form)()
    weight = nn.Parameter(0.1 * torch.randn(20, 1))
    net = Neighbours()
    net.weight = weight
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with gf.watch(Given(net, torch.eye(20)), optimizer, say=None) as watch:
        for _ in range(10):
            optimizer.zero_grad()
            output = watch.eyes.module(rows)
            watch.loss(F.mse_loss(output, torch.ones(64, 1))).backward()
            optimizer.step()
    assert len(watch.history.steps.loss) == 10
    assert watch.history.setting.baseline is None


class Given(nn.Module):
    """Hands a sparse batch to a layer."""

    def __init__(self, layer: nn.Module, x: Tensor) -> None:
        super().__init__()
        self.layer, self.x = layer, x

    def forward(self, rows: Tensor) -> Tensor:
        return self.layer(rows, self.x)
