"""Batches: in memory by index, or from a user's own loader.

Counted as the notes do: 1,000 samples in batches of 20 are 50 steps, and an epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ..errors import DataError
from ..seeds import mix

Batch = tuple[Tensor, ...]
MIN_BLOCK, MAX_BLOCK, VALUES_IN_BLOCK = 64, 2048, 2**17
_ORDER_STREAM = 0x0D0D


class Batches(Protocol):
    """The training part, epoch by epoch.

    ``data`` holds the tensors that a batch indexes; it is empty where batches are ``(x, y)``.
    """

    @property
    def data(self) -> Batch:
        """What a batch indexes."""
        ...

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        ...

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of an epoch; the same number gives the same batches."""
        ...


@dataclass
class MemoryBatches:
    """Rows of tensors in memory (or mapped), shuffled anew in each epoch.

    The order depends on (seed, epoch) alone. A last batch of one row is left out: batch norm
    has no variance over it; other rows are left out in the next epoch. So are they where an
    epoch takes ``most`` rows only.
    """

    data: Batch
    rows: Tensor
    batch_size: int
    seed: int
    most: int | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        full, rest = divmod(len(self.rows[: self.most]), self.batch_size)
        return full + (rest > 1 or not full)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield ``(index,)`` batches, each ``[batch_size]`` but perhaps the last."""
        generator = torch.Generator().manual_seed(mix(self.seed, _ORDER_STREAM, number))
        order = self.rows[torch.randperm(len(self.rows), generator=generator)][: self.most]
        for index in order.split(self.batch_size)[: self.steps_per_epoch]:
            yield (index,)


class LoaderBatches:
    """A user's ``DataLoader`` or other iterable of ``(x, y)``, taken as it comes.

    It is read once before training, to count it and to see that it can be read again.

    Raises:
        DataError: it yields nothing, something else than (x, y), or only once.
    """

    data: Batch = ()

    def __init__(self, loader: Iterable[Any]) -> None:
        self._loader = loader
        self.steps_per_epoch = sum(1 for _ in self.epoch(0))
        if not self.steps_per_epoch:
            raise DataError("The loader yields no batch.", do="Give one that yields (x, y).")
        if next(iter(loader), None) is None:
            raise DataError(
                "The batches can be read only once.",
                given=type(loader).__name__,
                do="Give a list or a DataLoader, not a generator: each epoch reads it again.",
            )

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield ``(x, y)`` batches in the loader's own order."""
        for batch in self._loader:
            yield as_pair(batch)


def as_pair(batch: Any) -> tuple[Tensor, Tensor]:
    """Return a loader's batch as ``(x, y)`` tensors; quantities become ``[N, 1]`` float32."""
    if not isinstance(batch, list | tuple) or len(batch) != 2:
        raise DataError(
            "A loader must yield pairs (x, y).", given=type(batch).__name__, do="Yield (x, y)."
        )
    x, y = (torch.as_tensor(part) for part in batch)
    if y.is_floating_point():
        y = y.to(torch.float32).reshape(len(y), -1)
    return x, y if y.is_floating_point() else y.long()


@dataclass
class Part:
    """A part that is only looked at (validation, test), in blocks of ``(x, y)``.

    Blocks are of at most 2,048 rows, and of fewer where rows are large: the activations of a
    convolution take some hundred times the room of its input.
    """

    data: Batch
    rows: Tensor

    @property
    def block_size(self) -> int:
        """Rows in a block."""
        values = max(1, self.data[0][0].numel())
        return max(MIN_BLOCK, min(MAX_BLOCK, VALUES_IN_BLOCK // values))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        inputs, target = self.data
        for index in self.rows.split(self.block_size):
            yield inputs.index_select(0, index), target.index_select(0, index)


@dataclass
class LoaderPart:
    """A user's loader as a part that is only looked at."""

    loader: Iterable[Any]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return (as_pair(batch) for batch in self.loader)
