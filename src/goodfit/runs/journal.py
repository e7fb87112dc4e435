"""The history of a run on disk: append-only lines of JSON, each with a checksum.

A line is ``{"kind": ..., ..., "crc": "8 hex digits"}``, CRC-32 over the row without its
``crc``. Floats are written by ``repr`` and read back as the same bits; NaN and infinities
as Python's ``json`` has them: ``NaN``, ``Infinity``, ``-Infinity``. Kinds of rows::

    {"kind": "steps", "step": [...], "loss": [...], "grad_norm": [...], "lr": [...]}
    {"kind": "epoch", "epoch": 1, "step": 40,
     "train_loss": 0.9, "validation_loss": 0.8, "metric": 0.7}
    {"kind": "look", ...}                     the columns of Looks, for one or a few steps
    {"kind": "setting", ...}, {"kind": "autopsy", ...}       those records
    {"kind": "end", "stopped": "early-stopping", "best_epoch": 12, "notes": [...]}

An ``end`` counts only where it is the last row: a run that was stopped and goes on has none.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Any, Self, TypeVar

from ..errors import RunError
from ..records import (
    Autopsy,
    EpochColumns,
    History,
    Looks,
    Record,
    Setting,
    StepColumns,
    Tally,
    joined_looks,
)
from .atomic import disk_errors, read_errors, sync_folder, write_all

Row = Mapping[str, Any]
Columns = TypeVar("Columns", StepColumns, EpochColumns)
Kind = TypeVar("Kind", bound=Record)
_CHECKSUM = b',"crc":"%08x"}'
_CHECKSUM_BYTES = len(_CHECKSUM % 0)


class Journal:
    """The journal at ``path``, open for appending; a torn last line is cut off first.

    Raises:
        RunError: the file cannot be written, or no space is left; no row is half-written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Journal(Path(folder) / "history.jsonl") as journal:
        ...         journal.append({"kind": "end", "stopped": "budget"})
        ...         journal.sync()
        ...     read_history(Path(folder) / "history.jsonl", metric="accuracy").stopped
        51
        'budget'
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with disk_errors(path):
            self._file = path.open("ab", buffering=0)
            self._num_bytes = _end_of_last_line(path)
            self._file.truncate(self._num_bytes)
            sync_folder(path.parent)

    def append(self, row: Row) -> None:
        """Add a row; it is in the system's cache at once, on the disk after `sync`."""
        line = _encode(row)
        with disk_errors(self.path, num_bytes=len(line)):
            self._write(line)

    def sync(self) -> int:
        """Force all rows to the disk; returns the journal's length in bytes.

        A checkpoint keeps this number, so that a resumed run knows where to go on.
        """
        with disk_errors(self.path):
            os.fsync(self._file.fileno())
        return self._num_bytes

    def truncate_to(self, num_bytes: int) -> None:
        """Drop every row after the first ``num_bytes``, a number that `sync` returned.

        Raises:
            RunError: the journal is shorter than that: rows were lost outside the program.
        """
        if num_bytes > self._num_bytes:
            raise RunError(
                f"{self.path.name} has lost rows that the checkpoint knows of.",
                given=f"{self.path}: {self._num_bytes} bytes, at least {num_bytes} expected",
                do="Put the file back, or train the run again from its recipe.toml.",
            )
        with disk_errors(self.path):
            self._file.truncate(num_bytes)
        self._num_bytes = num_bytes

    def close(self) -> None:
        """Close the file; rows since the last `sync` are left to the system's cache."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _write(self, line: bytes) -> None:
        try:
            write_all(self._file, line)
        except OSError:
            self._file.truncate(self._num_bytes)  # else the next row would follow a torn one
            raise
        self._num_bytes += len(line)


@dataclass(frozen=True)
class Rows:
    """The rows of a journal; ``note`` says where reading stopped early, or is empty."""

    rows: tuple[dict[str, Any], ...]
    note: str = ""


def read_rows(path: Path) -> Rows:
    """Read a journal, also while it is being written; a missing file has no rows.

    A torn last line is left out: it is being written, or its writer was killed. At a line
    that is complete but damaged, reading stops, and ``note`` says so.

    Raises:
        RunError: the file cannot be read.
    """
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(_complete_lines(path), start=1):
        row = _decode(line)
        if row is None:
            return Rows(tuple(rows), f"{path.name}: left out from line {number} on: it is damaged.")
        rows.append(row)
    return Rows(tuple(rows))


def read_history(
    path: Path, *, metric: str, steps_per_epoch: int = 0, clipped: bool = False
) -> History:
    """Build the history of a run from its journal; see `read_rows` for damaged files.

    Rows of a kind that is not known are left out.

    Raises:
        RunError: the file cannot be read, or a row lacks a column.
    """
    found = read_rows(path)
    rows = found.rows
    end = rows[-1] if rows and rows[-1].get("kind") == "end" else {}
    steps = [row for row in rows if row.get("kind") == "steps"]
    epochs = [_as_lists(row) for row in rows if row.get("kind") == "epoch"]
    tallies = _tallies(rows)
    return History(
        metric=metric,
        steps=_columns(StepColumns, steps, path),
        epochs=_columns(EpochColumns, epochs, path),
        looks=joined_looks([_record(Looks, row) for row in rows if row.get("kind") == "look"]),
        setting=_last(Setting, rows, "setting") or Setting(),
        autopsy=_last(Autopsy, rows, "autopsy"),
        steps_per_epoch=steps_per_epoch,
        best_epoch=end.get("best_epoch"),
        stopped=end.get("stopped", ""),
        tallies=tallies,
        clipped=clipped or ("clipped" in tallies and tallies["clipped"].happened > 0),
        notes=(*end.get("notes", ()), *([found.note] if found.note else [])),
    )


def _encode(row: Row) -> bytes:
    body = json.dumps(row, separators=(",", ":")).encode()
    return body[:-1] + _CHECKSUM % zlib.crc32(body) + b"\n"


def _decode(line: bytes) -> dict[str, Any] | None:
    """Return the row of a line without its newline, or None where the checksum differs."""
    body = line[:-_CHECKSUM_BYTES] + b"}"
    whole = line[-_CHECKSUM_BYTES:] == _CHECKSUM % zlib.crc32(body)
    return json.loads(body) if whole else None


def _complete_lines(path: Path) -> list[bytes]:
    if not path.exists():
        return []
    with read_errors(path):
        return path.read_bytes().split(b"\n")[:-1]


def _end_of_last_line(path: Path) -> int:
    return path.read_bytes().rfind(b"\n") + 1


def _record(kind: type[Kind], row: Row) -> Kind:
    return kind.from_json({name: value for name, value in row.items() if name != "kind"})


def _last(kind: type[Kind], rows: tuple[dict[str, Any], ...], name: str) -> Kind | None:
    found = [row for row in rows if row.get("kind") == name]
    return _record(kind, found[-1]) if found else None


def _tallies(rows: tuple[dict[str, Any], ...]) -> dict[str, Tally]:
    """Return the last tallies: each row of them counts from the start."""
    found = [row for row in rows if row.get("kind") == "tallies"]
    last = {name: told for name, told in found[-1].items() if name != "kind"} if found else {}
    return {name: Tally.from_json(told) for name, told in last.items()}


def _as_lists(row: Row) -> dict[str, Any]:
    return {name: [value] for name, value in row.items()}


def _columns(kind: type[Columns], chunks: list[dict[str, Any]], path: Path) -> Columns:
    """Join the chunks of each column; a column that no chunk has stays empty."""
    names = [field.name for field in fields(kind)]
    known = [name for name in names if any(name in chunk for chunk in chunks)]
    for name in known:
        if not all(name in chunk for chunk in chunks):
            raise RunError(
                f'Some rows of {path.name} have no "{name}".',
                given=path,
                do="Report this as a bug.",
            )
    return kind(**{name: tuple(chain.from_iterable(c[name] for c in chunks)) for name in known})
