"""Opening files, and what the machine can hold."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

from ..errors import DataError

_GZIP_MAGIC = b"\x1f\x8b"


@contextmanager
def open_unzipped(path: Path) -> Iterator[BufferedIOBase]:
    """Open a file for reading bytes; a gzipped one is unzipped, whatever its name says.

    Raises:
        OSError, EOFError, zlib.error: while reading, when the file is damaged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "a.txt.gz")
        ...     _ = path.write_bytes(gzip.compress(b"text"))
        ...     with open_unzipped(path) as file:
        ...         file.read()
        b'text'
    """
    with path.open("rb") as file:
        is_zipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        file.seek(0)
        if not is_zipped:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unzipped:
            yield unzipped


def check_fits(path: Path, num_bytes: int) -> None:
    """Refuse data that would take more than the machine's memory.

    Raises:
        DataError: ``num_bytes`` are more than the physical memory.

    Example:
        >>> check_fits(Path("houses.csv"), 1 << 60)
        Traceback (most recent call last):
        goodfit.errors.DataError: The data is larger than this machine's memory.
          ...
    """
    memory = physical_bytes()
    if num_bytes > memory:
        raise DataError(
            "The data is larger than this machine's memory.",
            given=f"{path}, {num_bytes / 2**30:,.1f} GiB; memory {memory / 2**30:,.1f} GiB",
            do="Learn from a sample of the rows, or use a machine with more memory.",
        )


def physical_bytes() -> int:
    """Return the machine's physical memory in bytes.

    Example:
        >>> physical_bytes() > 1 << 20
        True
    """
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
