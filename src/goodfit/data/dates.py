"""Dates taken apart into numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from .preparation import DatePart, NumericColumn

_DAY_S = 86_400


def _hour(dates: pd.DatetimeIndex) -> np.ndarray:
    return np.asarray(dates.hour + dates.minute / 60 + dates.second / 3600, dtype=np.float64)


def _plain(name: str) -> Callable[[pd.DatetimeIndex], np.ndarray]:
    return lambda dates: np.asarray(getattr(dates, name), dtype=np.float64)


# What a date is made of, and for what repeats: its first value, and after how many it repeats.
PARTS: Mapping[str, Callable[[pd.DatetimeIndex], np.ndarray]] = {
    "year": _plain("year"),
    "month": _plain("month"),
    "day": _plain("day"),
    "weekday": _plain("day_of_week"),
    "hour": _hour,
}
PERIODS = {"month": (1, 12), "day": (1, 31), "weekday": (0, 7), "hour": (0, 24)}


def parts(name: str, dates: pd.DatetimeIndex) -> list[NumericColumn]:
    """Take a date apart into numbers: year, month, day, weekday, hour, and days elapsed.

    Month and day count from 1, weekday from 0 (Monday), hour is a fraction in [0, 24), in UTC;
    "days" are days, with fractions, since the first date of the training rows. What does not vary
    in the training rows is left out. Then they are scaled as all numbers are. A missing date is
    filled in, part by part, by ``impute``; what is no date counts as missing. Source: pandas'
    DatetimeIndex, whose parts these are.

    Example:
        >>> from goodfit.data.columns import as_dates
        >>> found = parts("when", as_dates(pd.Series(["2024-01-31", "2024-02-29"])))
        >>> [column.name for column in found]
        ['when.month', 'when.day', 'when.weekday', 'when.days']
    """
    return _columns(name, dates, list(PARTS))


def cyclic(name: str, dates: pd.DatetimeIndex) -> list[NumericColumn]:
    """Take a date apart, and wind what repeats around a circle.

    A part v becomes sin(2 pi (v - first) / period) and cos(2 pi (v - first) / period). The
    periods are 12 months, 31 days, 7 weekdays and 24 hours; so December lies beside January and
    23 h beside 0 h. Year and days elapsed stay numbers. See parts for the rest. Source: Bishop,
    "Pattern Recognition and Machine Learning", 2006, section 2.3.8 (periodic variables).

    Example:
        >>> from goodfit.data.columns import as_dates
        >>> found = cyclic("when", as_dates(pd.Series(["2024-01-31", "2024-02-29"])))
        >>> [column.name for column in found][:2]
        ['when.month.sin', 'when.month.cos']
    """
    wound = [
        each
        for part in PARTS
        for each in ((f"{part}.sin", f"{part}.cos") if part in PERIODS else (part,))
    ]
    return _columns(name, dates, wound)


DATES: Mapping[str, Callable[[str, pd.DatetimeIndex], list[NumericColumn]]] = {
    "parts": parts,
    "cyclic": cyclic,
}


def date_part(dates: pd.DatetimeIndex, made: DatePart) -> np.ndarray:
    """Return float64 ``[N]``, NaN where the date is missing.

    Example:
        >>> from goodfit.data.columns import as_dates
        >>> made = DatePart(column="when", part="days", origin="2024-01-31T00:00:00")
        >>> date_part(as_dates(pd.Series(["2024-02-29", None])), made).tolist()
        [29.0, nan]
    """
    if made.part == "days":
        elapsed = (dates - pd.Timestamp(made.origin)) / pd.Timedelta(seconds=_DAY_S)
        return np.asarray(elapsed, dtype=np.float64)
    name, _, wave = made.part.partition(".")
    values = PARTS[name](dates)
    if not wave:
        return values
    first, period = PERIODS[name]
    return {"sin": np.sin, "cos": np.cos}[wave](2 * np.pi * (values - first) / period)


def _columns(name: str, dates: pd.DatetimeIndex, names: list[str]) -> list[NumericColumn]:
    if dates.isna().all():
        return []
    origin = str(dates.to_numpy()[dates.notna()].min())
    found = []
    for part in (*names, "days"):
        values = date_part(dates, made := DatePart(column=name, part=part, origin=origin))
        if np.nanmin(values) < np.nanmax(values):
            plain = NumericColumn(name=f"{name}.{part}", fill=0.0, centre=0.0, scale=1.0)
            found.append(replace(plain, made=made))
    return found
