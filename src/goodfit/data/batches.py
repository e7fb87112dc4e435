"""Batches: in memory by index, or from a user's own loader.

Counted as the notes do: 1,000 samples in batches of 20 are 50 steps, and an epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeGuard

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, default_collate
from torch.utils.data import Dataset as TorchDataset

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
        return _steps(len(self.rows[: self.most]), self.batch_size)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield ``(index,)`` batches, each ``[batch_size]`` but perhaps the last."""
        order = self.rows[_order(len(self.rows), self.seed, number)][: self.most]
        for index in order.split(self.batch_size)[: self.steps_per_epoch]:
            yield (index,)


def _steps(num: int, batch_size: int) -> int:
    """Return the batches of ``num`` rows; a last one of one row is left out."""
    full, rest = divmod(num, batch_size)
    return full + (rest > 1 or not full)


def _order(num: int, seed: int, number: int) -> Tensor:
    generator = torch.Generator().manual_seed(mix(seed, _ORDER_STREAM, number))
    return torch.randperm(num, generator=generator)


def is_dataset(given: object) -> TypeGuard[TorchDataset[Any]]:
    """Say whether this is a torch ``Dataset`` of samples by number.

    Example:
        >>> is_dataset(torch.utils.data.TensorDataset(torch.zeros(3))), is_dataset([(0, 1)])
        (True, False)
    """
    return isinstance(given, TorchDataset) and not isinstance(given, IterableDataset)


def num_samples(dataset: TorchDataset[Any]) -> int:
    """Return how many samples a ``Dataset`` has.

    Raises:
        DataError: it does not say, or it has none.
    """
    num = len(dataset) if isinstance(dataset, Sized) else 0
    if not num:
        raise DataError(
            "The Dataset has no samples." if isinstance(dataset, Sized) else "It has no length.",
            given=type(dataset).__name__,
            do="Give one with __len__ and __getitem__, where each sample is a pair (x, y).",
        )
    return num


@dataclass
class DatasetBatches:
    """A torch ``Dataset`` of samples (x, y), shuffled anew in each epoch.

    The order is that of rows in memory: it depends on (seed, epoch) alone, and a last batch of one
    row is left out.
    """

    dataset: TorchDataset[Any]
    batch_size: int
    seed: int
    data: Batch = ()

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        return _steps(num_samples(self.dataset), self.batch_size)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield ``(x, y)`` batches."""
        order = _order(num_samples(self.dataset), self.seed, number).tolist()
        loader = in_order(self.dataset, self.batch_size, order)
        return (as_pair(batch) for batch in islice(loader, self.steps_per_epoch))


def in_order(
    dataset: TorchDataset[Any], batch_size: int, order: list[int] | None = None
) -> DataLoader[Any]:
    """Return the loader of a ``Dataset`` in an order, its own without one; it draws nothing."""
    return DataLoader(
        dataset,
        batch_size,
        sampler=range(num_samples(dataset)) if order is None else order,
        collate_fn=_collated,
        generator=torch.Generator(),
    )


def _collated(samples: list[Any]) -> Any:
    try:
        return default_collate(samples)
    except (TypeError, RuntimeError) as error:
        first = samples[0]
        kinds = [type(part).__name__ for part in first] if isinstance(first, tuple) else first
        raise DataError(
            "The samples of the Dataset do not make a batch.",
            given=f"{kinds}: {str(error).splitlines()[0][:200]}",
            do="Let each be a pair (x, y) of tensors, arrays or numbers, all of one shape.",
        ) from error


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
    x, y = map(_as_tensor, batch)
    if y.is_floating_point():
        y = y.to(torch.float32).reshape(len(y), -1)
    return x, y if y.is_floating_point() else y.long()


def _as_tensor(part: Any) -> Tensor:
    try:
        return torch.as_tensor(part)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            "A batch holds something else than numbers.",
            given=f"{type(part).__name__}: {str(error).splitlines()[0][:200]}",
            do="Yield pairs (x, y) of tensors or arrays of numbers.",
        ) from error


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
