"""Layers that torch has not in the form that rows need."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from .noise import uniform_noise


class Dropout(nn.Module):
    """Inverted dropout: what is kept is scaled up in training, so that evaluation needs nothing.

    In training ``y = x * (noise >= rate) / (1 - rate)``, so the expectation of ``y`` is ``x``
    and nothing happens in evaluation. Any input shape; the output has the same. The rate is a
    buffer, so that each network of a search has its own.

    Source: Srivastava et al., "Dropout", JMLR 2014; notes n3, Inference with Dropout, whose p is
    the share that is kept ("scale by 1/p at train time").

    Example:
        >>> layer = Dropout(0.5).eval()
        >>> layer(torch.ones(2))
        tensor([1., 1.])
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.register_buffer("rate", torch.tensor(float(rate)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        rate = cast(Tensor, self.rate)
        kept = (uniform_noise(x) >= rate).to(x.dtype)
        return x * kept * (1.0 / (1.0 - rate))

    def extra_repr(self) -> str:
        return f"rate={float(cast(Tensor, self.rate)):g}"


class DropoutAtTest(nn.Module):
    """Dropout as first published: units are dropped in training, and scaled in evaluation.

    In training ``y = x * (noise >= rate)``, whose expectation is ``(1 - rate) x``; in evaluation
    ``y = (1 - rate) x``. Any input shape; the output has the same. What :class:`Dropout` gives is
    this over ``1 - rate``, in training and in evaluation: the layer after it sees other sizes.

    Source: Srivastava et al., "Dropout", JMLR 2014; notes n0, 5.1, and n3 (scaled at test time).

    Example:
        >>> layer = DropoutAtTest(0.5).eval()
        >>> layer(torch.ones(2))
        tensor([0.5000, 0.5000])
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.register_buffer("rate", torch.tensor(float(rate)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        rate = cast(Tensor, self.rate)
        if not self.training:
            return x * (1.0 - rate)
        return x * (uniform_noise(x) >= rate).to(x.dtype)

    def extra_repr(self) -> str:
        return f"rate={float(cast(Tensor, self.rate)):g}"


DROPOUTS: dict[str, Callable[[float], nn.Module]] = {
    "inverted": Dropout,
    "at-test": DropoutAtTest,
}


class ChannelsLast(nn.Module):
    """Lay images out channels-last, which convolution and pooling on a CPU run faster in.

    A copy, not ``contiguous``: an image of one channel counts as laid out either way, keeps its
    strides, and the convolution after it would then choose the slow layout. Not torch's
    ``channels_last`` format by name, which rows with batches of their own cannot be put into.
    """

    def forward(self, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 3, 1).clone(memory_format=torch.contiguous_format)
        return rows.permute(0, 3, 1, 2)


def with_counted_dropout(net: nn.Module) -> nn.Module:
    """Replace each ``nn.Dropout`` inside ``net`` by :class:`Dropout`, in place; return ``net``.

    A layer that stands in several places stays one layer. One of rate 1, which gives zeros and
    needs no noise, is left. Keys of the state dict do not change.
    """
    counted: dict[nn.Module, Dropout] = {}
    for name, layer in list(net.named_modules(remove_duplicate=False)):
        if type(layer) is nn.Dropout and layer.p < 1.0:
            counted.setdefault(layer, Dropout(layer.p).train(layer.training))
            if name:
                net.set_submodule(name, counted[layer])
    return counted.get(net, net)
