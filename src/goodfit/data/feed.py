"""Prepared rows as tensors that a loop can index, in memory or mapped from a file."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..errors import DataError
from .dataset import Dataset, row_blocks
from .encode import encode
from .files import physical_bytes
from .modules import input_module
from .preparation import Preparation, prepared_shape

_FLOAT_BYTES = 4
PREPARED_FILE = "prepared.f32"


@dataclass(frozen=True, kw_only=True, eq=False)
class Held:
    """All rows, ready for ``index_select``.

    ``inputs`` is float32 ``[N, ...]`` as the network gets it, or the raw images ``[N, C, H, W]``
    that the input module takes batch by batch (``needs_input_module``); ``target`` is int64
    ``[N]`` class codes or float32 ``[N, 1]`` standardised quantities.
    """

    inputs: Tensor
    target: Tensor
    needs_input_module: bool
    notes: tuple[str, ...] = ()


def hold(
    dataset: Dataset, preparation: Preparation, *, folder: Path, limit_bytes: int | None = None
) -> Held:
    """Prepare all rows once; keep them in memory, or in a file in ``folder``.

    Tables and arrays are encoded, filled and scaled in blocks. A result of more than
    ``limit_bytes`` (by default a quarter of the machine's memory) is written to
    ``folder/prepared.f32`` and memory-mapped, and a note says so. Images stay the bytes that
    they are, shared with the dataset: they take a quarter of the room, and scaling a batch
    costs little.

    Raises:
        DataError: the file cannot be written.

    Example:
        >>> from goodfit.data import fit, load
        >>> from goodfit.recipe import DataSource, Prepare
        >>> data = load(DataSource(path="diabetes"))
        >>> held = hold(data, fit(data, np.arange(300), Prepare()), folder=Path("."))
        >>> held.inputs.shape, held.target.shape, held.needs_input_module
        (torch.Size([442, 10]), torch.Size([442, 1]), False)
    """
    target = _hold_target(dataset, preparation)
    if dataset.input_kind == "image":
        images = _shared(encode(dataset, preparation))
        return Held(inputs=images, target=target, needs_input_module=True)
    limit = physical_bytes() // 4 if limit_bytes is None else limit_bytes
    inputs, notes = _prepare_all(dataset, preparation, folder / PREPARED_FILE, limit)
    return Held(inputs=inputs, target=target, needs_input_module=False, notes=notes)


def _prepare_all(
    dataset: Dataset, preparation: Preparation, path: Path, limit: int
) -> tuple[Tensor, tuple[str, ...]]:
    """Prepare every row, in memory or, past the limit, in the file; a note tells of the file."""
    shape = (dataset.num_rows, *prepared_shape(preparation))
    num_bytes = _FLOAT_BYTES * math.prod(shape)
    blocks = _prepared_blocks(dataset, preparation)
    if num_bytes <= limit:
        return _collect(blocks, shape), ()
    _write(blocks, path)
    mapped = torch.from_file(str(path), size=math.prod(shape), dtype=torch.float32)
    note = (
        f"The prepared inputs take {num_bytes / 2**20:,.1f} MiB, more than the limit of "
        f"{limit / 2**20:,.1f} MiB, and are memory-mapped from {path}."
    )
    return mapped.reshape(shape), (note,)


def _hold_target(dataset: Dataset, preparation: Preparation) -> Tensor:
    scale = preparation.target
    if scale is None:
        return _shared(dataset.target)
    standardised = (dataset.target - scale.centre) / scale.scale
    return _shared(standardised.astype(np.float32)[:, None])


def _shared(array: np.ndarray) -> Tensor:
    """Return a tensor on the array's own memory, which may be a read-only file: nobody writes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def _prepared_blocks(dataset: Dataset, preparation: Preparation) -> Iterator[tuple[slice, Tensor]]:
    """Yield slices of rows with their prepared inputs."""
    module = input_module(preparation)
    values = dataset.inputs
    row_bytes = _FLOAT_BYTES * math.prod(prepared_shape(preparation))
    for rows in row_blocks(dataset.num_rows, row_bytes=row_bytes):
        block = values.iloc[rows] if isinstance(values, pd.DataFrame) else values[rows]
        yield rows, module(_shared(encode(block, preparation)))


def _collect(blocks: Iterator[tuple[slice, Tensor]], shape: tuple[int, ...]) -> Tensor:
    inputs = torch.empty(shape, dtype=torch.float32)
    for rows, block in blocks:
        inputs[rows] = block
    return inputs


def _write(blocks: Iterator[tuple[slice, Tensor]], path: Path) -> None:
    """Write the blocks to a new file and put it in place, so that old mappings stay valid."""
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            for _, block in blocks:
                block.numpy().tofile(file)
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise DataError(
            "The prepared inputs do not fit in memory, and cannot be written to disk either.",
            given=f"{path}: {error.strerror}",
            do="Free disk space, or put the run on another disk with --out.",
        ) from None
