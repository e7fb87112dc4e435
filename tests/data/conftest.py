"""Isolation from the machine's own data, and small sources to read."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from goodfit.data import fashion


@pytest.fixture(autouse=True)
def no_data_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide installed copies of Fashion-MNIST from the tests."""
    monkeypatch.delenv("GOODFIT_DATA", raising=False)
    monkeypatch.setenv("GOODFIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fashion, "DEBIAN_FOLDER", tmp_path / "debian")


def idx_bytes(values: np.ndarray, *, kind: int = 0x08) -> bytes:
    """Write an array as IDX: the format's definition, once more and independently."""
    header = struct.pack(f">HBB{values.ndim}I", 0, kind, values.ndim, *values.shape)
    return header + values.astype(values.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def make_fashion() -> Callable[..., Path]:
    """Return a function that writes four small Fashion-MNIST files."""

    def make(folder: Path, *, num_train: int = 40, num_test: int = 20, zipped: bool = True) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0)
        for part, num_rows in (("train", num_train), ("t10k", num_test)):
            images = rng.integers(0, 256, (num_rows, 28, 28), dtype=np.uint8)
            labels = (np.arange(num_rows) % 10).astype(np.uint8)
            for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
                content = idx_bytes(values)
                path = folder / f"{part}-{kind}-ubyte{'.gz' if zipped else ''}"
                path.write_bytes(gzip.compress(content) if zipped else content)
        return folder

    return make
