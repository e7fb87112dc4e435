"""The picture of a column that tells the target: a line over numbers, bars where values are few."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from ...records import Curve
from ..columns import as_texts, column_of
from ..dataset import Dataset
from .subject import spread_over

# So many values have a bar each; of more, where some are missing, so many ranges.
MOST_VALUES, NUM_RANGES, MOST_POINTS = 12, 6, 64
MISSING = "missing"


def leak_picture(data: Dataset, sample: np.ndarray, name: str, values: np.ndarray) -> Curve:
    """Draw the target by the ``values`` ``[N]`` of a column in the rows of a ``sample``.

    A bar for each value where there are few, or where some are missing: they have a bar of their
    own. Of two classes its height is the share of the second, of more that of the commonest one in
    the bar, of a quantity the mean.
    """
    target, is_missing = data.target[sample], np.isnan(values)
    if isinstance(data.inputs, pd.DataFrame):
        column = column_of(data.inputs, name).take(sample)
        is_text = not pd.api.types.is_numeric_dtype(column.dtype)
    else:
        column, is_text = None, False
    num_values = len(np.unique(values[~is_missing]))
    if num_values > MOST_VALUES and not is_missing.any() and not is_text:
        return _line(values, target)
    if column is not None and is_text:
        texts = as_texts(column)
        bars = _of_texts(texts)
    else:
        bars = _of_numbers(values, num_values)
    return _bars(data, bars, target)


def _line(values: np.ndarray, target: np.ndarray) -> Curve:
    order = spread_over(np.argsort(values, kind="stable"), MOST_POINTS)
    return Curve(
        x_label="the column",
        y_label="target",
        x=tuple(values[order].tolist()),
        y=tuple(target[order].astype(float).tolist()),
    )


def _of_texts(texts: pd.Series) -> dict[str, np.ndarray]:
    """Return which rows each of the commonest texts has, and which have others or none."""
    common = texts.value_counts().index[:MOST_VALUES]
    bars = {str(text)[:20]: (texts == text).to_numpy(dtype=bool) for text in sorted(common)}
    return bars | {
        "others": (~texts.isin(common) & texts.notna()).to_numpy(dtype=bool),
        MISSING: texts.isna().to_numpy(dtype=bool),
    }


def _of_numbers(values: np.ndarray, num_values: int) -> dict[str, np.ndarray]:
    """Return which rows have each number, or each range of a sixth of them, and which have none."""
    present = values[~np.isnan(values)]
    if num_values <= MOST_VALUES:
        bars = {f"{value:.4g}": values == value for value in np.unique(present)}
    else:
        edges = np.unique(np.quantile(present, np.arange(NUM_RANGES + 1) / NUM_RANGES))
        edges[-1] = np.inf
        bars = {f"from {a:.3g}": (values >= a) & (values < b) for a, b in pairwise(edges)}
    return bars | {MISSING: np.isnan(values)}


def _bars(data: Dataset, bars: dict[str, np.ndarray], target: np.ndarray) -> Curve:
    there = {name: target[rows] for name, rows in bars.items() if rows.any()}
    names, heights, label = list(there), [], "mean of the target"
    for name, found in there.items():
        if not data.classes:
            heights.append(float(found.mean()))
        elif len(data.classes) == 2:
            label = f'share of "{data.classes[1]}"'
            heights.append(float(found.mean()))
        else:
            code = int(np.bincount(found).argmax())
            label = "share of the commonest class"
            names[names.index(name)] = f"{name}: {data.classes[code]}"
            heights.append(float((found == code).mean()))
    return Curve(
        x_label="the column",
        y_label=label,
        x=tuple(map(float, range(len(heights)))),
        y=tuple(heights),
        names=tuple(names),
    )
