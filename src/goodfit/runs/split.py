"""The split on disk: which rows train, validate, and lie sealed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..errors import RunError
from .atomic import write_bytes

Rows = dict[str, NDArray[np.int64]]


def write_split(path: Path, rows: Rows) -> None:
    """Write the row numbers of each part, whole or not at all.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "split.safetensors"
        ...     write_split(path, {"train": np.arange(3), "test": np.arange(3, 5)})
        ...     read_split(path)["test"].tolist()
        [3, 4]
    """
    write_bytes(path, save(rows))


def read_split(path: Path) -> Rows:
    """Read what :func:`write_split` wrote.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        return load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"The run's split cannot be read: {error}.",
            given=path,
            do="Put the file back, or train the run again from its recipe.toml.",
        ) from None
