"""Values so far off that all others of their column are about equal once it is standardised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...records import Finding, Verdict, found, not_judged, passed
from ..columns import as_numbers, column_of
from ..dataset import array_blocks
from .codes import code_among
from .columns import named
from .remedies import read_as_missing
from .subject import Rows, spread_over

FEWEST_ROWS, SAMPLED = 20, 2_000
# Rows of a table in which a code is looked for: sorting a million takes a tenth of a second.
SEARCHED = 20_000
# The middle 99 % of the values, and the least share of the whole spread that theirs has to be.
TAIL, LEAST_SPREAD = 0.005, 1e-3


def extreme_values(rows: Rows) -> Verdict:
    """Fires when a few values are so far off that a standardised column is nearly constant.

    Of numbers in a table, or features of an array: where the middle 99 % of a column (of an array:
    of 2,000 rows, evenly spread) have a standard deviation under 0.001 of that of all its values.
    Then a few values, often in another unit or a code for "missing", set the scale, and all other
    rows get about the same number. Skewed columns keep well over that share; of columns whose
    middle 99 % are one value near-constant-column judges. Or where one value at the end of a
    column looks like such a code (-999), whatever its distance does to the scale: in 3 rows or
    more and at most half, over 20 times as far off as the largest step between the others, and
    over 3 times as far as they reach. Pixels are not judged, nor under 20 rows. Notes n4, data
    preprocessing.
    """
    name, data = "extreme-values", rows.dataset
    if data.input_kind == "image" or data.num_rows < FEWEST_ROWS:
        return not_judged(name, "the inputs are pixels, or under 20 rows")
    coded = _codes(rows)
    if coded:
        return found(_of_codes(rows, coded))
    extremes = _of_table(rows) if isinstance(data.inputs, pd.DataFrame) else _of_array(rows)
    if not extremes:
        return passed(name, "no value outweighs the others of its column")
    worst = max(extremes, key=lambda extreme: extreme.distance)
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="A few values are so far off that all others of their column are about equal"
            " once it is standardised.",
            remedy="Look at the row: correct the value, or leave it empty. If it is right,"
            ' prepare.scale = "robust" keeps the others apart.',
            source="notes n4, Data Preprocessing",
            evidence={
                "columns": len(extremes),
                "value": worst.value,
                "data_row": worst.row,
                "distance_by_interquartile_range": worst.distance,
            },
            where=named([extreme.where for extreme in extremes], worst.where),
        ),
    )


def _of_codes(rows: Rows, coded: list[_Code]) -> Finding:
    worst = max(coded, key=lambda code: code.share)
    return Finding(
        rule="extreme-values",
        severity="warning",
        meaning=f"{worst.value:.15g} stands in {100.0 * worst.share:.2g} % of the rows, far outside"
        ' of all other values of its column, as a code for "missing" does; it is read as a number.',
        remedy=read_as_missing(rows.dataset, worst.value),
        source="notes n4, Data Preprocessing",
        evidence={
            "columns": len(coded),
            "value": worst.value,
            "share": worst.share,
            "distance_by_interquartile_range": worst.distance,
        },
        where=named([code.where for code in coded], worst.where),
    )


@dataclass(frozen=True)
class _Code:
    """A value that looks like a code, and in which ``share`` of the rows it stands."""

    where: str
    value: float
    share: float
    distance: float


def _codes(rows: Rows) -> list[_Code]:
    """Return the codes of all columns, each looked for in evenly spread rows."""
    data = rows.dataset
    if isinstance(data.inputs, pd.DataFrame):
        at = spread_over(np.arange(data.num_rows), SEARCHED)
        names = [column.name for column in data.columns if column.kind == "numeric"]
        columns = (as_numbers(column_of(data.inputs, name).iloc[at]) for name in names)
        places = [f'"{name}"' for name in names]
    else:
        columns = rows.features(spread_over(np.arange(data.num_rows), SAMPLED)).T
        places = [f"input {place}" for place in rows.places]
    pairs = (
        (where, column, code_among(column)) for where, column in zip(places, columns, strict=True)
    )
    return [_code(where, column, code) for where, column, code in pairs if code is not None]


def _code(where: str, column: np.ndarray, code: float) -> _Code:
    others = column[(column != code) & ~np.isnan(column)]
    first, middle, third = np.quantile(others, (0.25, 0.5, 0.75))
    share = float((column == code).mean())
    return _Code(where, code, share, float(abs(code - middle) / (third - first or others.std())))


@dataclass(frozen=True)
class _Extreme:
    """The value furthest from its column's median; ``distance`` is in interquartile ranges."""

    where: str
    value: float
    row: int
    distance: float


@dataclass(frozen=True)
class _Usual:
    """What most values of a column are like; ``spread`` is that of their middle 99 %."""

    median: float
    middle_half: float
    spread: float

    def furthest(self, where: str, values: np.ndarray) -> _Extreme:
        """Return the furthest of the values ``[N]``, NaN where one is missing; rows begin at 1.

        Where the middle half is one value, the distance is in units of the spread.
        """
        row = int(np.nanargmax(np.abs(values - self.median)))
        value = float(values[row])
        distance = abs(value - self.median) / (self.middle_half or self.spread)
        return _Extreme(where, value, row + 1, distance)


def _usual(values: np.ndarray) -> _Usual | None:
    """Return what most values ``[N]`` are like; None where they are few, or most are one value."""
    present = values[~np.isnan(values)]
    if len(present) < FEWEST_ROWS:
        return None
    low, first, median, third, high = np.quantile(present, (TAIL, 0.25, 0.5, 0.75, 1.0 - TAIL))
    spread = float(present[(present >= low) & (present <= high)].std())
    return _Usual(float(median), float(third - first), spread) if spread > 0.0 else None


def _of_table(rows: Rows) -> list[_Extreme]:
    frame = rows.dataset.inputs
    assert isinstance(frame, pd.DataFrame)
    extremes = []
    for name in [column.name for column in rows.dataset.columns if column.kind == "numeric"]:
        values = as_numbers(column_of(frame, name))
        usual = _usual(values)
        if usual is not None and usual.spread < LEAST_SPREAD * float(np.nanstd(values)):
            extremes.append(usual.furthest(f'"{name}"', values))
    return extremes


def _of_array(rows: Rows) -> list[_Extreme]:
    """Read an array once, in blocks, and again only those features that are hit."""
    values = rows.dataset.inputs
    assert isinstance(values, np.ndarray)
    usual = [_usual(c) for c in rows.features(spread_over(np.arange(len(values)), SAMPLED)).T]
    stds, extremes = _stds(values, np.array([each.median if each else 0.0 for each in usual])), []
    for at, each in enumerate(usual):
        if each is not None and each.spread < LEAST_SPREAD * stds[at]:
            whole = values.reshape(len(values), -1)[:, at].astype(np.float64)
            whole = np.where(np.isfinite(whole), whole, np.nan)
            extremes.append(each.furthest(f"input {rows.places[at]}", whole))
    return extremes


def _stds(values: np.ndarray, medians: np.ndarray) -> np.ndarray:
    """Return standard deviations by feature ``[D]``; what is missing counts as the median."""
    total, squares = np.zeros((2, len(medians)))
    for block in array_blocks(values):
        away = values[block].reshape(-1, len(medians)).astype(np.float64) - medians
        away = np.where(np.isfinite(away), away, 0.0)
        total, squares = total + away.sum(0), squares + np.square(away).sum(0)
    mean = total / len(values)
    return np.sqrt(np.maximum(squares / len(values) - np.square(mean), 0.0))
