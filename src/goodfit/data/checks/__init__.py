"""Checks of the data as a whole, before a network is thought of: Rows -> Verdict.

Of the sealed test part they read the inputs, and of its targets only which classes there are.
"""

from __future__ import annotations

from collections.abc import Callable

from ...records import Verdict, not_judged
from .columns import constant_column, missing_values, near_constant_column
from .extremes import extreme_values
from .identifiers import identifier_column
from .leak import target_leak
from .near import near_duplicates
from .rows import contradicting_labels, duplicate_rows, missing_class, overlap_with_test
from .subject import Rows
from .texts import dates_not_used, numbers_as_text

DATA_CHECKS: tuple[Callable[[Rows], Verdict], ...] = (
    missing_values,
    numbers_as_text,
    dates_not_used,
    constant_column,
    near_constant_column,
    extreme_values,
    identifier_column,
    target_leak,
    overlap_with_test,
    near_duplicates,
    duplicate_rows,
    contradicting_labels,
    missing_class,
)


def run_data_checks(rows: Rows | None) -> tuple[Verdict, ...]:
    """Return the verdict of every check of the data, in the order of :data:`DATA_CHECKS`.

    None stands for data that only a user's own loaders know; then nothing is judged.

    Example:
        >>> {verdict.outcome for verdict in run_data_checks(None)}
        {'not-judged'}
    """
    if rows is None:
        because = "batches come from loaders, which do not say what the whole data is"
        return tuple(not_judged(check.__name__.replace("_", "-"), because) for check in DATA_CHECKS)
    return tuple(check(rows) for check in DATA_CHECKS)


__all__ = ["DATA_CHECKS", "Rows", "run_data_checks"]
