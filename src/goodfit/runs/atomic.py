"""Files that are whole or not there, whenever the process or the machine stops.

The bytes go to a temporary file in the same folder, are forced to the disk, and take the
final name in one operation; then the folder is forced to the disk, since the new name is
an entry of the folder.
"""

from __future__ import annotations

import errno
import io
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import RunError

_SUFFIX = ".tmp"
_FREE_SPACE = (
    "Free some space (or choose another folder); the run then goes on with: goodfit resume"
)
_ADVICE = {
    errno.ENOSPC: ("No space is left on the disk", _FREE_SPACE),
    errno.EDQUOT: ("The disk quota of this user is used up", _FREE_SPACE),
    errno.EFBIG: ("The file is larger than the system allows", "Raise the limit: ulimit -f"),
    errno.EROFS: ("The disk is read-only", "Choose a folder on another disk."),
    errno.EACCES: ("This user may not write there", "Change its permissions, or choose another."),
    errno.EPERM: ("This user may not write there", "Change its permissions, or choose another."),
    errno.ENOENT: ("The folder is not there", "Was it removed or renamed? Put it back."),
    errno.EEXIST: ("A part of the path is a file, not a folder", "Choose another folder."),
    errno.ENOTDIR: ("A part of the path is a file, not a folder", "Choose another folder."),
    errno.EISDIR: ("There is a folder of this name", "Name a file in it, or another."),
}


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that ``path`` holds the old bytes or all the new ones, never a part.

    Returns when the bytes are on the disk, not only in the system's cache.

    Raises:
        RunError: no space is left, or the folder cannot be written; ``path`` is as before.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "recipe.toml"
        ...     write_bytes(path, b"seed = 0")
        ...     path.read_bytes(), len(list(Path(folder).iterdir()))
        (b'seed = 0', 1)
    """
    with disk_errors(path, num_bytes=len(data)):
        _replace(path, data)
        sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_out(path: Path, text: str) -> None:
    """Write text where a user asked for it: folders above that are missing are made.

    Raises:
        RunError: a folder cannot be made, or the file not written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_out(Path(folder) / "pages" / "data.html", "<!doctype html>")
        ...     [path.name for path in (Path(folder) / "pages").iterdir()]
        ['data.html']
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def write_json(path: Path, value: Any) -> None:
    """Write JSON values; floats read back as the same bits; see `write_bytes`.

    NaN and infinities are written as Python's ``json`` writes and reads them (``NaN``,
    ``Infinity``, ``-Infinity``), which strict readers of other languages refuse.
    """
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_all(file: io.FileIO, data: bytes) -> None:
    """Write all of ``data`` to an unbuffered file, which may take it in pieces.

    Raises:
        OSError: as the system gives it; a part may have been written.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def sync_folder(folder: Path) -> None:
    """Force the names in ``folder`` to the disk; does nothing where a folder has no handle."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems cannot sync a folder; the file itself is safe there.
        if error.errno not in (errno.EINVAL, errno.EBADF):
            raise
    finally:
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files that a killed process left in ``folder``.

    Only for the process that holds the run's lock: another one may be writing.
    """
    with disk_errors(folder):
        for path in folder.glob(f".*{_SUFFIX}"):
            path.unlink(missing_ok=True)


def is_leftover(path: Path) -> bool:
    """Whether ``path`` has the name of a temporary file.

    Example:
        >>> is_leftover(Path("runs/a/.best.safetensors.1f2e3d4c.tmp"))
        True
    """
    return path.name.startswith(".") and path.suffix == _SUFFIX


@contextmanager
def disk_errors(path: Path, *, num_bytes: int | None = None) -> Iterator[None]:
    """Turn an ``OSError`` while writing ``path`` into a `RunError`.

    Example:
        >>> try:
        ...     with disk_errors(Path("best.safetensors"), num_bytes=36_000):
        ...         raise OSError(errno.ENOSPC, "No space left on device")
        ... except RunError as error:
        ...     print(error.what.partition(":")[0], error.given, sep="\\n")
        No space is left on the disk
        best.safetensors, 36.0 kB needed
    """
    try:
        yield
    except OSError as error:
        raise _explain(error, path, num_bytes) from error


@contextmanager
def read_errors(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` while reading ``path`` into a `RunError`.

    Example:
        >>> with read_errors(Path("info.json")):
        ...     raise PermissionError(errno.EACCES, "Permission denied")
        Traceback (most recent call last):
        ...
        goodfit.errors.RunError: info.json cannot be read: Permission denied.
          given: info.json
          to do: Look at its permissions, or at the disk.
    """
    try:
        yield
    except OSError as error:
        raise RunError(
            f"{path.name} cannot be read: {error.strerror}.",
            given=path,
            do="Look at its permissions, or at the disk.",
        ) from error


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_SUFFIX}")
    try:
        with temporary.open("xb", buffering=0) as file:
            write_all(file, data)
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        # The first error is the one to tell; after a success there is nothing to remove.
        with suppress(OSError):
            temporary.unlink()


def _explain(error: OSError, path: Path, num_bytes: int | None) -> RunError:
    unknown = (error.strerror or str(error), "Look at the disk, or choose another folder.")
    problem, advice = _ADVICE.get(error.errno or 0, unknown)
    needed = "" if num_bytes is None else f", {_amount(num_bytes)} needed"
    return RunError(
        f"{problem}: {path.name} was not written; what was saved before is whole.",
        given=f"{path}{needed}",
        do=advice,
    )


def _amount(num_bytes: int) -> str:
    """Return bytes in decimal units.

    Example:
        >>> _amount(12), _amount(36_000), _amount(10_500_000)
        ('12 bytes', '36.0 kB', '10.5 MB')
    """
    if num_bytes < 1000:
        return f"{num_bytes} bytes"
    return f"{num_bytes / 1e3:.1f} kB" if num_bytes < 1e6 else f"{num_bytes / 1e6:.1f} MB"
