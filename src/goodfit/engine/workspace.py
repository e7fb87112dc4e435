"""Workspaces: tensors that are allocated once and reused when the value in them is dead."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def storage_of(tensor: Tensor) -> int:
    """Return what tells one storage from another while both are alive."""
    return tensor.untyped_storage()._cdata


def is_dense(tensor: Tensor) -> bool:
    """Tell whether a tensor's elements fill a block of memory without gaps or overlaps.

    Example:
        >>> is_dense(torch.zeros(2, 3).t()), is_dense(torch.zeros(3).expand(2, 3))
        (True, False)
    """
    expected = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1 and stride != expected:
            return False
        expected *= size
    return tensor.numel() > 0


@dataclass
class _Block:
    flat: Tensor
    busy_until: int


class Pool:
    """Blocks of memory, each busy until a position in the program."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._position = -1

    def take(self, like: Tensor, until: int) -> Tensor:
        """Return a workspace with the geometry and type of ``like``, to be used to ``until``."""
        for block in self._blocks:
            fits = block.flat.numel() == like.numel() and block.flat.dtype == like.dtype
            if fits and block.busy_until < self._position and block.flat.device == like.device:
                block.busy_until = until
                return block.flat.as_strided(like.shape, like.stride())
        flat = torch.empty(like.numel(), dtype=like.dtype, device=like.device)
        self._blocks.append(_Block(flat, until))
        return flat.as_strided(like.shape, like.stride())

    def extend(self, workspace: Tensor, until: int) -> None:
        """Keep the block under ``workspace`` busy for longer."""
        for block in self._blocks:
            if storage_of(block.flat) == storage_of(workspace):
                block.busy_until = max(block.busy_until, until)

    def release(self, position: int) -> None:
        """Say that the program has come past ``position``."""
        self._position = position
