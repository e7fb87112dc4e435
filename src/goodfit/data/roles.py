"""The column that a split goes by: which rows belong together, or when they were seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import DataError, nearest
from ..recipe.inputs import Split
from .columns import as_texts, column_of, kind_of

# What says why a column is no input, by its role.
NOTES = {
    "group": "is no input: it says which rows stay together in the split",
    "time": "is no input: it says in which order rows are split",
}


@dataclass(frozen=True, eq=False)
class Roles:
    """int64 ``groups`` or float64 ``times``, ``[N]``, and the columns that are no inputs for it."""

    groups: np.ndarray | None = None
    times: np.ndarray | None = None
    aside: tuple[tuple[str, str], ...] = ()


def read_roles(inputs: np.ndarray | pd.DataFrame, how: Split | None) -> Roles:
    """Read the column that a split goes by, where it goes by one.

    Raises:
        DataError: there is no such column, or a row has no group or time in it.

    Example:
        >>> table = pd.DataFrame({"dose": [1.0, 2.0, 3.0], "patient": ["b", "a", "b"]})
        >>> read_roles(table, Split(group="patient")).groups.tolist()
        [1, 0, 1]
    """
    if how is None or (how.group is None and how.time is None):
        return Roles()
    role, name = ("group", how.group) if how.time is None else ("time", how.time)
    values = _column(inputs, f"split.{role}", str(name))
    aside = () if how.as_input else ((str(name), NOTES[role]),)
    if role == "group":
        return Roles(groups=group_codes(values, str(name)), aside=aside)
    return Roles(times=time_values(values, str(name)), aside=aside)


def given_roles(
    groups: pd.Series | None, times: pd.Series | None, kept: np.ndarray, how: Split | None
) -> Roles:
    """Return groups or times that were given from Python, of the rows that are ``kept``.

    Raises:
        DataError: there are both, the recipe names a column too, or a row lacks its value.

    Example:
        >>> given_roles(pd.Series(["b", "a"]), None, np.array([True, True]), None).groups.tolist()
        [1, 0]
    """
    named = [name for name in ("group", "time") if how is not None and getattr(how, name)]
    given = [name for name, values in (("groups", groups), ("times", times)) if values is not None]
    ways = [*given, *(f"split.{name}" for name in named)]
    if len(ways) > 1:
        raise DataError(
            "A split goes by one thing.", given=" and ".join(ways), do="Leave all but one out."
        )
    values = groups if times is None else times
    assert values is not None, "one of the two is given"
    if len(values) != len(kept):
        raise DataError(
            f"There is not one value for each row in {ways[0]}.",
            given=f"{len(values):,} values, {len(kept):,} rows",
            do="Give one for each row of x.",
        )
    values = values.take(np.flatnonzero(kept))
    if times is None:
        return Roles(groups=group_codes(values, "groups"))
    return Roles(times=time_values(values, "times"))


def _column(inputs: np.ndarray | pd.DataFrame, field: str, name: str) -> pd.Series:
    if not isinstance(inputs, pd.DataFrame):
        raise DataError(
            "Only a table has a column to split by.",
            given=f'{field} = "{name}", inputs of shape {list(inputs.shape)}',
            do=f"Leave {field} out, or give rows from Python:"
            " data=Arrays(x, y, groups=...) or data=Arrays(x, y, times=...).",
        )
    names = [str(column) for column in inputs.columns]
    if name not in names:
        raise DataError(
            "The table has no such column to split by; the target cannot be one.",
            given=f'{field} = "{name}"',
            do=nearest(name, names).capitalize(),
        )
    return column_of(inputs.set_axis(names, axis=1), name)


def group_codes(values: pd.Series, name: str) -> np.ndarray:
    """Return an int64 code ``[N]`` for each row: equal for rows of one group.

    Raises:
        DataError: a row has no group.

    Example:
        >>> group_codes(pd.Series(["x", "y", "x"]), "site").tolist()
        [0, 1, 0]
    """
    _refuse_missing(values, f'the group "{name}"', "Fill it in, or give such rows one of their own")
    plain = values if kind_of(values) in ("number", "bool") else as_texts(values)
    return pd.factorize(plain, sort=True)[0].astype(np.int64)


def time_values(values: pd.Series, name: str) -> np.ndarray:
    """Return times as float64 ``[N]``, in order: numbers as they are, dates in seconds since 1970.

    Texts have to be dates as ISO 8601 writes them (2024-12-31, 2024-12-31T18:30), which can be
    read in one way only; without a zone they are UTC.

    Raises:
        DataError: a row has no time, or a text is none.

    Example:
        >>> time_values(pd.Series(["1970-01-02", "1970-01-01"]), "day").tolist()
        [86400.0, 0.0]
    """
    _refuse_missing(values, f'the time "{name}"', "Fill it in, or leave such rows out")
    if kind_of(values) == "number":
        times = values.to_numpy(dtype=np.float64)
        _refuse_unreadable(values, ~np.isfinite(times), name)
        return times
    if pd.api.types.is_timedelta64_dtype(values.dtype):
        return values.dt.total_seconds().to_numpy(dtype=np.float64)
    is_date = pd.api.types.is_datetime64_any_dtype(values.dtype)
    texts = values if is_date else as_texts(values)
    dates = pd.to_datetime(texts, errors="coerce", utc=True, format=None if is_date else "ISO8601")
    _refuse_unreadable(values, dates.isna().to_numpy(), name)
    since = dates - pd.Timestamp(0, tz="UTC")
    return since.dt.total_seconds().to_numpy(dtype=np.float64)


def _refuse_missing(values: pd.Series, what: str, do: str) -> None:
    missing = np.flatnonzero(values.isna())
    if len(missing):
        raise DataError(
            f"Some rows lack {what} that the split goes by.",
            given=f"{len(missing):,} of {len(values):,} rows, the first in data row "
            f"{values.index[missing[0]] + 1:,}",
            do=f"{do}.",
        )


def _refuse_unreadable(values: pd.Series, is_bad: np.ndarray, name: str) -> None:
    bad = np.flatnonzero(is_bad)
    if len(bad):
        raise DataError(
            "Some values of the column that the split goes by are no times.",
            given=f'"{name}" is {str(values.iloc[bad[0]])[:40]!r} in data row '
            f"{values.index[bad[0]] + 1:,}, {len(bad):,} such rows in all",
            do="Write times as 2024-12-31 or 2024-12-31T18:30 (ISO 8601), or as numbers.",
        )
