"""Masks on a row: one number for each weight, by the parameter that it belongs to."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from .rows import layout_of

NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def mask_of(net: nn.Module, number: Callable[[str], float]) -> Tensor:
    """Return ``[P]``: for each weight of a row, the ``number`` of its parameter's name.

    Example:
        >>> mask_of(nn.Linear(2, 1), lambda name: float(name == "weight"))
        tensor([1., 1., 0.])
    """
    layout = layout_of(net)
    pieces = zip(layout.names, layout.sizes, strict=True)
    return torch.cat([torch.full((size,), float(number(name))) for name, size in pieces])


def decaying(net: nn.Module) -> frozenset[str]:
    """Return the names of the parameters that decay: matrices and kernels.

    Not those of norms, and none with fewer than two dimensions (biases, slopes, scales): pulling
    them to zero takes away what the layer can say and does not make it smoother.

    Example:
        >>> sorted(decaying(nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))))
        ['0.weight']
    """
    of_norms = {
        f"{place}.{name}" if place else name
        for place, module in net.named_modules()
        if isinstance(module, NORMS)
        for name, _ in module.named_parameters(recurse=False)
    }
    named = {name for name, p in net.named_parameters() if p.requires_grad and p.dim() > 1}
    return frozenset(named - of_norms)
