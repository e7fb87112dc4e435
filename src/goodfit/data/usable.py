"""Whether a column becomes an input, and the sentences that say why not."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import DataError
from ..records import Column

MOST_LISTED = 40


def check_usable(columns: Sequence[Column]) -> None:
    """Refuse a table of which no column becomes an input.

    Raises:
        DataError: that is so.

    Example:
        >>> check_usable([Column(name="age", kind="numeric")])
    """
    if not any(is_used(column) for column in columns):
        raise DataError(
            "No column of the table can be learned from.",
            given=in_full(columns),
            do="Add a column of numbers, or of at most 50 different texts.",
        )


def in_full(columns: Sequence[Column]) -> str:
    """Say of each of up to 40 columns why it is not used, and how many there are more.

    Example:
        >>> in_full([Column(name="id", kind="ignored", note="is ignored: it holds dates")])
        'Column "id" is ignored: it holds dates.'
    """
    rest = len(columns) - MOST_LISTED
    told = " ".join(sentence(column) for column in columns[:MOST_LISTED]) or "no columns"
    return f"{told} And {rest:,} more." if rest > 0 else told


def is_used(column: Column) -> bool:
    """Say whether the column becomes an input of the network.

    Example:
        >>> is_used(Column(name="id", kind="ignored"))
        False
    """
    return column.kind in ("numeric", "categorical", "date")


def sentence(column: Column) -> str:
    """Write a column's note as a sentence.

    Example:
        >>> sentence(Column(name="id", kind="ignored", note="is ignored: it holds dates"))
        'Column "id" is ignored: it holds dates.'
    """
    return f'Column "{column.name}" {column.note}.'
