"""Residual networks: counts in closed form, a twin written out by hand, what they refuse."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import goodfit as gf
from goodfit.errors import GoodfitError, NetError
from goodfit.nets import build_net
from goodfit.recipe import ResNet, validate


def build(net: ResNet, shape: tuple[int, ...] = (3, 8, 8), seed: int = 0) -> nn.Module:
    return build_net(net, input_shape=shape, num_outputs=5, seed=seed)


def expected_count(net: ResNet, channels: int) -> int:
    """Kernels without bias and batch norms of two numbers a channel, by hand."""
    width, total = net.channels[0], 9 * channels * net.channels[0] + 2 * net.channels[0]
    for num, out in zip(net.blocks, net.channels, strict=True):
        for _ in range(num):
            total += 9 * width * out + 9 * out * out + 4 * out
            total += (width * out + 2 * out) * (width != out)
            width = out
    return total + 5 * width + 5


@pytest.mark.parametrize(
    "net",
    [ResNet(), ResNet(blocks=(1, 3, 2), channels=(4, 8, 6)), ResNet(blocks=(2,), channels=(4,))],
)
def test_the_number_of_parameters(net: ResNet) -> None:
    assert sum(p.numel() for p in build(net).parameters()) == expected_count(net, 3)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 28, 28), (2, 5, 7)])
def test_outputs_have_one_number_per_class(shape: tuple[int, ...]) -> None:
    assert build(ResNet(), shape)(torch.randn(6, *shape)).shape == (6, 5)


def block_by_hand(state: dict[str, Tensor], prefix: str, x: Tensor, stride: int) -> Tensor:
    """``relu(norm(conv(relu(norm(conv(x))))) + shortcut(x))`` with norms of one group."""

    def conv(name: str, x: Tensor, stride: int) -> Tensor:
        weight = state[f"{prefix}.{name}.weight"]
        padding = weight.shape[-1] // 2
        bias = state[f"{prefix}.{name}.bias"]
        return functional.conv2d(x, weight, bias, stride=stride, padding=padding)

    def norm(name: str, x: Tensor) -> Tensor:
        weight, bias = state[f"{prefix}.{name}.weight"], state[f"{prefix}.{name}.bias"]
        return functional.group_norm(x, 1, weight, bias)

    y = norm("body.1", conv("body.0", x, stride)).relu()
    y = norm("body.4", conv("body.3", y, 1))
    shortcut = x
    if f"{prefix}.shortcut.0.weight" in state:
        shortcut = norm("shortcut.1", conv("shortcut.0", x, stride))
    return (y + shortcut).relu()


def test_blocks_add_what_went_in() -> None:
    module = build(ResNet(blocks=(1, 1), channels=(4, 6), norm="layer"))
    state, x = module.state_dict(), torch.randn(2, 3, 8, 8)
    y = functional.conv2d(x, state["1.weight"], state["1.bias"], padding=1)
    y = functional.group_norm(y, 1, state["2.weight"], state["2.bias"]).relu()
    y = block_by_hand(state, "4", y, 1)
    y = block_by_hand(state, "5", y, 2)
    assert y.shape == (2, 6, 4, 4)
    expected = functional.linear(y.mean((2, 3)), state["7.weight"], state["7.bias"])
    torch.testing.assert_close(module(x), expected)


def test_norms_after_the_activation_have_no_norm_on_the_shortcut() -> None:
    module = build(ResNet(norm_place="after"))
    kinds = [type(layer).__name__ for layer in module.modules()]
    assert kinds.count("BatchNorm2d") == 1 + 4 * 2
    assert kinds.count("Conv2d") == 1 + 4 * 2
    assert kinds.count("Projection") == 1


def test_tables_are_refused() -> None:
    with pytest.raises(NetError, match="needs images"):
        build(ResNet(), (13,))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"blocks": [2, 2], "channels": [16]}, "2 numbers of blocks and 1 of channels"),
        ({"activation": "maxout"}, "Take relu or leaky-relu, or a cnn."),
    ],
)
def test_what_does_not_fit_is_said(table: dict, words: str) -> None:
    with pytest.raises(GoodfitError) as caught:
        validate({"data": "digits", "net": {"kind": "resnet", **table}})
    assert words in str(caught.value)


def test_a_line_of_toml_trains_one() -> None:
    net = {"kind": "resnet", "blocks": [1], "channels": [8]}
    table = {"data": "digits", "epochs": 2, "net": net, "optimizer": {"lr": 0.01}}
    run = gf.train(validate(table))
    assert run.info.executor == "traced"
    assert run.scores.values["accuracy"] > 0.6


@pytest.mark.parametrize("channels", [(2, 2), (4, 6), (5, 8), (16, 32)])
def test_narrow_stages_train(channels: tuple[int, ...]) -> None:
    """Strided 1x1 convolutions of few channels ended the process in their backward pass."""
    net = build(ResNet(blocks=(1, 1), channels=channels))
    for _ in range(8):
        net(torch.randn(32, 3, 8, 8)).square().mean().backward()
    assert all(bool(p.grad.isfinite().all()) for p in net.parameters() if p.grad is not None)
