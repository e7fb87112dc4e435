"""Residual networks for small images."""

from __future__ import annotations

from torch import Tensor, nn

from ..recipe import ResNet
from .blocks import activated, batch_follows, conv, dropped, norm
from .layers import ChannelsLast


class Residual(nn.Module):
    """``y = after(body(x) + shortcut(x))`` for images ``[N, C, H, W]``.

    Example:
        >>> import torch
        >>> Residual(nn.Identity(), nn.Identity(), nn.ReLU())(torch.tensor([2.0, -1.0]))
        tensor([4., 0.])
    """

    def __init__(self, body: nn.Module, shortcut: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut, self.after = body, shortcut, after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.body(x) + self.shortcut(x))


class Projection(nn.Conv2d):
    """A matrix over the channels of every ``every``-th place: ``[N, C, H, W]`` to ``[N, D, h, w]``.

    The same as a 1x1 convolution with that stride, whose backward pass writes beside its memory
    in channels-last with few channels (torch 2.13.0 on a CPU: 2 to 6 of them end the process).

    Example:
        >>> import torch
        >>> x = torch.randn(2, 3, 5, 5)
        >>> matrix = Projection(3, 4, every=2)
        >>> torch.allclose(matrix(x), nn.functional.conv2d(x, matrix.weight, matrix.bias, 2))
        True
    """

    def __init__(self, channels: int, out_channels: int, *, every: int, bias: bool = True) -> None:
        super().__init__(channels, out_channels, 1, bias=bias)
        self.every = every

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().forward(x[:, :, :: self.every, :: self.every])


class MeanOverPlaces(nn.Module):
    """Global average pooling: ``[N, C, H, W]`` to ``[N, C]``."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def residual_net(net: ResNet, input_shape: tuple[int, ...], num_outputs: int) -> nn.Module:
    """Return stem, stages, mean over places, dropout and output layer as one sequence."""
    width = net.channels[0]
    layers = [ChannelsLast(), conv(net, input_shape[0], width), *activated(net, width, images=True)]
    for stage, (num, out_channels) in enumerate(zip(net.blocks, net.channels, strict=True)):
        for place in range(num):
            stride = 2 if stage and not place else 1
            layers.append(_block(net, width, out_channels, stride))
            width = out_channels
    layers += [MeanOverPlaces(), *dropped(net)]
    return nn.Sequential(*layers, nn.Linear(width, num_outputs))


def _block(net: ResNet, channels: int, out_channels: int, stride: int) -> Residual:
    body = nn.Sequential(
        conv(net, channels, out_channels, stride=stride),
        *activated(net, out_channels, images=True),
        conv(net, out_channels, out_channels),
        *norm(net, out_channels, "before", images=True),
    )
    after = nn.Sequential(*_last(net, out_channels))
    return Residual(body, _shortcut(net, channels, out_channels, stride), after)


def _last(net: ResNet, width: int) -> list[nn.Module]:
    """Return what stands behind the sum: the activation, and the norm where that comes after."""
    bare = net.model_copy(update={"norm": "none"})
    behind = norm(net, width, "after", images=True)
    return [*activated(bare, width, images=True), *behind]


def _shortcut(net: ResNet, channels: int, out_channels: int, stride: int) -> nn.Module:
    if channels == out_channels and stride == 1:
        return nn.Identity()
    bias = not batch_follows(net)
    matrix = Projection(channels, out_channels, every=stride, bias=bias)
    return nn.Sequential(matrix, *norm(net, out_channels, "before", images=True))
