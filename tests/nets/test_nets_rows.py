"""Networks as rows and back, and what happens where there is nothing to pack."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call

from goodfit.errors import NetError
from goodfit.nets import layout_of, pack_buffers, pack_parameters, write_row


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 4)
        self.last.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x).tanh())


def dense() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 4))


def frozen() -> nn.Module:
    net = dense()
    net[0].weight.requires_grad_(False)  # pyright: ignore[reportIndexIssue]
    return net


NETS = [dense, frozen, Tied, lambda: nn.Conv2d(2, 3, 3), lambda: nn.GRU(3, 2, num_layers=2)]


def scrambled(net: nn.Module) -> nn.Module:
    """Return a copy in which every parameter and buffer has other values."""
    other = copy.deepcopy(net)
    with torch.no_grad():
        for tensor in [*other.parameters(), *other.buffers()]:
            tensor.copy_(torch.randn(tensor.shape) * 10.0)
    return other


@pytest.mark.parametrize("make", NETS)
def test_packed_and_written_back_is_the_same_network(make) -> None:
    nets = [scrambled(make()) for _ in range(3)]
    w, buffers = pack_parameters(nets), pack_buffers(nets)
    for k, net in enumerate(nets):
        target = scrambled(net)
        write_row(target, layout_of(net), w[k], {name: held[k] for name, held in buffers.items()})
        expected = net.state_dict()
        assert target.state_dict().keys() == expected.keys()
        for name, tensor in target.state_dict().items():
            assert torch.equal(tensor, expected[name]), name


@pytest.mark.parametrize("make", NETS)
def test_a_row_has_each_trainable_number_once(make) -> None:
    net = make()
    layout = layout_of(net)
    count = sum(p.numel() for p in net.parameters() if p.requires_grad)
    assert layout.num_parameters == sum(layout.sizes) == count
    assert pack_parameters([net]).shape == (1, count)


@pytest.mark.parametrize("make", [dense, frozen, Tied])
def test_a_row_called_as_a_function_is_the_network(make) -> None:
    net = make().eval()
    row, x = pack_parameters([net])[0], torch.randn(5, 4)
    held = {name: buffer[0] for name, buffer in pack_buffers([net]).items()}
    found = functional_call(scrambled(net).eval(), {**layout_of(net).unpack(row), **held}, (x,))
    assert torch.equal(found, net(x))


def test_packing_copies() -> None:
    net = dense()
    w, buffers = pack_parameters([net]), pack_buffers([net])
    before = copy.deepcopy(net.state_dict())
    w.zero_()
    for buffer in buffers.values():
        buffer.zero_()
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in before.items())


def test_unpacking_does_not_copy() -> None:
    """The parameters are views of the row: one row, one place."""
    net = dense()
    row = pack_parameters([net])[0]
    for tensor in layout_of(net).unpack(row).values():
        tensor.fill_(1.0)
    assert (row == 1.0).all()


def test_a_frozen_parameter_is_held_with_the_buffers() -> None:
    net = frozen()
    assert "0.weight" not in layout_of(net).names
    assert torch.equal(pack_buffers([net])["0.weight"][0], net.state_dict()["0.weight"])


def test_a_buffer_that_the_network_has_not_is_left_out() -> None:
    net = nn.Linear(2, 1)
    write_row(net, layout_of(net), torch.ones(3), {"3.rate": torch.tensor(0.5)})
    assert all((p == 1.0).all() for p in net.parameters())


@given(st.lists(st.lists(st.integers(0, 4), max_size=3), min_size=1, max_size=6))
def test_unpacked_pieces_join_to_the_row(shapes: list[list[int]]) -> None:
    net = nn.ParameterList([nn.Parameter(torch.randn(shape)) for shape in shapes])
    row = pack_parameters([net])[0]
    pieces = layout_of(net).unpack(row)
    assert [list(piece.shape) for piece in pieces.values()] == shapes
    assert torch.equal(torch.cat([piece.flatten() for piece in pieces.values()]), row)


def nothing_trains() -> nn.Module:
    return nn.Linear(2, 3).requires_grad_(False)


@pytest.mark.parametrize(("make", "count"), [(nn.Flatten, 0), (nothing_trains, 9)])
def test_a_network_without_trainable_parameters_is_an_error_with_words(make, count: int) -> None:
    with pytest.raises(NetError) as caught:
        pack_parameters([make()])
    assert caught.value.what == "The network has no parameters to train."
    assert caught.value.given == f"{count} parameters, all frozen"
    assert "requires_grad" in caught.value.do
