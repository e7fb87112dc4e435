"""Fashion-MNIST as bytes from its gzipped IDX files, without a second copy in memory."""

import gzip
import struct
from pathlib import Path

import numpy as np

CHUNK_BYTES = 1 << 20
UNSIGNED_BYTE = 0x08


def read_idx(path: Path, *, limit: int | None = None) -> np.ndarray:
    """Read the first `limit` items of a gzipped IDX file of unsigned bytes, uint8 `[n, ...]`."""
    with gzip.open(path) as file:
        _, kind, num_dims = struct.unpack(">HBB", file.read(4))
        if kind != UNSIGNED_BYTE:
            raise ValueError(f"{path.name}: IDX type 0x{kind:02x}, only unsigned bytes are read")
        num_items, *shape = struct.unpack(f">{num_dims}I", file.read(4 * num_dims))
        values = np.empty((min(num_items, limit or num_items), *shape), np.uint8)
        flat = values.reshape(-1)
        for start in range(0, flat.size, CHUNK_BYTES):
            part = flat[start : start + CHUNK_BYTES]
            part[:] = np.frombuffer(file.read(part.size), np.uint8)
    return values


def fashion_mnist(
    folder: Path, *, limit: int | None = None, file: str = "train"
) -> tuple[np.ndarray, np.ndarray]:
    """The first images of a file, uint8 `[n, 28, 28]`, and their labels, uint8 `[n]`.

    `file` is "train" or "t10k".
    """
    images = read_idx(folder / f"{file}-images-idx3-ubyte.gz", limit=limit)
    return images, read_idx(folder / f"{file}-labels-idx1-ubyte.gz", limit=limit)
