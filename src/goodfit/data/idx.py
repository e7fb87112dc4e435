"""IDX files, the format of MNIST and Fashion-MNIST, plain or gzipped.

Two zero bytes, one byte for the type, one for the number of axes, each axis' length as a
big-endian 32-bit number, and then the values.
"""

from __future__ import annotations

import math
import struct
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from ..errors import DataError
from .files import open_unzipped

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_AXES = 4
# Deflate cannot shrink further, so a header that asks for more is wrong: nothing is allocated.
_MOST_COMPRESSION = 1032
_AGAIN = "Download or copy the file again."


def read_idx(path: Path) -> np.ndarray:
    """Read one IDX file into an array of its shape, in native byte order.

    Raises:
        DataError: the file is no IDX file, its size differs from what its header says, or its
            compression is damaged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "labels-idx1-ubyte")
        ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
        ...     read_idx(path).tolist()
        [7, 8, 9]
    """
    try:
        with open_unzipped(path) as file:
            return _read(file, path)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path.name} cannot be read to its end.", given=f"{path}: {error}", do=_AGAIN
        ) from None


def _read(file: BufferedIOBase, path: Path) -> np.ndarray:
    dtype, shape = _read_header(file, path)
    num_bytes = math.prod(shape) * dtype.itemsize
    if num_bytes > path.stat().st_size * _MOST_COMPRESSION:
        raise _wrong_size(path, num_bytes, "fewer")
    buffer = np.empty(num_bytes, np.uint8)
    if _fill(file, buffer) < num_bytes:
        raise _wrong_size(path, num_bytes, "fewer")
    if file.read(1):
        raise _wrong_size(path, num_bytes, "more")
    return buffer.view(dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_header(file: BufferedIOBase, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    magic = file.read(4)
    if not _is_magic(magic):
        raise DataError(
            f"{path.name} is not an IDX file.",
            given=f"{path} starts with the bytes {magic.hex(' ') or '(none)'}",
            do="Name a file in the format of MNIST; one of unsigned bytes starts with 00 00 08.",
        )
    num_axes = magic[3]
    lengths = file.read(4 * num_axes)
    if len(lengths) < 4 * num_axes:
        raise _wrong_size(path, 4 + 4 * num_axes, "fewer")
    return np.dtype(TYPES[magic[2]]), struct.unpack(f">{num_axes}I", lengths)


def _is_magic(magic: bytes) -> bool:
    starts = len(magic) == 4 and magic[:2] == b"\0\0"
    return starts and magic[2] in TYPES and 0 < magic[3] <= MAX_AXES


def _fill(file: BufferedIOBase, buffer: np.ndarray) -> int:
    """Read until the buffer is full or the file ends; return the number of bytes read."""
    view, filled = buffer.data, 0
    while filled < len(view):
        num_read = file.readinto(view[filled:])
        if not num_read:
            break
        filled += num_read
    return filled


def _wrong_size(path: Path, num_bytes: int, how: str) -> DataError:
    return DataError(
        f"{path.name} holds {how} bytes than its header says.",
        given=f"{path}, {num_bytes:,} bytes expected",
        do=_AGAIN,
    )
