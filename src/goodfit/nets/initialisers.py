"""Initialisers by name: what the weights of a network start at.

Each fills a matrix ``[fan_out, fan_in]`` or a kernel ``[out, in, k, k]`` in place, by torch's
generator, and returns it. ``fan_in`` is how many numbers a unit reads, ``fan_out`` how many units
read one number; for a kernel both count its places, and the pieces of a maxout unit count once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from ..recipe.networks import Layered
from .activations import width_before

Initialiser = Callable[[Tensor, int, int], Tensor]
CONSTANT = 0.01


def as_torch(weight: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """Torch's own start: ``W ~ U(-b, b), b = 1/sqrt(fan_in)``, biases alike; sd 0.58/sqrt(fan_in).

    Smaller than Xavier's: activations shrink with depth. ``torch.nn.Linear.reset_parameters``.
    """
    return weight


def constant(weight: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """``W = 0.01``, to show why not: all units of a layer give the same and learn the same.

    Notes n3 ("a degenerate solution"), n4.
    """
    return weight.fill_(CONSTANT)


def small_normal(weight: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """``W ~ N(0, 0.01^2)``: fine for small networks; in deep ones activations and gradients die.

    Notes n3, n4.
    """
    return weight.normal_(0.0, 0.01)


def large_normal(weight: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """``W ~ N(0, 1)``: tanh and sigmoid saturate, ReLU explodes. Notes n3, n4."""
    return weight.normal_(0.0, 1.0)


def xavier_uniform(weight: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """``W ~ U(-b, b), b = sqrt(6 / (fan_in + fan_out))``: sd ``sqrt(2 / (fan_in + fan_out))``.

    Keeps the variance of signals and of gradients, for tanh and the like.
    Glorot and Bengio, AISTATS 2010; notes n3; ``torch.nn.init.xavier_uniform_``.
    """
    bound = math.sqrt(6.0 / (fan_in + fan_out))
    return weight.uniform_(-bound, bound)


def xavier_normal(weight: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """``W ~ N(0, 2 / (fan_in + fan_out))``: as xavier-uniform, with a normal distribution.

    Glorot and Bengio, AISTATS 2010; ``torch.nn.init.xavier_normal_``.
    """
    return weight.normal_(0.0, math.sqrt(2.0 / (fan_in + fan_out)))


def xavier_fan_in(weight: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """``W ~ N(0, 1) / sqrt(fan_in)``: the notes' simpler Xavier; keeps the variance of signals.

    For tanh and the like. Notes n3, n4; LeCun's initialisation.
    """
    return weight.normal_(0.0, math.sqrt(1.0 / fan_in))


def he_normal(weight: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """``W ~ N(0, 1) / sqrt(fan_in / 2)``: for ReLU, which halves the variance.

    "Xavier2" in the notes. He et al., ICCV 2015; notes n3, n4; ``torch.nn.init.kaiming_normal_``.
    """
    return weight.normal_(0.0, math.sqrt(2.0 / fan_in))


def he_uniform(weight: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """``W ~ U(-b, b), b = sqrt(6 / fan_in)``: as he-normal, with a uniform distribution.

    He et al., ICCV 2015; ``torch.nn.init.kaiming_uniform_(nonlinearity="relu")``.
    """
    bound = math.sqrt(6.0 / fan_in)
    return weight.uniform_(-bound, bound)


def orthogonal(weight: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """``W`` with orthonormal rows or columns: a linear layer keeps lengths. Kernels as [out, rest].

    Saxe et al., ICLR 2014; ``torch.nn.init.orthogonal_``.
    """
    return nn.init.orthogonal_(weight)


INITIALISERS: dict[str, Initialiser] = {
    "torch": as_torch,
    "constant": constant,
    "small-normal": small_normal,
    "large-normal": large_normal,
    "xavier-uniform": xavier_uniform,
    "xavier-normal": xavier_normal,
    "xavier-fan-in": xavier_fan_in,
    "he-uniform": he_uniform,
    "he-normal": he_normal,
    "orthogonal": orthogonal,
}


def initialise(module: nn.Module, net: Layered, prior: Tensor | None) -> None:
    """Give the weights of ``module`` the start that ``net`` names; biases as well.

    Biases of all but torch's start are zero. ``net.bias`` goes to what is added last before a
    hidden activation: a norm's shift, where one stands between. ``prior`` ``[num_outputs]`` is
    what the last bias starts at for "prior"; zeros where it is not known.
    """
    layers = [(n, m) for n, m in module.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    last = layers[-1][1]
    with torch.no_grad():
        for _, layer in layers:
            pieces = 1 if layer is last else width_before(net.activation, net.pieces, 1)
            fan_in, fan_out = fans(layer.weight, pieces)
            INITIALISERS[net.init](layer.weight, fan_in, fan_out)
            if net.init != "torch" and layer.bias is not None:
                layer.bias.zero_()
        if net.bias is not None:
            for bias in _hidden_biases(module, net, last):
                bias.fill_(net.bias)
        _start_output(cast(nn.Linear, last), net.output_bias, prior)


def fans(weight: Tensor, pieces: int = 1) -> tuple[int, int]:
    """Return fan-in and fan-out of a matrix or kernel.

    Example:
        >>> fans(torch.empty(8, 3, 5, 5)), fans(torch.empty(10, 4), pieces=2)
        ((75, 200), (4, 5))
    """
    places = math.prod(weight.shape[2:])
    return weight.shape[1] * places, weight.shape[0] // pieces * places


def _hidden_biases(module: nn.Module, net: Layered, last: nn.Module) -> list[Tensor]:
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)
    by_norm = net.norm != "none" and net.norm_place == "before"
    kinds = norms if by_norm else (nn.Linear, nn.Conv2d)
    return [
        layer.bias
        for name, layer in module.named_modules()
        if isinstance(layer, kinds) and layer is not last and "shortcut" not in name
        if layer.bias is not None
    ]


def _start_output(last: nn.Linear, start: str, prior: Tensor | None) -> None:
    if start == "zero" or (start == "prior" and prior is None):
        last.bias.zero_()
    elif start == "prior":
        last.bias.copy_(cast(Tensor, prior))
