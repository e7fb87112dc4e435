"""What all our networks are put together from: a convolution, a norm and an activation, dropout."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from ..recipe.networks import Layered
from .activations import activation_of, width_before
from .layers import DROPOUTS
from .norms import NORMS


def conv(net: Layered, channels: int, out_channels: int, *, stride: int = 1) -> nn.Conv2d:
    """Return a 3x3 convolution for an activation that gives ``out_channels``.

    It has no bias where batch norm follows, which takes any constant out again.
    """
    made = width_before(net.activation, net.pieces, out_channels)
    return nn.Conv2d(channels, made, 3, padding=1, stride=stride, bias=not batch_follows(net))


def batch_follows(net: Layered) -> bool:
    """Say whether batch norm stands directly behind a layer's matrix."""
    return net.norm == "batch" and net.norm_place == "before"


def activated(net: Layered, width: int, *, images: bool) -> Iterator[nn.Module]:
    """Yield an activation that gives ``width`` features or channels, and its norm on its side."""
    before = norm(net, width_before(net.activation, net.pieces, width), "before", images=images)
    yield from before
    yield activation_of(net.activation, net.pieces)
    yield from norm(net, width, "after", images=images)


def norm(net: Layered, width: int, place: str, *, images: bool) -> Iterator[nn.Module]:
    """Yield the norm, where the network has one at this place."""
    if net.norm != "none" and net.norm_place == place:
        yield NORMS[net.norm](width, images=images)


def dropped(net: Layered) -> Iterator[nn.Module]:
    """Yield dropout, where the network has it."""
    if net.dropout > 0.0:
        yield DROPOUTS[net.dropout_form](net.dropout)
