"""The data of one task as it was read: inputs, target, and what was decided on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from pandas.util import hash_pandas_object

from ..records import Column, InputKind, Task

# A block is large enough to hide Python's overhead and small against any machine's memory.
BLOCK_BYTES = 1 << 24


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Rows to learn from.

    Args:
        name: The source, as the user named it.
        inputs: Images ``[N, C, H, W]`` (uint8, or float32), arrays ``[N, ...]`` of numbers, or
            a DataFrame of N rows that holds the usable columns only.
        target: int64 ``[N]`` class codes, or float64 ``[N]`` quantities.
        classes: Class names in the order of their codes; empty for regression.
        columns: Every column that was found in a table, the ignored ones too.
        fixed_test: int64 rows that an official test file holds, or None.
        notes: One sentence for each decision that reading the data took.
        groups: int64 ``[N]``: rows of one number stay in one part of a split. None: no groups.
        times: float64 ``[N]``: the order in which rows are split. None: no order.

    Example:
        >>> x, y = np.zeros((3, 2), np.float32), np.array([0, 1, 1])
        >>> data = Dataset(name="toy", inputs=x, target=y, task="classification",
        ...                input_kind="array", classes=("a", "b"))
        >>> data.num_rows, data.target_name
        (3, 'target')
    """

    name: str
    inputs: np.ndarray | pd.DataFrame = field(repr=False)
    target: np.ndarray = field(repr=False)
    task: Task
    input_kind: InputKind
    classes: tuple[str, ...] = ()
    target_name: str = "target"
    columns: tuple[Column, ...] = ()
    fixed_test: np.ndarray | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    groups: np.ndarray | None = field(default=None, repr=False)
    times: np.ndarray | None = field(default=None, repr=False)

    @property
    def num_rows(self) -> int:
        """Number of rows, N."""
        return len(self.inputs)


def fingerprint(dataset: Dataset) -> str:
    """Return 32 hex digits that change with any value of the inputs or the target.

    BLAKE2b over shape, type and bytes; of a table, over the column names and pandas' stable
    hash of each row. Reads in blocks, so that a memory-mapped array stays on disk.

    Example:
        >>> x, y = np.zeros((2, 1), np.float32), np.array([0, 1])
        >>> one = Dataset(name="a", inputs=x, target=y, task="classification", input_kind="array")
        >>> two = Dataset(name="b", inputs=x, target=1 - y, task="classification",
        ...               input_kind="array")
        >>> len(fingerprint(one)), fingerprint(one) == fingerprint(two)
        (32, False)
    """
    digest = hashlib.blake2b(digest_size=16)
    for values in (dataset.inputs, dataset.target):
        for piece in _pieces(values):
            digest.update(piece)
    return digest.hexdigest()


def row_blocks(num_rows: int, *, row_bytes: int) -> Iterator[slice]:
    """Cut ``num_rows`` rows of ``row_bytes`` bytes into slices of about 16 MiB.

    Example:
        >>> list(row_blocks(5, row_bytes=BLOCK_BYTES // 2))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    size = max(1, BLOCK_BYTES // max(1, row_bytes))
    for start in range(0, num_rows, size):
        yield slice(start, min(start + size, num_rows))


def row_keys(inputs: np.ndarray | pd.DataFrame) -> np.ndarray:
    """Return uint64 ``[N]`` hashes of the rows: equal rows have equal keys.

    Example:
        >>> keys = row_keys(np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]))
        >>> bool(keys[0] == keys[2]), bool(keys[0] == keys[1])
        (True, False)
    """
    if isinstance(inputs, pd.DataFrame):
        hashes = hash_pandas_object(inputs, index=False)  # pyright: ignore[reportCallIssue]
        return hashes.to_numpy()
    keys = np.empty(len(inputs), np.uint64)
    for rows in array_blocks(inputs):
        digests = (
            hashlib.blake2b(row, digest_size=8).digest()
            for row in np.ascontiguousarray(inputs[rows])
        )
        keys[rows] = np.frombuffer(b"".join(digests), np.uint64)
    return keys


def array_blocks(values: np.ndarray) -> Iterator[slice]:
    """Cut an array ``[N, ...]`` into slices of rows of about 16 MiB.

    Example:
        >>> list(array_blocks(np.zeros((3, 2))))
        [slice(0, 3, None)]
    """
    return row_blocks(len(values), row_bytes=values[:1].nbytes)


def _pieces(values: np.ndarray | pd.DataFrame) -> Iterator[bytes | memoryview]:
    """Yield what identifies ``values``, a block at a time."""
    if isinstance(values, pd.DataFrame):
        yield repr((values.shape, list(values.columns))).encode()
        for rows in row_blocks(len(values), row_bytes=8 * values.shape[1]):
            yield row_keys(values.iloc[rows]).data
    else:
        yield repr((values.shape, values.dtype.str)).encode()
        for rows in array_blocks(values):
            yield np.ascontiguousarray(values[rows]).data
