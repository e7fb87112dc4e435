"""The columns of a table: what each holds, and whether a network can use it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from pandas.api import types

from ..errors import DataError
from ..recipe.inputs import Prepare
from ..records import Column
from .spelling import DateForm, are_numbers, date_form, is_spelled, odd_value
from .usable import check_usable

ValueKind = Literal["number", "bool", "text", "date", "empty", "other"]

_DATE = r"\d{4}-\d{2}-\d{2}"
# Fewer than 8 of float32's 24 bits are left for a column that varies less than this.
LEAST_VARIATION = 2.0**-16
# A quarter of float32's range, so that the difference of two such numbers stays finite.
LARGEST = float(np.finfo(np.float32).max) / 4

_OBJECT_KINDS: dict[str, ValueKind] = {
    "string": "text",
    "mixed-integer": "text",
    "boolean": "bool",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "datetime": "date",
    "datetime64": "date",
    "date": "date",
    "time": "date",
    "period": "date",
    "empty": "empty",
}


def column_of(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return one column of a table whose names are unique.

    Example:
        >>> column_of(pd.DataFrame({"a": [1, 2]}), "a").tolist()
        [1, 2]
    """
    return cast(pd.Series, frame[name])


def kind_of(values: pd.Series) -> ValueKind:
    """Say what a column holds, by its type, or by its values where the type says "object".

    Example:
        >>> kind_of(pd.Series([1, 2])), kind_of(pd.Series(["a", None])), kind_of(pd.Series([[1]]))
        ('number', 'text', 'other')
    """
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "text"
    if types.is_bool_dtype(dtype):
        return "bool"
    if types.is_numeric_dtype(dtype):
        return "other" if types.is_complex_dtype(dtype) else "number"
    if types.is_datetime64_any_dtype(dtype) or types.is_timedelta64_dtype(dtype):
        return "date"
    return _OBJECT_KINDS.get(types.infer_dtype(values, skipna=True), "other")


def as_numbers(values: pd.Series) -> np.ndarray:
    """Return float64 ``[N]``, NaN where a value is missing, infinite or over float32's range.

    Example:
        >>> as_numbers(pd.Series([1.0, float("inf"), None])).tolist()
        [1.0, nan, nan]
    """
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.abs(numbers) <= LARGEST, numbers, np.nan)


def as_texts(values: pd.Series) -> pd.Series:
    """Return the values as strings; the missing ones stay missing.

    Example:
        >>> as_texts(pd.Series(["a", None, "b"])).dropna().tolist()
        ['a', 'b']
    """
    return values.astype(object).map(str, na_action="ignore")


def as_dates(values: pd.Series) -> pd.DatetimeIndex:
    """Return N dates and times, to the second, in UTC; what is missing or no date is NaT.

    Texts are read as ISO 8601 ("2024-02-29", "2024-02-29T12:30:00+01:00").

    Example:
        >>> as_dates(pd.Series(["2024-02-29", "soon"])).day.tolist()
        [29.0, nan]
    """
    if not types.is_datetime64_any_dtype(values.dtype):
        texts = as_texts(values)
        values = pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601")
    dates = pd.DatetimeIndex(values)
    return (dates if dates.tz is None else dates.tz_convert(None)).as_unit("s")


def _holds_dates(values: pd.Series, kind: ValueKind) -> bool:
    """Say whether all that is present are dates, or ISO 8601 texts that begin with one."""
    if kind == "text":
        texts = pd.Series(as_texts(values).dropna().unique())
        return bool(texts.str.match(_DATE).all()) and bool(as_dates(texts).notna().all())
    return kind == "date" and bool((as_dates(values).isna() == values.isna().to_numpy()).all())


def examine(frame: pd.DataFrame, prepare: Prepare | None = None) -> tuple[Column, ...]:
    """Decide what each column is; the reason for a decision stands in its ``note``.

    Numbers and booleans are numeric. Texts and categories are categorical up to 50 different
    ones; more, or a different one in every row, are ignored, as are dates; ``prepare`` may take
    more texts, and dates. A column with a single value is constant. Infinity counts as missing.

    Raises:
        DataError: two columns have one name, or no column is usable.

    Example:
        >>> found = examine(pd.DataFrame({"age": [31.0, 42.0], "site": ["A", "A"]}))
        >>> [(column.name, column.kind) for column in found]
        [('age', 'numeric'), ('site', 'constant')]
    """
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise DataError(
            "Two columns have the same name.", given=f'"{twice[0]}"', do="Rename one of them."
        )
    columns = tuple(
        _examine_one(name, column_of(frame, name), prepare or Prepare()) for name in frame.columns
    )
    check_usable(columns)
    return columns


def _examine_one(name: str, values: pd.Series, prepare: Prepare) -> Column:
    kind = kind_of(values)
    if values.isna().all():
        return _ignored(name, values, "it has no values")
    if kind in ("number", "bool"):
        return _numeric(name, values)
    if prepare.dates != "ignore" and _holds_dates(values, kind):
        return _date(name, values)
    if kind == "text":
        return _text(name, values, prepare)
    if kind == "date":
        can_be_used = _holds_dates(values, kind)
        return _ignored(name, values, "it holds dates", "iso" if can_be_used else "")
    return _ignored(name, values, "it holds neither numbers nor texts")


def _ignored(name: str, values: pd.Series, why: str, dates: DateForm = "") -> Column:
    missing = int(values.isna().sum())
    note = f"is ignored: {why}"
    return Column(name=name, kind="ignored", num_missing=missing, dates=dates, note=note)


def _numeric(name: str, values: pd.Series) -> Column:
    numbers = as_numbers(values)
    column = Column(name=name, kind="numeric", **_numbers_told(numbers))
    if column.num_distinct < 2:
        return _constant(name, num_missing=column.num_missing, num_distinct=column.num_distinct)
    num_infinite = column.num_missing - int(values.isna().sum())
    return replace(
        column, note="; it ".join(_number_notes(numbers[~np.isnan(numbers)], num_infinite))
    )


def retold(column: Column, values: pd.Series) -> Column:
    """Return a used column with the counts and measures of some of its rows; the rest stays.

    Example:
        >>> column = Column(name="a", kind="numeric", num_distinct=3, low=1.0, high=3.0)
        >>> retold(column, pd.Series([1.0, None])).high
        1.0
    """
    if column.kind == "numeric":
        return replace(column, **_numbers_told(as_numbers(values)))
    present = as_texts(values) if column.kind == "categorical" else values
    counts = (int(values.isna().sum()), int(present.nunique()))
    return replace(column, num_missing=counts[0], num_distinct=counts[1])


def _numbers_told(numbers: np.ndarray) -> dict[str, Any]:
    """Return counts and measures of numbers ``[N]``, NaN where one is missing, by their field."""
    finite = numbers[~np.isnan(numbers)]
    measures = {"low": np.min, "high": np.max, "mean": np.mean, "std": np.std}
    return {
        "num_missing": len(numbers) - len(finite),
        "num_distinct": len(pd.unique(finite)),
        **{name: float(of(finite)) if len(finite) else None for name, of in measures.items()},
    }


def _number_notes(finite: np.ndarray, num_infinite: int) -> list[str]:
    notes = []
    if num_infinite:
        notes.append(f"has infinite values ({num_infinite:,}), which are treated as missing")
    if finite.std() < LEAST_VARIATION * abs(finite.mean()):
        notes.append(
            "varies so little around its mean that float32 rounds it; subtract a constant from it"
        )
    return notes


def _date(name: str, values: pd.Series) -> Column:
    num_missing, num_distinct = int(values.isna().sum()), int(values.nunique())
    if num_distinct == 1:
        return _constant(name, num_missing=num_missing, num_distinct=1)
    return Column(name=name, kind="date", num_missing=num_missing, num_distinct=num_distinct)


def _text(name: str, values: pd.Series, prepare: Prepare) -> Column:
    num_missing, texts = int(values.isna().sum()), as_texts(values)
    num_distinct = int(texts.nunique())
    if num_distinct == 1:
        return _constant(name, num_missing=num_missing, num_distinct=1)
    limit = prepare.most_categories if prepare.encode == "one-hot" else None
    odd, dates = odd_value(texts), date_form(texts)
    if odd is None and not isinstance(values.dtype, pd.CategoricalDtype) and are_numbers(texts):
        odd = ""
    told = _read_as_text(odd, dates)
    reason = _why_ignored(num_distinct, len(values) - num_missing, limit, is_known=bool(told))
    return Column(
        name=name,
        kind="ignored" if reason else "categorical",
        num_missing=num_missing,
        num_distinct=num_distinct,
        odd=None if odd is None else odd[:40],
        dates=dates,
        note="; it ".join([*([f"is ignored: {reason}"] if reason else []), *told]),
    )


def _read_as_text(odd: str | None, dates: DateForm) -> list[str]:
    """Say what is read as text and is more than that."""
    if dates:
        form = "its dates are not taken apart" if dates == "iso" else "its dates are not ISO 8601"
        return [f"is read as text: {form}"]
    if odd is None:
        return []
    if not odd:
        return ["is read as text, though all of its values are numbers"]
    if is_spelled(odd):
        return [f'is read as text: its numbers are written as in "{odd[:40]}"']
    return [f'is read as text: most of its values are numbers, but "{odd[:40]}" is not']


def _why_ignored(num_distinct: int, num_present: int, limit: int | None, *, is_known: bool) -> str:
    if num_distinct == num_present:
        as_what = "" if is_known else ", as in an identifier"
        return f"its text is another one in every row{as_what}"
    if limit is not None and num_distinct > limit:
        return (
            f"it holds {num_distinct:,} different texts, more than {limit}"
            ' (prepare.encode = "auto" takes them)'
        )
    return ""


def _constant(name: str, *, num_missing: int, num_distinct: int) -> Column:
    return Column(
        name=name,
        kind="constant",
        num_missing=num_missing,
        num_distinct=num_distinct,
        note="is ignored: it has one value only"
        if num_distinct
        else "is ignored: all of its values are infinite or missing",
    )
