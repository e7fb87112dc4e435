"""Checks of single columns: what is missing, what says nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...records import Column, Curve, Finding, Severity, Verdict, found, not_judged, passed
from ..columns import LEAST_VARIATION, column_of
from ..dataset import Dataset, array_blocks
from ..usable import is_used
from .remedies import leave_out, sentence
from .subject import Rows, spread_over

# A column that lacks more than this says more about who filled it in than about the row.
MANY_MISSING = 0.5
# A value that all but so few rows have: the others lie 14 and more standard deviations off.
RARE_SHARE = 0.005
FEWEST_ROWS, SAMPLED = 20, 1_000
SOURCE = "notes n3, Data Considerations"


def missing_values(rows: Rows) -> Verdict:
    """Fires when inputs are missing: a warning where a column lacks over half of its values.

    Infinite numbers count as missing. Missing numbers of a table take the median of the training
    rows, those of an array the mean (``prepare.impute``); a missing category leaves all its outputs
    0 (``prepare.missing_category``): what is filled in is a guess, and the network sees that it is
    one only with ``prepare.indicator``. Notes n3, Data Considerations.
    """
    name, shares = "missing-values", _missing_shares(rows)
    worst = max(shares, key=lambda column: shares[column], default="")
    if not shares or shares[worst] == 0.0:
        return passed(name, "no input value is missing")
    lacking = sorted((share for share in shares.values() if share), reverse=True)
    return found(
        Finding(
            rule=name,
            severity="warning" if shares[worst] > MANY_MISSING else "info",
            meaning="Some inputs are missing; a usual value is filled in, which is a guess.",
            remedy=f"Find out why they are missing; where one is mostly empty, {_without(rows)}.",
            source=SOURCE,
            evidence={
                "share": float(np.mean(list(shares.values()))),
                "columns": len(lacking),
                "largest_share": shares[worst],
            },
            where=named([column for column in shares if shares[column]], f'"{worst}"'),
            curve=_shares_curve(lacking),
        ),
    )


def _without(rows: Rows) -> str:
    if rows.dataset.columns:
        told = ", or tell the network what is missing with prepare.indicator = true"
    else:
        told = ", or add one that is 1 where it is missing"
    return leave_out(rows.dataset) + told


def _missing_shares(rows: Rows) -> dict[str, float]:
    """Return the share of missing values by used column or feature."""
    data = rows.dataset
    if isinstance(data.inputs, pd.DataFrame):
        used = [column for column in data.columns if is_used(column)]
        return {column.name: column.num_missing / data.num_rows for column in used}
    if data.inputs.dtype.kind != "f":
        return {}
    blocks = (data.inputs[block] for block in array_blocks(data.inputs))
    missing = sum((~np.isfinite(block)).sum(0) for block in blocks)
    return dict(zip(rows.places, (np.ravel(missing) / data.num_rows).tolist(), strict=True))


def _shares_curve(shares: Sequence[float]) -> Curve | None:
    if len(shares) < 2:
        return None
    shown = tuple(shares[:64])
    places = tuple(float(place) for place in range(1, len(shown) + 1))
    return Curve(x_label="column", y_label="share missing", x=places, y=shown, bound=MANY_MISSING)


def constant_column(rows: Rows) -> Verdict:
    """Fires, as a statement, when a column or a feature has one value only, or none at all.

    It says nothing about the target; of a table it is ignored, of an array it stays 0 after
    standardising. Constant pixels of images are usual, and are not judged. Notes n3, Data
    Considerations.
    """
    name, data = "constant-column", rows.dataset
    if data.input_kind == "image":
        return not_judged(name, "pixels that never change are usual")
    if isinstance(data.inputs, pd.DataFrame):
        constant = [f'"{column.name}"' for column in data.columns if _is_same(column, data)]
        num_columns = len(data.columns)
    else:
        num_columns = len(rows.places)
        constant = [rows.places[place] for place in np.flatnonzero(~_varies(data.inputs))]
    if not constant:
        return passed(name, "every column has several values")
    return found(
        Finding(
            rule=name,
            severity="info",
            meaning="An input has one value only, or none: nothing can be learned from it."
            if len(constant) == 1
            else "Some inputs have one value only, or none: nothing can be learned from them.",
            remedy=f"{sentence(leave_out(data))}, or find out why it was read like that.",
            source=SOURCE,
            evidence={"columns": len(constant), "of": num_columns},
            where=named(constant, constant[0]),
        ),
    )


def _is_same(column: Column, data: Dataset) -> bool:
    return column.kind == "constant" or column.num_missing == data.num_rows


def _varies(values: np.ndarray) -> np.ndarray:
    """Say of each feature whether a value differs from that of the first row, ``[D]``."""
    varies = np.zeros(values[0].size, dtype=bool)
    for block in array_blocks(values):
        varies |= (values[block] != values[0]).reshape(-1, values[0].size).any(0)
        if varies.all():
            break
    return varies


def near_constant_column(rows: Rows) -> Verdict:
    """Fires when a column of a table, or a feature of an array, hardly varies.

    A statement where all but 0.5 % of the rows share one value: of numbers, the rare ones lie then
    ``sqrt((1 - p) / p)`` = 14 standard deviations off for p = 0.005, and the training part may
    have none. A warning where the spread is under 2**-16 of the mean, so that float32 rounds it
    away. Pixels are not judged. Notes n3, Data Considerations; n4, data preprocessing.
    """
    name, inputs = "near-constant-column", rows.dataset.inputs
    if rows.dataset.input_kind == "image":
        return not_judged(name, "pixels that hardly vary are usual")
    rounded, rare = _hardly_varying(rows) if isinstance(inputs, pd.DataFrame) else _of_array(rows)
    hit = rounded or rare
    if not hit:
        return passed(name, "every column varies")
    severity: Severity = "warning" if rounded else "info"
    meaning = "float32 rounds its differences away" if rounded else "nearly all rows have one value"
    return found(
        Finding(
            rule=name,
            severity=severity,
            meaning=f"A column hardly varies: {meaning}.",
            remedy="Subtract a constant from it."
            if rounded
            else f"{sentence(leave_out(rows.dataset))}, if it is noise.",
            source="notes n4, Data Preprocessing",
            evidence={"columns": len(hit)},
            where=named(hit, hit[0]),
        ),
    )


def _hardly_varying(rows: Rows) -> tuple[list[str], list[str]]:
    """Return the columns that float32 rounds, and those of which nearly all rows have one value."""
    frame = rows.dataset.inputs
    assert isinstance(frame, pd.DataFrame)
    numeric = [column for column in rows.dataset.columns if column.kind == "numeric"]
    rounded = [f'"{column.name}"' for column in numeric if _is_rounded(column)]
    told = [column for column in rows.dataset.columns if column.kind in ("numeric", "categorical")]
    rare = [f'"{c.name}"' for c in told if _is_rare(column_of(frame, c.name))]
    return rounded, rare


def _of_array(rows: Rows) -> tuple[list[str], list[str]]:
    """Return the same of the features of an array, whose usual value is the median of a sample."""
    values = rows.dataset.inputs
    assert isinstance(values, np.ndarray)
    if len(values) < FEWEST_ROWS:
        return [], []
    sample = rows.features(spread_over(np.arange(len(values)), SAMPLED))
    varies = _varies(values)
    usual, mean, spread = (_each(how, sample) for how in (np.median, np.mean, np.std))
    num_other = np.zeros(sample.shape[1], np.int64)
    for block in array_blocks(values):
        flat = values[block].reshape(-1, sample.shape[1])
        num_other += ((flat != usual) & np.isfinite(flat)).sum(axis=0)
    rare = varies & (num_other <= RARE_SHARE * len(values))
    rounded = varies & (spread > 0.0) & (spread < LEAST_VARIATION * np.abs(mean))
    return _named(rows, rounded), _named(rows, rare)


def _named(rows: Rows, hit: np.ndarray) -> list[str]:
    return [f"input {rows.places[at]}" for at in np.flatnonzero(hit)]


def _each(how: Callable[[np.ndarray], Any], sample: np.ndarray) -> np.ndarray:
    """Return a statistic of each column's values that are there; 0 where none is."""
    present = (column[~np.isnan(column)] for column in sample.T)
    return np.array([how(column) if len(column) else 0.0 for column in present])


def _is_rounded(column: Column) -> bool:
    assert column.std is not None and column.mean is not None
    return column.std < LEAST_VARIATION * abs(column.mean)


def _is_rare(values: pd.Series) -> bool:
    present = values.dropna()
    if len(present) < FEWEST_ROWS:
        return False
    return 1.0 - present.value_counts().max() / len(present) <= RARE_SHARE


def of_columns(columns: Sequence[Column]) -> str:
    """Return where several columns are: the name of the first, and how many more.

    Example:
        >>> of_columns([Column(name="a", kind="numeric"), Column(name="b", kind="numeric")])
        '"a" and 1 more'
    """
    names = [f'"{column.name}"' for column in columns]
    return named(names, names[0])


def named(names: Sequence[str], first: str) -> str:
    """Return the first of several names, and how many more there are.

    Example:
        >>> named(["a", "b", "c"], "b")
        'b and 2 more'
    """
    return first if len(names) == 1 else f"{first} and {len(names) - 1} more"
