"""Counted randomness: a draw depends on (seed, step, layer) alone, so no state can be lost.

Layers that need noise ask for it here. While a step runs, the noise comes from outside as
tensors (so the step stays a pure function and can be traced); a module that is used on its own
draws from torch's generator as usual.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from ..seeds import mix

_SOURCE: ContextVar[Iterator[Tensor] | None] = ContextVar("noise source", default=None)
_RECORD: ContextVar[list[tuple[int, ...]] | None] = ContextVar("noise record", default=None)


def uniform_noise(like: Tensor) -> Tensor:
    """Return noise in [0, 1) of the shape of ``like``: given from outside, or torch's own."""
    record, source = _RECORD.get(), _SOURCE.get()
    if record is not None:
        record.append(tuple(like.shape))
    if source is None:
        return torch.rand(like.shape, device=like.device, dtype=like.dtype)
    return next(source)


@contextmanager
def noise_from(tensors: Sequence[Tensor]) -> Iterator[None]:
    """Give ``tensors`` to the layers that ask for noise, in the order in which they ask."""
    token = _SOURCE.set(iter(tensors))
    try:
        yield
    finally:
        _SOURCE.reset(token)


@contextmanager
def recording_noise() -> Iterator[list[tuple[int, ...]]]:
    """Collect the shapes that layers ask for, in the order in which they ask."""
    shapes: list[tuple[int, ...]] = []
    token = _RECORD.set(shapes)
    try:
        yield shapes
    finally:
        _RECORD.reset(token)


def draw_noise(shape: tuple[int, ...], *, seed: int, step: int, layer: int) -> Tensor:
    """Return uniform noise in [0, 1), float32, that only the arguments decide.

    Example:
        >>> a = draw_noise((2, 3), seed=0, step=5, layer=1)
        >>> bool((a == draw_noise((2, 3), seed=0, step=5, layer=1)).all())
        True
    """
    generator = torch.Generator().manual_seed(mix(seed, step, layer))
    return torch.rand(shape, generator=generator)
