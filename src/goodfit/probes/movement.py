"""What is measured on weights, gradients and the step between: norms, descent, turn.

On the host in NumPy: on small networks, where a look costs most, its calls take a third of
torch's, and on a device a look moves three rows of at most about a million numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Row = NDArray[np.float32]
# Up to about so many weights are copied for a look; of more, every k-th of the large tensors.
MAX_COPIED = 2**20
MIN_COPIED = 4096


@dataclass(frozen=True)
class Sampling:
    """Which numbers of each parameter are followed through a step, and how they lie in a row.

    ``strides`` are odd, against regular layouts; 1 for all where a network has under about a
    million weights.
    """

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    starts: NDArray[np.intp]
    scales: NDArray[np.float64]

    @property
    def exact(self) -> bool:
        """Whether all numbers are followed."""
        return all(stride == 1 for stride in self.strides)


def sampling_of(parameters: Sequence[Tensor]) -> Sampling:
    """Choose what is followed of ``parameters``.

    Example:
        >>> sampling_of([torch.zeros(3, 2), torch.zeros(4)]).starts.tolist()
        [0, 6]
        >>> sampling_of([torch.zeros(3000, 1000)]).strides
        (3,)
    """
    sizes = tuple(p.numel() for p in parameters)
    most = MAX_COPIED if sum(sizes) <= MAX_COPIED else max(MIN_COPIED, MAX_COPIED // len(sizes))
    strides = tuple(1 if size <= most else (size // most) | 1 for size in sizes)
    counts = [-(-size // stride) for size, stride in zip(sizes, strides, strict=True)]
    starts = np.cumsum([0, *counts[:-1]])
    scales = np.array([size / max(count, 1) for size, count in zip(sizes, counts, strict=True)])
    return Sampling(sizes, strides, starts, scales)


def row_of(tensors: Sequence[Tensor | None], sampling: Sampling) -> Row:
    """Return a copy of the tensors' numbers in one row on the host; zeros for None.

    Example:
        >>> parts = [torch.ones(2), None]
        >>> row_of(parts, sampling_of([torch.zeros(2), torch.zeros(3)])).tolist()
        [1.0, 1.0, 0.0, 0.0, 0.0]
    """
    parts = [
        _part(tensor, size, stride)
        for tensor, size, stride in zip(tensors, sampling.sizes, sampling.strides, strict=True)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _part(tensor: Tensor | None, size: int, stride: int) -> Row:
    if tensor is None:
        return np.zeros(-(-size // stride), np.float32)
    held = tensor.detach()
    if held.is_sparse:
        held = held.to_dense()
    if stride > 1:
        held = held.reshape(-1)[::stride]
    if held.dtype is not torch.float32 or not held.is_cpu:
        held = held.to("cpu", torch.float32)
    return held.numpy().ravel()


@dataclass(frozen=True)
class Movement:
    """One step of the weights, in rows made by :func:`row_of`.

    ``previous`` is the ``gradient`` of the step before, None where it is not known. What is
    estimated from every k-th weight is scaled to all of them.
    """

    after: Row
    gradient: Row
    before: Row
    sampling: Sampling
    previous: Row | None = None

    @cached_property
    def update(self) -> Row:
        """The change of the weights."""
        return self.after - self.before

    def sums(self, products: Row) -> NDArray[np.float64]:
        """Return the sums of a row's numbers by parameter."""
        starts, scales = self.sampling.starts, self.sampling.scales
        return np.add.reduceat(products, starts) * scales if len(products) else np.zeros(0)


def norms(moved: Movement) -> Mapping[str, NDArray[np.float64]]:
    """Return L2 norms ``[parameters]`` of weights, gradients and updates."""
    rows = {"weight_norm": moved.after, "grad_norm": moved.gradient, "update_norm": moved.update}
    return {column: np.sqrt(moved.sums(row * row)) for column, row in rows.items()}


def descent(moved: Movement) -> Mapping[str, float]:
    """Return ``sum(g * (w' - w))``: the change of the loss that the step promised.

    To first order; negative is downhill.
    """
    if moved.sampling.exact:
        return {"descent": float(np.dot(moved.gradient, moved.update))}
    return {"descent": float(moved.sums(moved.gradient * moved.update).sum())}


def turn(moved: Movement) -> Mapping[str, float]:
    """Return the cosine between this gradient and that of the step before, where it is known."""
    now, then = moved.gradient, moved.previous
    if then is None or then.shape != now.shape:
        return {}
    lengths = float(np.dot(now, now)) ** 0.5 * float(np.dot(then, then)) ** 0.5
    return {"turn": float(np.dot(now, then)) / lengths} if lengths > 0.0 else {}
