"""A network as a row: all its parameters in one flat tensor, and back.

K networks of one architecture are the rows of ``W`` with shape ``[K, P]``; each buffer (batch
norm's averages, dropout's rate) becomes ``[K, *shape]``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import NetError

Buffers = dict[str, Tensor]


@dataclass(frozen=True)
class Layout:
    """Where each trainable parameter lies in a row: names, shapes and sizes, in module order."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @property
    def sizes(self) -> list[int]:
        """Numbers of elements, one per parameter."""
        return [math.prod(shape) for shape in self.shapes]

    @property
    def num_parameters(self) -> int:
        """The length P of a row."""
        return sum(self.sizes)

    def unpack(self, row: Tensor) -> dict[str, Tensor]:
        """Return the parameters as views of a row ``[P]``.

        One split instead of P slices: its backward is a single concatenation.
        """
        pieces = row.split(self.sizes)
        return {
            name: piece.view(shape)
            for name, shape, piece in zip(self.names, self.shapes, pieces, strict=True)
        }


def layout_of(net: nn.Module) -> Layout:
    """Return the layout of the parameters that require a gradient.

    Example:
        >>> layout_of(nn.Linear(3, 2)).num_parameters
        8
    """
    trainable = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
    return Layout(
        names=tuple(name for name, _ in trainable),
        shapes=tuple(tuple(p.shape) for _, p in trainable),
    )


def pack_parameters(nets: Sequence[nn.Module]) -> Tensor:
    """Return ``W`` of shape ``[K, P]``: one row per network, a copy.

    Raises:
        NetError: there is nothing to train.
    """
    trained = [
        [p.detach().reshape(-1) for p in net.parameters() if p.requires_grad] for net in nets
    ]
    if not all(trained):
        raise NetError(
            "The network has no parameters to train.",
            given=f"{sum(p.numel() for p in nets[0].parameters())} parameters, all frozen",
            do="Set requires_grad on some, or add a layer with weights.",
        )
    return torch.stack([torch.cat(pieces) for pieces in trained])


def pack_buffers(nets: Sequence[nn.Module]) -> Buffers:
    """Return each buffer, and each frozen parameter, stacked over the networks ``[K, *shape]``."""
    held = [_untrained(net) for net in nets]
    return {name: torch.stack([tensors[name] for tensors in held]) for name in held[0]}


def write_row(net: nn.Module, layout: Layout, row: Tensor, buffers: Mapping[str, Tensor]) -> None:
    """Copy a row ``[P]`` and those of its buffers that ``net`` has into ``net``."""
    own = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    values = {**buffers, **layout.unpack(row)}
    with torch.no_grad():
        for name in own.keys() & values.keys():
            own[name].copy_(values[name])


def _untrained(net: nn.Module) -> dict[str, Tensor]:
    frozen = {name: p.detach() for name, p in net.named_parameters() if not p.requires_grad}
    return {**frozen, **{name: b.detach() for name, b in net.named_buffers()}}
