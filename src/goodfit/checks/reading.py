"""Reading batches once: what the checks of the data need, and a sample for the network's."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.assemble import is_image
from ..data.checks.copies import MOST_FEATURES, are_rich, are_told_apart
from .inputs import Inputs, as_batch, join_rows, map_inputs, row_shapes, take_rows, tensors_of

SAMPLE_ROWS = 512


@dataclass(frozen=True)
class Reading:
    """What was read: a sample of rows, and of every batch its target, size, and fingerprints.

    ``rows`` holds one number a row, equal for equal inputs. ``whole`` says that the batches
    ended by themselves, so that everything was read.
    """

    x: Inputs
    y: Tensor
    targets: tuple[Tensor, ...]
    sizes: tuple[int, ...]
    rows: np.ndarray
    num_values: int
    num_bad: int
    whole: bool


def read(batches: Iterable[Any], *, seconds: float, device: torch.device | None = None) -> Reading:
    """Read batches until they end, or for about ``seconds`` of wall time; at least eight.

    Raises:
        DataError: a batch is not (x, y).
    """
    sample: list[tuple[Inputs, Tensor]] = []
    targets, sizes, rows, counts = [], [], [], np.zeros(2, dtype=np.int64)
    until, whole = time.monotonic() + seconds, True
    for batch in batches:
        x, y = as_batch(batch)
        if len(sizes) >= 8 and time.monotonic() > until:
            whole = False
            break
        if not sample or (_num_rows(sample) < SAMPLE_ROWS and _joins(sample[0], (x, y))):
            sample.append((x, y))
        targets.append(y)
        sizes.append(len(y))
        rows.append(fingerprints(x))
        counts += _counts(x)
    if not sample:
        return _nothing()
    x = join_rows([x for x, _ in sample])
    y = torch.cat([y for _, y in sample])
    x, y = take_rows(x, slice(SAMPLE_ROWS)), y[:SAMPLE_ROWS]
    if device is not None:
        x, y = map_inputs(lambda tensor: tensor.to(device), x), y.to(device)
    num_values, num_bad = (int(count) for count in counts)
    return Reading(
        x, y, tuple(targets), tuple(sizes), np.concatenate(rows), num_values, num_bad, whole
    )


def has_copies_only(train: Reading, held_out: Reading) -> bool:
    """Say whether equal rows must be copies, by the samples that were read.

    Two columns tell nearly every different row of the training sample from the others; of images,
    those held-out ones that stand in the training part have 16 different values in the median.
    """
    x = held_out.x
    if isinstance(x, Tensor) and is_image(x.numpy(force=True)):
        return are_rich(x.numpy(force=True)[np.isin(fingerprints(x), train.rows)])
    if sum(tensor[0].numel() for tensor in tensors_of(train.x)) > MOST_FEATURES:
        return False
    first = np.unique(fingerprints(train.x), return_index=True)[1]
    return are_told_apart(_features(train.x)[first])


def _features(x: Inputs) -> np.ndarray:
    """Return the numbers of the rows, float64 ``[N, D]``, NaN where one is not finite."""
    flat = torch.cat([t.cpu().reshape(len(t), -1).double() for t in tensors_of(x)], dim=1)
    return torch.where(torch.isfinite(flat), flat, torch.nan).numpy()


def _nothing() -> Reading:
    empty = torch.empty(0)
    return Reading(empty, empty, (), (), np.zeros(0, dtype=np.int64), 0, 0, True)


def _num_rows(sample: list[tuple[Inputs, Tensor]]) -> int:
    return sum(len(y) for _, y in sample)


def _joins(first: tuple[Inputs, Tensor], other: tuple[Inputs, Tensor]) -> bool:
    same_target = first[1].shape[1:] == other[1].shape[1:] and first[1].dtype == other[1].dtype
    return same_target and row_shapes(first[0]) == row_shapes(other[0])


def _counts(x: Inputs) -> np.ndarray:
    """Return how many numbers an input has, and how many of them are not finite."""
    floats = [tensor for tensor in tensors_of(x) if tensor.is_floating_point()]
    bad = sum(tensor.numel() - int(torch.isfinite(tensor).sum()) for tensor in floats)
    return np.array([sum(tensor.numel() for tensor in tensors_of(x)), bad], dtype=np.int64)


def fingerprints(x: Inputs) -> np.ndarray:
    """Return one number a row, equal for rows of the same bits.

    Example:
        >>> same = fingerprints(torch.tensor([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]]))
        >>> bool(same[0] == same[1]), bool(same[0] == same[2])
        (True, False)
    """
    columns = [tensor.reshape(len(tensor), -1).cpu() for tensor in tensors_of(x)]
    whole = [column.contiguous().view(torch.uint8).numpy() for column in columns]
    return np.array(
        [hash(b"".join(row.tobytes() for row in parts)) for parts in zip(*whole, strict=True)],
        dtype=np.int64,
    )
