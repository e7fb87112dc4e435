"""Checks of texts that are more than texts: numbers and dates."""

from __future__ import annotations

from collections.abc import Sequence

from ...records import Column, Finding, Verdict, found, not_judged, passed
from ..spelling import has_unit, is_spelled
from .columns import SOURCE, of_columns
from .subject import Rows

NO_TABLE = "the inputs are no table"


def numbers_as_text(rows: Rows) -> Verdict:
    """Fires when a column of texts holds numbers for the most part: it is not used as numbers.

    One "n/k" makes a whole column text, and so do thousands separators, decimal commas, currencies,
    percent signs and units ("1,234", "3,14", "12 %", "5 kg"); each number then is a category of its
    own, or the column is ignored because there are too many of them. Notes n3, Data Considerations.
    """
    name = "numbers-as-text"
    columns = [column for column in rows.dataset.columns if column.odd is not None]
    if not rows.dataset.columns:
        return not_judged(name, NO_TABLE)
    if not columns:
        return passed(name, "no column of texts holds numbers")
    odd = columns[0].odd
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="A column of numbers is read as text, so that their order is lost.",
            remedy=_how_to_read(odd or ""),
            source=SOURCE,
            evidence={"columns": len(columns)} | ({"odd": odd} if odd else {}),
            where=of_columns(columns),
        ),
    )


def _how_to_read(odd: str) -> str:
    if not odd:
        return "Turn it into numbers."
    if has_unit(odd):
        return (
            f'Take the unit out of the values, and write it into the column\'s name: "{odd}" is'
            " text, a number alone is none (a percent sign or a currency is a unit too)."
        )
    if is_spelled(odd):
        return (
            f'Write numbers plainly, with a decimal point and nothing else: "{odd}" is text'
            ' (pandas.read_csv has thousands="," and decimal=",").'
        )
    return f'Replace "{odd}" by an empty value.'


def dates_not_used(rows: Rows) -> Verdict:
    """Fires when a column of dates is not used as dates: it is ignored, or each is a category.

    A statement where all are dates or ISO 8601 texts (2024-12-31), which `prepare.dates` takes
    apart; a warning where some are written in another way (31.12.2024, 3/4/2024), which cannot be
    read, or could be read in two ways. Notes n3, Data Considerations.
    """
    name = "dates-not-used"
    columns = [column for column in rows.dataset.columns if column.dates]
    unread = [column for column in columns if column.dates == "other"]
    if not rows.dataset.columns:
        return not_judged(name, NO_TABLE)
    if not columns:
        return passed(name, "every column of dates is used as such, or there is none")
    return found(_unread(name, unread, len(columns)) if unread else _left_out(name, columns))


def _unread(name: str, columns: Sequence[Column], num_all: int) -> Finding:
    return Finding(
        rule=name,
        severity="warning",
        meaning="A column of dates is read as text: some are written in a way that is not read.",
        remedy="Write dates as 2024-12-31 or 2024-12-31T18:30 (ISO 8601), and leave what is no date"
        ' empty; then prepare.dates = "parts" takes them apart.',
        source=SOURCE,
        evidence={"columns": len(columns)}
        | ({"readable_but_not_used": num_all - len(columns)} if num_all > len(columns) else {}),
        where=of_columns(columns),
    )


def _left_out(name: str, columns: Sequence[Column]) -> Finding:
    as_texts = all(column.kind == "categorical" for column in columns)
    return Finding(
        rule=name,
        severity="info",
        meaning="A column of dates is not used as dates: each is a category of its own."
        if as_texts
        else "A column of dates is not used: it is ignored.",
        remedy='Set prepare.dates = "parts" (or "cyclic"), or split by it: split.time.',
        source=SOURCE,
        evidence={"columns": len(columns)},
        where=of_columns(columns),
    )
