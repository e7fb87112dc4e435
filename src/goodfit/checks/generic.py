"""A network at generic weights: what holds there is how it is wired, not how it starts.

A last layer that starts at 0 is healthy, and hides whether the output depends on the input. At
weights drawn at random, a derivative that is exactly 0 has no other cause than the wiring.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .inputs import Inputs, map_inputs
from .subject import Subject

_SEED = 0x6E6E


def at_generic_weights(net: nn.Module) -> nn.Module:
    """Draw every parameter of a copy anew, in place: weights for a signal of unit size.

    Matrices get ``N(0, 1/fan_in)``, biases ``N(0, 0.1^2)``, other vectors (the scales of norms)
    ``N(1, 0.1^2)``. Returns ``net``.
    """
    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if parameter.is_floating_point():
                drawn = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(_scaled(drawn, name))
    return net


def _scaled(drawn: Tensor, name: str) -> Tensor:
    if drawn.ndim >= 2:
        return drawn / math.sqrt(max(1, drawn[0].numel()))
    return 0.1 * drawn if "bias" in name else 1.0 + 0.1 * drawn


def of_unit_size(x: Inputs) -> Inputs:
    """Return inputs whose floats have root mean square 1."""
    return map_inputs(_of_unit_size, x)


def _of_unit_size(tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    return tensor / tensor.float().square().mean().sqrt().clamp_min(1e-30).to(tensor.dtype)


def generic_net(subject: Subject) -> nn.Module:
    """Return a copy at generic weights, in evaluation mode."""
    return at_generic_weights(subject.fresh_net()).eval()
