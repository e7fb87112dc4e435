"""One writer at a time: a lock that the kernel releases when its holder dies."""

from __future__ import annotations

import io
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import RunError
from .atomic import disk_errors, write_all

if sys.platform != "win32":
    import fcntl

NOT_LOCKED = (
    "This system or disk has no file locks: take care that no second process "
    "trains in the same run folder."
)


@contextmanager
def exclusive(path: Path) -> Iterator[str]:
    """Hold the lock file ``path`` while the block runs; yields "", or a note to show.

    The note says that locks do not exist here, and then nothing is locked. The lock goes
    when the process ends, also by SIGKILL, so none is ever left over; the file stays.
    A forked child keeps the lock as well, for as long as it lives.

    Raises:
        RunError: another process holds the lock, or the file cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, exclusive(Path(folder) / ".lock") as note:
        ...     note
        ''
    """
    with disk_errors(path):
        file = path.open("ab+", buffering=0)
    with file:
        note = _acquire(file, path)
        if not note:
            _sign(file)
        yield note


def _acquire(file: io.FileIO, path: Path) -> str:
    if sys.platform == "win32":
        return NOT_LOCKED
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _held(file, path) from None
    except OSError:  # network file systems without locks
        return NOT_LOCKED
    return ""


def _sign(file: io.FileIO) -> None:
    signature = f"{os.getpid()} on {platform.node()}".encode()
    with suppress(OSError):  # a courtesy: on a full disk the lock holds without a number
        file.truncate(0)
        write_all(file, signature)


def _held(file: io.FileIO, path: Path) -> RunError:
    file.seek(0)
    holder = file.read().decode(errors="replace") or "that has just started"
    return RunError(
        f"The run {path.parent} is being trained by process {holder}.",
        given=path.parent,
        do="Wait until it ends, or stop it with Ctrl-C or kill: it saves its state first.",
    )
