"""Arrays: NPZ files, and arrays, tensors and tables that are already in memory."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import torch
from numpy.lib.npyio import NpzFile

from ..errors import DataError, nearest
from ..recipe.inputs import Prepare, Split
from .assemble import IMAGE_CHANNELS, Raw, assemble
from .dataset import Dataset
from .target import TaskChoice

ArrayLike = np.ndarray | torch.Tensor | pd.DataFrame | pd.Series | Sequence[Any]

# What numpy and zipfile raise for damaged, encrypted or pickled files, and for too large ones.
_DAMAGED = (
    ValueError,
    OSError,
    EOFError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)
KEYS = (("x", "y"), ("X", "y"), ("X", "Y"), ("inputs", "targets"), ("data", "target"))


@dataclass(frozen=True, eq=False)
class Arrays:
    """Arrays in memory, with what their split goes by: ``data=Arrays(x, y, groups=patients)``.

    Rows of equal ``groups`` stay in one part; by ``times`` the earliest rows train and the latest
    test. Each has N values: numbers or texts, of times numbers or dates.

    Example:
        >>> Arrays(np.zeros((3, 2)), [0, 1, 1], groups=["a", "b", "b"]).groups
        ['a', 'b', 'b']
    """

    x: ArrayLike
    y: ArrayLike
    groups: ArrayLike | None = field(default=None, kw_only=True)
    times: ArrayLike | None = field(default=None, kw_only=True)


def from_arrays(
    x: ArrayLike,
    y: ArrayLike,
    *,
    name: str = "arrays",
    task: TaskChoice = "auto",
    how: Split | None = None,
    prepare: Prepare | None = None,
    groups: ArrayLike | None = None,
    times: ArrayLike | None = None,
) -> Dataset:
    """Make a dataset of inputs and a target that are in memory; nothing is copied needlessly.

    Args:
        x: A DataFrame (a table), or an array or tensor of numbers: ``[N]``, ``[N, D]`` or more
            axes. ``[N, C, H, W]`` and ``[N, H, W, C]`` with 1, 3 or 4 channels are images, and
            so is ``[N, H, W]`` of unsigned bytes; of other types it is an array. Where both
            ends could be channels, the first are.
        y: N labels or quantities: a Series, array, tensor or list, ``[N]`` or ``[N, 1]``.
        name: How the data is called in the card and the report.
        task: "auto" decides by the values of ``y``; see ``read_target``.
        how: Names the column that the split goes by, if it goes by one.
        prepare: Says which texts and dates of a table become inputs.
        groups: N values, equal for rows that stay in one part of a split.
        times: N numbers or dates: the order in which rows are split.

    Raises:
        DataError: shapes or types do not fit, or the data cannot be learned from.

    Example:
        >>> data = from_arrays(np.zeros((8, 28, 28), np.uint8) + np.arange(8, dtype=np.uint8)[
        ...     :, None, None], [0, 1] * 4)
        >>> data.input_kind, data.inputs.shape, data.classes
        ('image', (8, 1, 28, 28), ('0', '1'))
    """
    target = _as_series(y)
    inputs = x if isinstance(x, pd.DataFrame) else as_samples(_as_numpy(x, "inputs"))
    if isinstance(inputs, pd.DataFrame):
        inputs = inputs.reset_index(drop=True)
    raw = Raw(
        name=name,
        inputs=inputs,
        target=target,
        target_name=str(target.name),
        groups=None if groups is None else _as_series(groups, "groups"),
        times=None if times is None else _as_series(times, "times"),
    )
    return assemble(raw, task=task, how=how, prepare=prepare)


def read_npz(path: Path, *, name: str, target: str | None) -> Raw:
    """Read an NPZ file: the keys x and y, X and Y, inputs and targets, or data and target.

    ``target`` names another key of the target. Nothing is unpickled.

    Raises:
        DataError: the file is damaged or pickled, or lacks the keys.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "toy.npz")
        ...     np.savez(path, x=np.ones((2, 3)), y=[0, 1])
        ...     raw = read_npz(path, name="toy.npz", target=None)
        >>> raw.inputs.shape, raw.target.tolist()
        ((2, 3), [0, 1])
    """
    try:
        with path.open("rb") as file, _open_npz(file, path) as members:
            x_key, y_key = _choose_keys(list(members), target, path)
            x, y = members[x_key], members[y_key]
            unread = sorted(set(members) - {x_key, y_key})
    except _DAMAGED as error:
        raise _not_npz(path, str(error)) from None
    values = _as_series(y).rename(y_key)
    notes = (f"Of {name}, these keys were not read: {', '.join(unread)}.",) if unread else ()
    return Raw(name=name, inputs=as_samples(x), target=values, target_name=y_key, notes=notes)


def read_npz_inputs(path: Path) -> np.ndarray:
    """Return the inputs of an NPZ file as they are, with or without a target beside them.

    They are x, X, inputs or data; or, of whatever name, the only array. Nothing is unpickled.

    Raises:
        DataError: the file is damaged or pickled, or it holds no such array, or no rows.
    """
    try:
        with path.open("rb") as file, _open_npz(file, path) as members:
            x = members[_inputs_key(list(members), path)]
    except _DAMAGED as error:
        raise _not_npz(path, str(error)) from None
    if x.ndim and not len(x):
        raise DataError(
            "The array has no rows.",
            given=f"{path}, shape {list(x.shape)}",
            do="Give an array with a row for each sample.",
        )
    return x


def _inputs_key(keys: list[str], path: Path) -> str:
    inputs, targets = ({pair[place] for pair in KEYS} for place in (0, 1))
    named = [key for key in keys if key in inputs]
    found = named or [key for key in keys if key not in targets]
    if named or len(found) == 1:
        return found[0]
    raise DataError(
        "The NPZ file does not say which array holds the inputs.",
        given=f"keys {', '.join(keys) or '(none)'} in {path}",
        do="Name the array x (or inputs, or data).",
    )


def _open_npz(file: IO[bytes], path: Path) -> NpzFile:
    members = np.load(file, allow_pickle=False)
    if isinstance(members, NpzFile):
        return members
    raise _not_npz(path, "it holds one array, as an NPY file does")


def _not_npz(path: Path, reason: str) -> DataError:
    if "allow_pickle" in reason:
        reason = "it holds Python objects, which goodfit never unpickles"
    return DataError(
        "The file cannot be read as NPZ.",
        given=f"{path}: {reason}",
        do="Write it with np.savez(path, x=..., y=...), from arrays of numbers or of texts.",
    )


def _choose_keys(keys: list[str], target: str | None, path: Path) -> tuple[str, str]:
    if target is not None and target not in keys:
        raise DataError(
            "The NPZ file has no such target.",
            given=f'target "{target}", keys {", ".join(keys)} in {path}',
            do=nearest(target, keys),
        )
    for x_key, y_key in KEYS:
        if x_key in keys and (target or y_key) in keys and x_key != target:
            return x_key, target or y_key
    raise DataError(
        "The NPZ file lacks the inputs, the target, or both.",
        given=f"keys {', '.join(keys) or '(none)'} in {path}",
        do="Name the arrays x and y (or inputs and targets, or data and target).",
    )


def as_samples(values: np.ndarray) -> np.ndarray:
    """Bring an array into the layout of a dataset: ``[N, D]``, ``[N, C, H, W]`` or ``[N, ...]``.

    The result is contiguous and of native byte order, a view where it can be, so that a
    memory-mapped array stays on disk; images other than bytes become float32.

    Raises:
        DataError: the array has no rows, or holds no numbers.

    Example:
        >>> as_samples(np.zeros((5, 8, 9, 3), np.uint8)).shape, as_samples(np.zeros(5)).shape
        ((5, 3, 8, 9), (5, 1))
    """
    if values.ndim and not len(values):
        raise DataError(
            "There are no rows.",
            given=f"inputs of shape {list(values.shape)}",
            do="Give a row for each sample; was everything filtered out?",
        )
    if values.dtype.kind not in "buif" or values.size == 0 or values.ndim == 0:
        raise DataError(
            "The inputs must be numbers, at least one in each row.",
            given=f"an array of type {values.dtype} and shape {list(values.shape)}",
            do="Give an array of numbers; a DataFrame where there are texts too.",
        )
    if values.ndim == 1:
        values = values[:, None]
    values = _channels_first(values)
    dtype = np.dtype(np.uint8 if values.dtype == bool else values.dtype).newbyteorder("=")
    if values.ndim == 4 and values.shape[1] in IMAGE_CHANNELS and dtype != np.uint8:
        dtype = np.dtype(np.float32)
    # An overflow becomes infinite, which is refused where the images are looked at.
    with np.errstate(over="ignore"):
        return np.require(values, dtype, ["C"])


def _channels_first(values: np.ndarray) -> np.ndarray:
    if values.ndim == 3 and values.dtype == np.uint8:
        return values[:, None]
    if values.ndim == 4 and values.shape[1] not in IMAGE_CHANNELS:
        return values.transpose(0, 3, 1, 2) if values.shape[3] in IMAGE_CHANNELS else values
    return values


def _as_numpy(values: ArrayLike, role: str) -> np.ndarray:
    """Return a tensor, Series or sequence as an array; ``role`` names it in errors."""
    try:
        if isinstance(values, torch.Tensor):
            values = values.detach().cpu()
            return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"The {role} cannot be made an array.",
            given=str(error),
            do="Give a NumPy array, a torch tensor, or a pandas object.",
        ) from None


def _as_series(values: ArrayLike, role: str = "target") -> pd.Series:
    """Return N values as a Series with a name and a plain index; ``role`` names it in errors."""
    if isinstance(values, pd.DataFrame) and values.shape[1] == 1:
        values = values.iloc[:, 0]
    if isinstance(values, pd.Series):
        name = role if values.name is None else str(values.name)
        return values.reset_index(drop=True).rename(name)
    array = _as_numpy(values, role)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.names:
        raise DataError(
            f"The {role} must have one value for each row.",
            given=f"an array of type {array.dtype} and shape {list(array.shape)}",
            do="Give an array [N]; of one-hot rows, their argmax.",
        )
    return pd.Series(array.astype(array.dtype.newbyteorder("=")), name=role)
