"""Networks from a recipe's ``[net]`` table: dense, convolutional, or the user's own."""

from __future__ import annotations

import importlib
import inspect
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from ..errors import NetError
from ..recipe import CNN, MLP, Net, OwnNet
from ..seeds import mix
from .activations import ACTIVATIONS
from .layers import ChannelsLast, Dropout

_INIT_STREAM = 0x1717


def build_net(net: Net, *, input_shape: tuple[int, ...], num_outputs: int, seed: int) -> nn.Module:
    """Return the network for inputs ``[N, *input_shape]`` and outputs ``[N, num_outputs]``.

    Weights are drawn from ``seed`` alone; torch's global generator is left as it was.

    Raises:
        NetError: the network does not fit the data, or the user's factory fails.

    Example:
        >>> net = build_net(MLP(hidden=(8,)), input_shape=(4,), num_outputs=3, seed=0)
        >>> sum(p.numel() for p in net.parameters())
        67
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(mix(seed, _INIT_STREAM))
        if isinstance(net, MLP):
            return _mlp(net, input_shape, num_outputs)
        if isinstance(net, CNN):
            return _cnn(net, input_shape, num_outputs)
        return _own(net, input_shape, num_outputs)


def _mlp(net: MLP, input_shape: tuple[int, ...], num_outputs: int) -> nn.Module:
    fan_in, layers = math.prod(input_shape), []
    if len(input_shape) > 1:
        layers.append(nn.Flatten())
    for width in net.hidden:
        layers += [nn.Linear(fan_in, width), *_dense_norm(net.norm, width)]
        layers += [ACTIVATIONS[net.activation](), *_dropout(net.dropout)]
        fan_in = width
    return nn.Sequential(*layers, nn.Linear(fan_in, num_outputs))


def _cnn(net: CNN, input_shape: tuple[int, ...], num_outputs: int) -> nn.Module:
    if len(input_shape) != 3:
        raise NetError(
            "A convolutional network needs images.",
            given=f"inputs of shape {list(input_shape)}",
            do='Take net.kind = "mlp", or give images [channels, height, width].',
        )
    channels, height, width = input_shape
    layers: list[nn.Module] = [ChannelsLast()]
    for out_channels in net.channels:
        layers += _conv_block(net, channels, out_channels)
        channels, height, width = out_channels, height // 2, width // 2
    if min(height, width) < 1:
        raise NetError(
            f"{len(net.channels)} blocks halve the image to nothing.",
            given=f"images of {input_shape[1]} x {input_shape[2]}",
            do=f"Take at most {int(math.log2(min(input_shape[1:])))} entries in net.channels.",
        )
    layers += [nn.Flatten(), *_dropout(net.dropout)]
    return nn.Sequential(*layers, nn.Linear(channels * height * width, num_outputs))


def _conv_block(net: CNN, channels: int, out_channels: int) -> Iterator[nn.Module]:
    batch_norm = net.norm == "batch"
    yield nn.Conv2d(channels, out_channels, 3, padding=1, bias=not batch_norm)
    if batch_norm:
        yield nn.BatchNorm2d(out_channels)
    yield ACTIVATIONS[net.activation]()
    yield nn.MaxPool2d(2)


def _dense_norm(norm: str, width: int) -> Iterator[nn.Module]:
    if norm == "batch":
        yield nn.BatchNorm1d(width)
    elif norm == "layer":
        yield nn.LayerNorm(width)


def _dropout(rate: float) -> Iterator[nn.Module]:
    if rate > 0.0:
        yield Dropout(rate)


def _own(net: OwnNet, input_shape: tuple[int, ...], num_outputs: int) -> nn.Module:
    """Call the user's factory, with (input_shape, num_outputs) where it takes them."""
    module_name, colon, factory_name = net.make.partition(":")
    if not colon:
        raise NetError(
            "An own network is named as package.module:factory.",
            given=f'net.make = "{net.make}"',
            do='Write net.make = "my_nets:make_net", or pass the module: train(recipe, net=...).',
        )
    factory = _import_factory(module_name, factory_name, net.make)
    try:
        takes_shapes = bool(inspect.signature(factory).parameters)
        made = factory(input_shape, num_outputs) if takes_shapes else factory()
    except Exception as error:
        raise NetError(
            f"{net.make} failed: {error}",
            given=f"input_shape = {list(input_shape)}, num_outputs = {num_outputs}",
            do="Let the factory take (input_shape, num_outputs) and return the module.",
        ) from error
    if not isinstance(made, nn.Module):
        raise NetError(
            f"{net.make} did not return a torch.nn.Module.",
            given=type(made).__name__,
            do="Let the factory take (input_shape, num_outputs) and return the module.",
        )
    return made


def _import_factory(module_name: str, factory_name: str, given: str):
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return getattr(importlib.import_module(module_name), factory_name)
    except Exception as error:
        raise NetError(
            f"The network {given} cannot be imported: {error}.",
            given=given,
            do="Run from the folder that holds the file, or install its package.",
        ) from error
