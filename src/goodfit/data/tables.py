"""Tables from CSV and Parquet files.

A table is held in memory as a DataFrame, and a file that is larger than the machine's memory
(Parquet: uncompressed) is refused before it is read. CSV needs up to twice its size while it
is read; Parquet is memory-mapped and each column is freed as soon as it is converted, so from
about a quarter of the memory on, Parquet is the better form.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Collection, Hashable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
from pandas.errors import EmptyDataError, ParserError, ParserWarning

from ..errors import DataError, nearest
from .assemble import Raw
from .columns import column_of
from .files import check_fits, open_unzipped

_SEPARATORS = ",;\t|"
_HEAD_BYTES = 1 << 14
_MANY = 30


def read_csv(path: Path, *, name: str, target: str | None) -> Raw:
    """Read a CSV file with a header line, UTF-8, plain or gzipped.

    The separator is that of comma, semicolon, tab and bar which the header holds most often.

    Raises:
        DataError: the file is empty, binary, damaged or ragged, or has no such target.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "houses.csv")
        ...     _ = path.write_text("area,price\\n50,1.5\\n80,2.5\\n")
        ...     raw = read_csv(path, name="houses.csv", target="price")
        >>> list(raw.inputs), raw.target.tolist()
        (['area'], [1.5, 2.5])
    """
    return _as_raw(csv_frame(path), name=name, target=target)


def csv_frame(path: Path, texts: Collection[str] = ()) -> pd.DataFrame:
    """Return all columns of a CSV file; those named in ``texts`` as they are written there.

    Raises:
        DataError: the file is empty, binary, damaged or ragged.
    """
    check_fits(path, path.stat().st_size)
    return _with_rows(_parse_csv(path, texts), path)


def read_parquet(path: Path, *, name: str, target: str | None) -> Raw:
    """Read a Parquet file; its columns are those of the file, a saved index included.

    Raises:
        DataError: the file is not Parquet, damaged, too large, or has no such target.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "houses.parquet")
        ...     pd.DataFrame({"area": [50, 80], "price": [1.5, 2.5]}).to_parquet(path)
        ...     raw = read_parquet(path, name="houses", target="price")
        >>> raw.target_name, len(raw.inputs)
        ('price', 2)
    """
    return _as_raw(parquet_frame(path), name=name, target=target)


def parquet_frame(path: Path, texts: Collection[str] = ()) -> pd.DataFrame:
    """Return all columns of a Parquet file, which have types of their own (``texts`` or not).

    Raises:
        DataError: the file is not Parquet, damaged, or too large.
    """
    try:
        with parquet.ParquetFile(path, memory_map=True) as file:
            check_fits(path, _uncompressed_bytes(file.metadata))
            table = file.read(use_pandas_metadata=False).replace_schema_metadata()
        table.validate(full=True)
        # Frees each Arrow column once it is a pandas column: one table in memory, not two.
        frame = table.to_pandas(split_blocks=True, self_destruct=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, "Parquet", error, do="Write the file again.") from None
    return _with_rows(frame, path)


def _uncompressed_bytes(metadata: parquet.FileMetaData) -> int:
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    return sum(group.total_byte_size for group in groups)


def _parse_csv(path: Path, texts: Collection[str]) -> pd.DataFrame:
    try:
        separator = _separator(path)
        with open_unzipped(path) as file, warnings.catch_warnings():
            # pandas only warns where it drops the surplus fields of every row.
            warnings.simplefilter("error", ParserWarning)
            kinds: dict[Hashable, Any] = dict.fromkeys(texts, str)
            return pd.read_csv(file, sep=separator, index_col=False, low_memory=False, dtype=kinds)
    except EmptyDataError:
        raise DataError(
            "The file is empty.", given=path, do="Export it again, with a header line."
        ) from None
    except UnicodeDecodeError as error:
        raise _no_text(path, f"a byte {error.object[error.start]:#04x}") from None
    except (ParserError, ParserWarning, OSError, EOFError, ValueError, zlib.error) as error:
        do = "Correct the line, or export the file again."
        raise _unreadable(path, "CSV", error, do=do) from None


def _separator(path: Path) -> str:
    """Return the separator that the header holds most often; the comma where there is none."""
    with open_unzipped(path) as file:
        head = file.read(_HEAD_BYTES)
    if b"\0" in head:
        raise _no_text(path, "a zero byte")
    header = head.partition(b"\n")[0]
    return max(_SEPARATORS, key=lambda separator: header.count(separator.encode()))


def _no_text(path: Path, found: str) -> DataError:
    return DataError(
        "The file is not UTF-8 text, as a CSV file should be.",
        given=f"{path} holds {found}",
        do='Export it as "CSV UTF-8"; if it is another kind of file, correct its name.',
    )


def _unreadable(path: Path, kind: str, error: Exception, *, do: str) -> DataError:
    reason = " ".join(str(error).split())
    return DataError(f"The file cannot be read as {kind}.", given=f"{path}: {reason}", do=do)


def _with_rows(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    if frame.empty:
        raise DataError(
            "The table has no rows.", given=f"{path}, {_names(frame)}", do="Export it again."
        )
    return frame


def _as_raw(frame: pd.DataFrame, *, name: str, target: str | None) -> Raw:
    column = _target_column(frame, target)
    return Raw(
        name=name,
        inputs=frame.drop(columns=column),
        target=column_of(frame, column),
        target_name=column,
    )


def _target_column(frame: pd.DataFrame, target: str | None) -> str:
    columns = [str(column) for column in frame.columns]
    if target is None:
        raise DataError(
            "A table needs to know which column to learn.",
            given=_names(frame),
            do='Name one: --target COLUMN, or target = "COLUMN" in the recipe\'s data.',
        )
    if target not in columns:
        raise DataError(
            "The table has no such target column.",
            given=f'target "{target}", {_names(frame)}',
            do=nearest(target, columns),
        )
    return target


def _names(frame: pd.DataFrame) -> str:
    names = ", ".join(map(str, frame.columns[:_MANY]))
    more = len(frame.columns) - _MANY
    return f"columns {names}" + (f" and {more} more" if more > 0 else "")
