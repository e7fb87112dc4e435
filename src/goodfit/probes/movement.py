"""What is measured on weights, gradients and the step between: norms, descent, turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

# Up to so many weights are copied for a look; of more, every k-th. Memory: 4 bytes each, twice.
MAX_COPIED = 2**20


def stride_of(num_weights: int) -> int:
    """Return k: every k-th weight is followed through a step. Odd, against regular layouts.

    Example:
        >>> stride_of(10_000), stride_of(11_000_000)
        (1, 11)
    """
    return 1 if num_weights <= MAX_COPIED else (num_weights // MAX_COPIED) | 1


def sampled(tensors: Sequence[Tensor], stride: int = 1) -> Tensor:
    """Return a copy of the tensors' numbers in one row, every ``stride``-th of each.

    Example:
        >>> sampled([torch.zeros(2, 2), torch.ones(1)])
        tensor([0., 0., 0., 0., 1.])
    """
    rows = [tensor.detach().reshape(-1) for tensor in tensors]
    return torch.cat([row[::stride] for row in rows] if stride > 1 else rows)


@dataclass(frozen=True)
class Movement:
    """One step of the weights: those after it, their gradients, the weights before.

    ``before`` is a row made by :func:`sampled` with the same ``stride``; ``previous`` the
    ``gradient`` of the look before, None where that was not the step before. A parameter without
    gradient counts as one of zeros. Update norms, descent and turn are estimated from every k-th
    weight where ``stride`` is k.
    """

    weights: Sequence[Tensor]
    gradients: Sequence[Tensor | None]
    before: Tensor
    previous: Tensor | None = None
    stride: int = 1

    @cached_property
    def dense(self) -> list[Tensor]:
        """The gradients, zeros for None, sparse ones as dense."""
        return [_dense(g, w) for g, w in zip(self.gradients, self.weights, strict=True)]

    @cached_property
    def gradient(self) -> Tensor:
        """The gradients as one row."""
        return sampled(self.dense, self.stride)

    @cached_property
    def update(self) -> Tensor:
        """The change of the weights as one row."""
        return sampled(self.weights, self.stride) - self.before


def _dense(gradient: Tensor | None, weight: Tensor) -> Tensor:
    if gradient is None:
        return torch.zeros_like(weight)
    return gradient.detach().to_dense() if gradient.is_sparse else gradient.detach()


def norms(moved: Movement) -> Mapping[str, Tensor]:
    """Return L2 norms ``[parameters]`` of weights, gradients and updates."""
    sizes = [-(-w.numel() // moved.stride) for w in moved.weights]
    return {
        "weight_norm": _norms([w.detach() for w in moved.weights]),
        "grad_norm": _norms(moved.dense),
        "update_norm": _norms(moved.update.split(sizes)) * moved.stride**0.5,
    }


def _norms(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack(torch._foreach_norm(list(tensors))).float()


def descent(moved: Movement) -> Mapping[str, Tensor]:
    """Return ``sum(g * (w' - w))``: the change of the loss that the step promised.

    To first order; negative is downhill.
    """
    update = moved.update.to(moved.gradient.dtype)
    return {"descent": torch.dot(moved.gradient, update) * moved.stride}


def turn(moved: Movement) -> Mapping[str, Tensor]:
    """Return the cosine between this gradient and that of the step before, where it is known."""
    if moved.previous is None or moved.previous.shape != moved.gradient.shape:
        return {}
    now, then = moved.gradient, moved.previous
    lengths = torch.linalg.vector_norm(now) * torch.linalg.vector_norm(then)
    return {"turn": torch.dot(now, then) / lengths}
