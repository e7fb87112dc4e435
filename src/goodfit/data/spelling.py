"""Texts that stand for numbers or dates, and are not read as such."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pandas as pd

# 1,234 or 1.234.567,89 or 1 234 or 1'234; 3,14; each with a sign, a currency or a percent.
_MONEY = "[€$£¥]"
_GROUPS = r"[1-9]\d{0,2}(?:[,.'’\u00a0\u202f ]\d{3})+(?:[.,]\d+)?"
_PLAIN = r"\d+(?:[.,]\d+)?"
_UNIT = (
    "(?i:kg|g|mg|t|lbs?|oz|km|m|cm|mm|mi|miles?|ft|inch|ml|l|ms|s|sec|min|minutes?|h|hrs?|hours?"
    "|days?|weeks?|months?|years?|yrs?|[km]b|gb|kwh?|hp|bhp|cc|rpm|usd|eur|gbp|chf|°[cf]?)"
)
_SPELLED = (
    rf"\s*[+-]?(?:{_GROUPS}|\d+,\d+)\s*",
    rf"\s*[+-]?{_MONEY}\s?[+-]?(?:{_GROUPS}|{_PLAIN})\s*",
    rf"\s*[+-]?(?:{_GROUPS}|{_PLAIN})\s?(?:%|{_MONEY}|{_UNIT})\s*",
)
# Of more texts than this, so many are looked at first: a million take seconds.
SAMPLE = 1_000

_CLOCK = r"(?:[T ]\d{1,2}:\d{2}.*)?"
_ISO = rf"\d{{4}}-\d{{2}}-\d{{2}}{_CLOCK}"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_OTHER_DATES = (
    rf"\d{{1,2}}(?P<s>[./-])\d{{1,2}}(?P=s)\d{{4}}{_CLOCK}",
    rf"\d{{1,2}}/\d{{1,2}}/\d{{2}}{_CLOCK}",
    rf"\d{{4}}[./]\d{{1,2}}[./]\d{{1,2}}{_CLOCK}",
    rf"(?i:\d{{1,2}}\.? {_MONTH},? \d{{4}}){_CLOCK}",
    rf"(?i:{_MONTH} \d{{1,2}},? \d{{4}}){_CLOCK}",
)

DateForm = Literal["", "iso", "other"]


def is_spelled(text: str) -> bool:
    """Say whether a text is a number that only people read as one.

    Such are numbers with thousands separators, a decimal comma, a currency, a percent sign or one
    of the commonest units.

    Example:
        >>> [is_spelled(text) for text in ("1,234", "3,14", "12 %", "$ 5", "7 kg", "12", "n/k")]
        [True, True, True, True, True, False, False]
    """
    return bool(_match(pd.Index([text]), *_SPELLED)[0])


def has_unit(text: str) -> bool:
    """Say whether a text is a number with a currency, a percent sign or a unit.

    Example:
        >>> [has_unit(text) for text in ("6.0 kg", "$ 1,200", "12%", "1,200", "3,14", "red")]
        [True, True, True, False, False, False]
    """
    return bool(_match(pd.Index([text]), *_SPELLED[1:])[0])


def are_numbers(texts: pd.Series) -> bool:
    """Say whether all texts are numbers, and no codes, which may begin with zeros.

    Example:
        >>> are_numbers(pd.Series(["1", "2.5"])), are_numbers(pd.Series(["01", "02"]))
        (True, False)
    """
    distinct = pd.Series(texts.dropna().unique(), dtype=str)
    if distinct.str.match(r"0\d").any():
        return False
    numbers = np.asarray(pd.to_numeric(distinct, errors="coerce"), dtype=np.float64)
    return not np.isnan(numbers).any()


def _match(texts: pd.Index, *forms: str) -> np.ndarray:
    """Say of each text whether it has one of the forms; where none of 1,000 has, none does."""
    few = texts[:: max(1, len(texts) // SAMPLE)]
    if len(few) < len(texts) and not _match(few, *forms).any():
        return np.zeros(len(texts), dtype=bool)
    matches = re.compile("|".join(f"(?:{form})" for form in forms)).fullmatch
    return np.array([matches(text) is not None for text in texts], dtype=bool)


def odd_value(texts: pd.Series) -> str | None:
    """Return the commonest text that is not read as a number, where more than half are numbers.

    Numbers that only people read as such (:func:`is_spelled`) count as numbers here; the odd value
    may be one of them. None where all texts are plain numbers, or too few are any.

    Example:
        >>> odd_value(pd.Series(["1", "2.5", "n/k", "4"]))
        'n/k'
        >>> odd_value(pd.Series(["1,234", "7,012,000"]))
        '1,234'
        >>> odd_value(pd.Series(["red", "2"])) is None
        True
    """
    # Of each different text once: parsing a million texts takes more than a second.
    counts = texts.value_counts()
    numbers = np.asarray(pd.to_numeric(counts.index, errors="coerce"), dtype=np.float64)
    is_odd = np.isnan(numbers)
    if not is_odd.any():
        return None
    is_word = is_odd.copy()
    is_word[is_odd] = ~_match(counts.index[is_odd], *_SPELLED)
    few_words = 2 * counts.to_numpy()[is_word].sum() < counts.sum()
    return str(counts.index[is_odd][0]) if few_words else None


def date_form(texts: pd.Series) -> DateForm:
    """Say how the dates of a column of texts are written, where more than half of them are dates.

    "iso" where all are ISO 8601, which :func:`goodfit.data.columns.as_dates` reads; "other" where
    some are written in another way, which could be read in two, or are none; "" for no dates.

    Example:
        >>> date_form(pd.Series(["2024-02-29", "2024-03-01T12:00"]))
        'iso'
        >>> date_form(pd.Series(["29.02.2024", "3/1/2024", "unknown"])), date_form(pd.Series(["a"]))
        ('other', '')
    """
    counts = texts.value_counts()
    is_iso = _match(counts.index, _ISO)
    if len(counts) and is_iso.all():
        dates = pd.to_datetime(counts.index, errors="coerce", utc=True, format="ISO8601")
        return "iso" if dates.notna().all() else "other"
    is_date = is_iso | _match(counts.index, *_OTHER_DATES)
    return "other" if 2 * counts.to_numpy()[is_date].sum() > counts.sum() else ""
