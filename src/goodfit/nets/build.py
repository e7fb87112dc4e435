"""Networks from a recipe's ``[net]`` table: dense, convolutional, residual, or the user's own."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..errors import NetError
from ..recipe import CNN, MLP, Net, OwnNet
from ..seeds import mix
from .activations import width_before
from .blocks import activated, conv, dropped
from .initialisers import initialise
from .layers import ChannelsLast
from .own import own_net
from .residual import residual_net

_INIT_STREAM = 0x1717


def build_net(
    net: Net,
    *,
    input_shape: tuple[int, ...],
    num_outputs: int,
    seed: int,
    prior: Tensor | None = None,
) -> nn.Module:
    """Return the network for inputs ``[N, *input_shape]`` and outputs ``[N, num_outputs]``.

    Weights are drawn from ``seed`` alone; torch's global generator is left as it was. ``prior``
    ``[num_outputs]`` is what the last bias starts at where ``net.output_bias`` is "prior".

    Raises:
        NetError: the network does not fit the data, or the user's factory fails.

    Example:
        >>> net = build_net(MLP(hidden=(8,)), input_shape=(4,), num_outputs=3, seed=0)
        >>> sum(p.numel() for p in net.parameters())
        67
    """
    with torch.random.fork_rng(devices=[]):
        if isinstance(net, OwnNet):
            torch.manual_seed(mix(seed, _INIT_STREAM))
            return own_net(net, input_shape, num_outputs)
        # Ours draw on the CPU; `torch.manual_seed` also reaches for devices: 0.7 ms against 1 us.
        torch.default_generator.manual_seed(mix(seed, _INIT_STREAM))
        if isinstance(net, MLP):
            module = _mlp(net, input_shape, num_outputs)
        else:
            _need_images(input_shape)
            if isinstance(net, CNN):
                module = _cnn(net, input_shape, num_outputs)
            else:
                module = residual_net(net, input_shape, num_outputs)
        initialise(module, net, prior)
        return module


def _need_images(input_shape: tuple[int, ...]) -> None:
    if len(input_shape) != 3:
        raise NetError(
            "A convolutional network needs images.",
            given=f"inputs of shape {list(input_shape)}",
            do='Take net.kind = "mlp", or give images [channels, height, width]; of prepare.scale,'
            ' "pca" and "whiten" make vectors of images, and "zca" keeps them images.',
        )


def _mlp(net: MLP, input_shape: tuple[int, ...], num_outputs: int) -> nn.Module:
    fan_in, layers = math.prod(input_shape), []
    if len(input_shape) > 1:
        layers.append(nn.Flatten())
    for width in net.hidden:
        layers.append(nn.Linear(fan_in, width_before(net.activation, net.pieces, width)))
        layers += [*activated(net, width, images=False), *dropped(net)]
        fan_in = width
    return nn.Sequential(*layers, nn.Linear(fan_in, num_outputs))


def _cnn(net: CNN, input_shape: tuple[int, ...], num_outputs: int) -> nn.Module:
    channels, height, width = input_shape
    layers: list[nn.Module] = [ChannelsLast()]
    for out_channels in net.channels:
        layers += [conv(net, channels, out_channels), *activated(net, out_channels, images=True)]
        layers.append(nn.MaxPool2d(2))
        channels, height, width = out_channels, height // 2, width // 2
    if min(height, width) < 1:
        raise NetError(
            f"{len(net.channels)} blocks halve the image to nothing.",
            given=f"images of {input_shape[1]} x {input_shape[2]}",
            do=f"Take at most {int(math.log2(min(input_shape[1:])))} entries in net.channels.",
        )
    layers += [nn.Flatten(), *dropped(net)]
    return nn.Sequential(*layers, nn.Linear(channels * height * width, num_outputs))
