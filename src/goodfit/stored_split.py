"""The split on disk: which rows train, validate, and lie sealed."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load, save

from .data import Parts
from .errors import RunError
from .runs import write_bytes

_PARTS = ("train", "validation", "test")


def write_split(path: Path, parts: Parts) -> None:
    """Write the row numbers of each part, whole or not at all."""
    write_bytes(path, save({name: getattr(parts, name) for name in _PARTS}))


def read_split(path: Path) -> Parts:
    """Read what :func:`write_split` wrote.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        rows = load(path.read_bytes())
        return Parts(**{name: rows[name] for name in _PARTS})
    except (OSError, SafetensorError, KeyError) as error:
        raise RunError(
            f"The run's split cannot be read: {error}.",
            given=path,
            do="Put the file back, or train the run again from its recipe.toml.",
        ) from None
