"""A column that tells the target by itself."""

from __future__ import annotations

import numpy as np

from ...records import Finding, Verdict, found, not_judged, passed
from .leak_picture import leak_picture
from .remedies import leave_out
from .subject import Rows, spread_over

FEWEST_ROWS, MOST_ROWS, MOST_FEATURES, MOST_VALUES = 40, 2_000, 4_096, 800_000
# Of the way from the commonest class to no mistake; and the least correlation.
NEARLY_PERFECT, NEARLY_IN_STEP = 0.95, 0.995
# Mistakes that are added, since a small sample could have missed so many by chance (95 %).
BY_CHANCE = 3


def target_leak(rows: Rows) -> Verdict:
    """Fires when one column predicts the target nearly perfectly by itself.

    Such a column is often made from the target, or known only after it: then the score is
    splendid, and the network useless. Judged on up to 2,000 training rows (of
    over 400 columns fewer), evenly spread.
    Classes: each half is predicted from the nearest value in the other half (the commonest label
    where values are equal); of the mistakes that the commonest class makes, 5 % may be left, three
    that a small sample could hide among them. Quantities: the rank correlation is 0.995 or more, or
    that of the target with the same prediction (so that 1 / y and a text for each y are seen too).
    Abstains where there is one column only, over 4,096 columns, or under 40 rows (classes: 60 rows
    of others than the commonest one). Notes n3, Data Considerations; Kaufman et al., Leakage in
    data mining, 2012.
    """
    name, data = "target-leak", rows.dataset
    width = data.inputs[:1].size
    sample = spread_over(rows.parts.train, min(MOST_ROWS, MOST_VALUES // max(1, width)))
    if not 1 < width <= MOST_FEATURES or len(sample) < FEWEST_ROWS:
        return not_judged(name, "there is one column only, or too many, or there are too few rows")
    values = rows.features(sample)
    target = data.target[sample]
    is_class = data.task == "classification"
    if is_class and _num_wrong_blind(target) * (1.0 - NEARLY_PERFECT) < BY_CHANCE:
        return not_judged(name, "too few rows train to tell a good column from a perfect one")
    judge = _skill if is_class else _in_step
    scores = np.array([judge(column, target) for column in values.T])
    bound = NEARLY_PERFECT if is_class else NEARLY_IN_STEP
    best = int(scores.argmax())
    if scores[best] < bound:
        return passed(name, "no column tells the target by itself")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="One column tells the target nearly perfectly by itself: it may be made of it.",
            remedy=f"If it is not known before the target is, {leave_out(data)}; otherwise, a table"
            " of it does what a network would.",
            source="notes n3, Data Considerations; Kaufman et al., Leakage in data mining, 2012",
            evidence={
                "skill" if is_class else "correlation": float(scores[best]),
                "columns": int((scores >= bound).sum()),
            },
            where=f'"{rows.places[best]}"' if data.columns else f"input {rows.places[best]}",
            curve=leak_picture(data, sample, rows.places[best], values[:, best]),
        ),
    )


def _skill(values: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of the commonest class's mistakes that a column avoids."""
    if np.isnan(values).all():
        return 0.0
    values = np.where(np.isnan(values), np.nanmin(values) - 1.0, values)
    halves = np.arange(len(values)) % 2 == 0
    wrong = sum(_num_wrong(values, labels, half) for half in (halves, ~halves))
    return 1.0 - (wrong + BY_CHANCE) / _num_wrong_blind(labels)


def _num_wrong_blind(labels: np.ndarray) -> int:
    """Return the mistakes of who always tells the commonest class."""
    return len(labels) - int(np.bincount(labels).max())


def _num_wrong(values: np.ndarray, labels: np.ndarray, known: np.ndarray) -> int:
    """Count mistakes on the rows that are not ``known`` by the nearest known value's label."""
    distinct, place = np.unique(values[known], return_inverse=True)
    num_classes = int(labels.max()) + 1
    cells = np.bincount(place * num_classes + labels[known], minlength=len(distinct) * num_classes)
    commonest = cells.reshape(len(distinct), num_classes).argmax(1)
    told = commonest[_nearest(distinct, values[~known])]
    return int((told != labels[~known]).sum())


def _nearest(distinct: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return for each value the place of the nearest of the sorted ``distinct`` ones."""
    after = np.searchsorted(distinct, asked).clip(0, len(distinct) - 1)
    before = (after - 1).clip(0)
    nearer = np.abs(asked - distinct[before]) < np.abs(asked - distinct[after])
    return np.where(nearer, before, after)


def _in_step(values: np.ndarray, target: np.ndarray) -> float:
    """Return how well a column tells a quantity, over the rows that have a value.

    The larger one of the sizes of Spearman's rank correlation, and of the correlation R that the
    prediction by the nearest value has: ``R^2 = 1 - sum (t - told)^2 / sum (t - mean)^2``.
    """
    present = ~np.isnan(values)
    if present.sum() < FEWEST_ROWS or np.ptp(values[present]) == 0.0:
        return 0.0
    values, target = values[present], target[present]
    mine, theirs = _ranks(values), _ranks(target)
    if np.ptp(theirs) == 0.0:
        return 0.0
    halves = np.arange(len(values)) % 2 == 0
    errors = sum(_squares(values, target, half) for half in (halves, ~halves))
    explained = 1.0 - errors / float(np.square(target - target.mean()).sum())
    return max(abs(float(np.corrcoef(mine, theirs)[0, 1])), float(np.sqrt(max(0.0, explained))))


def _squares(values: np.ndarray, target: np.ndarray, known: np.ndarray) -> float:
    """Return the squared errors on the rows that are not ``known`` by the nearest known value."""
    distinct, place, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=target[known]) / counts
    return float(np.square(target[~known] - means[_nearest(distinct, values[~known])]).sum())


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks ``[N]``; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2.0)[place]
