"""Checks of single columns: what is missing, what says nothing, what is read as something else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...records import Column, Curve, Finding, Severity, Verdict, found, not_judged, passed
from ..columns import LEAST_VARIATION, column_of, is_used, kind_of
from ..dataset import array_blocks
from .subject import Rows

# A column that lacks more than this says more about who filled it in than about the row.
MANY_MISSING = 0.5
# A value that all but so few rows have: the others lie 14 and more standard deviations off.
RARE_SHARE = 0.005
FEWEST_ROWS = 20
SOURCE = "notes n3, Data Considerations"


def missing_values(rows: Rows) -> Verdict:
    """Fires when inputs are missing: a warning where a column lacks over half of its values.

    Infinite numbers count as missing. Missing numbers of a table take the median of the training
    rows, those of an array the mean; a missing category leaves all its outputs 0: what is filled
    in is a guess, and the network cannot see that it is one. Notes n3, Data Considerations.
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
            remedy="Find out why they are missing; leave columns out that are mostly empty.",
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


def numbers_as_text(rows: Rows) -> Verdict:
    """Fires when a column of texts holds numbers for the most part: it is not used as numbers.

    One "n/k" or "1,234" makes a whole column text; each number then is a category of its own, or
    the column is ignored because there are too many of them. Notes n3, Data Considerations.
    """
    name = "numbers-as-text"
    columns = [column for column in rows.dataset.columns if column.odd is not None]
    if not rows.dataset.columns:
        return not_judged(name, "the inputs are no table")
    if not columns:
        return passed(name, "no column of texts holds numbers")
    odd = columns[0].odd
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="A column of numbers is read as text, so that their order is lost.",
            remedy=f'Replace "{odd}" by an empty value.' if odd else "Turn it into numbers.",
            source=SOURCE,
            evidence={"columns": len(columns)} | ({"odd": odd} if odd else {}),
            where=_of_columns(columns),
        ),
    )


def constant_column(rows: Rows) -> Verdict:
    """Fires, as a statement, when a column or a feature has one value only.

    It says nothing about the target; of a table it is ignored, of an array it stays 0 after
    standardising. Constant pixels of images are usual, and are not judged. Notes n3, Data
    Considerations.
    """
    name, data = "constant-column", rows.dataset
    if data.input_kind == "image":
        return not_judged(name, "pixels that never change are usual")
    if isinstance(data.inputs, pd.DataFrame):
        constant = [f'"{column.name}"' for column in data.columns if column.kind == "constant"]
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
            meaning="Some columns have one value only: nothing can be learned from them.",
            remedy="Leave them out, or find out why they were read like that.",
            source=SOURCE,
            evidence={"columns": len(constant), "of": num_columns},
            where=named(constant, constant[0]),
        ),
    )


def _varies(values: np.ndarray) -> np.ndarray:
    """Say of each feature whether a value differs from that of the first row, ``[D]``."""
    varies = np.zeros(values[0].size, dtype=bool)
    for block in array_blocks(values):
        varies |= (values[block] != values[0]).reshape(-1, values[0].size).any(0)
        if varies.all():
            break
    return varies


def near_constant_column(rows: Rows) -> Verdict:
    """Fires when a numeric column of a table hardly varies.

    A statement where all but 0.5 % of the rows share one value: standardised, the rare ones lie
    ``sqrt((1 - p) / p)`` = 14 standard deviations off for p = 0.005, and the training part may
    have none. A warning where the spread is under 2**-16 of the mean, so that float32 rounds it
    away. Notes n3, Data Considerations; n4, data preprocessing.
    """
    name, frame = "near-constant-column", rows.dataset.inputs
    if not isinstance(frame, pd.DataFrame):
        return not_judged(name, "the inputs are no table")
    numeric = [column for column in rows.dataset.columns if column.kind == "numeric"]
    rounded = [column for column in numeric if _is_rounded(column)]
    rare = [column for column in numeric if _is_rare(column_of(frame, column.name))]
    hit = rounded or rare
    if not hit:
        return passed(name, "every numeric column varies")
    severity: Severity = "warning" if rounded else "info"
    meaning = "float32 rounds its differences away" if rounded else "nearly all rows have one value"
    return found(
        Finding(
            rule=name,
            severity=severity,
            meaning=f"A column hardly varies: {meaning}.",
            remedy="Subtract a constant from it." if rounded else "Leave it out, if it is noise.",
            source="notes n4, Data Preprocessing",
            evidence={"columns": len(hit)},
            where=_of_columns(hit),
        ),
    )


def _is_rounded(column: Column) -> bool:
    assert column.std is not None and column.mean is not None
    return column.std < LEAST_VARIATION * abs(column.mean)


def _is_rare(values: pd.Series) -> bool:
    present = values.dropna()
    if len(present) < FEWEST_ROWS:
        return False
    return float((present != present.mode().iloc[0]).mean()) <= RARE_SHARE


def identifier_column(rows: Rows) -> Verdict:
    """Fires when a column only numbers the rows: it can be memorised, and says nothing of new ones.

    A warning where it is an input: whole numbers, another one in every row, without a gap. A
    statement where it is a text that is another one in every row; such columns are ignored.
    Under 20 rows nothing is judged. Notes n3, Data Considerations.
    """
    name, data = "identifier-column", rows.dataset
    if not isinstance(data.inputs, pd.DataFrame) or data.num_rows < FEWEST_ROWS:
        return not_judged(name, "the inputs are no table of 20 rows or more")
    used = [c for c in data.columns if c.kind == "numeric" and _counts_rows(c, data.inputs)]
    ignored = [c for c in data.columns if c.kind == "ignored" and _names_rows(c, data.num_rows)]
    if not used and not ignored:
        return passed(name, "no column numbers the rows")
    return found(
        Finding(
            rule=name,
            severity="warning" if used else "info",
            meaning="A column numbers the rows; it says nothing about rows to come."
            + ("" if used else " It is ignored."),
            remedy="Leave it out of the table, or name it split.group or split.time.",
            source=SOURCE,
            evidence={"columns": len(used or ignored)},
            where=_of_columns(used or ignored),
        ),
    )


def _counts_rows(column: Column, frame: pd.DataFrame) -> bool:
    assert column.low is not None and column.high is not None
    without_gap = column.num_distinct == len(frame) == column.high - column.low + 1
    values = column_of(frame, column.name)
    return without_gap and kind_of(values) == "number" and bool((values % 1 == 0).all())


def _names_rows(column: Column, num_rows: int) -> bool:
    return column.num_distinct > 1 and column.num_distinct == num_rows - column.num_missing


def _of_columns(columns: Sequence[Column]) -> str:
    names = [f'"{column.name}"' for column in columns]
    return named(names, names[0])


def named(names: Sequence[str], first: str) -> str:
    """Return the first of several names, and how many more there are.

    Example:
        >>> named(["a", "b", "c"], "b")
        'b and 2 more'
    """
    return first if len(names) == 1 else f"{first} and {len(names) - 1} more"
