"""The tables of a study: trials, stages, and two values against each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np

from ..diagnosis.trials import (
    Axis,
    Reading,
    best_of,
    chosen_first,
    counts,
    failed_again,
    has_left,
    is_partial,
    places,
    planned_epochs,
)
from ..records import Stage, StudyRecord, Trial
from .series import Floats
from .study_words import compact, confirmation, mean_shown, shown, told
from .words import seconds

NUM_BEST, MAX_ROWS = 10, 200
MAX_BINS, MAX_LEVELS, MOST_WHOLE = 6, 8, 1000
RATES = ("lr", "learning_rate")


class Row(NamedTuple):
    """One trial as the table has it; ``params`` in the order of the columns."""

    place: str
    number: int
    value: str
    again: str
    params: list[str]
    epochs: str
    time: str
    stage: str
    state: str
    why: str
    best: bool


class StageRow(NamedTuple):
    """One stage as the table has it."""

    number: int
    name: str
    trials: str
    epochs: str
    ranges: list[tuple[str, str]]
    reason: str


class Cell(NamedTuple):
    """Trials of one cell: their median, how good it is in [0, 1], the best of its row."""

    value: str
    share: float
    note: str
    best: bool
    kind: str


class Heat(NamedTuple):
    """Two values against each other: x is columns, y is rows."""

    x: str
    y: str
    columns: list[str]
    rows: list[tuple[str, list[Cell]]]


def trial_rows(reading: Reading, names: Sequence[str], limit: int = MAX_ROWS) -> list[Row]:
    """Return trials in the order of the choice, then those without a value; at most ``limit``."""
    counted = {trial.number for trial in reading.ranked}
    rest = [trial for trial in reading.study.trials if trial.number not in counted]
    best = best_of(reading.study)
    ranked = enumerate(chosen_first(reading.study), start=1)
    trials = [*ranked, *((0, trial) for trial in rest)][:limit]
    return [_row(reading.study, place, trial, names, best) for place, trial in trials]


def stage_rows(study: StudyRecord) -> list[StageRow]:
    """Return the stages, each with the ranges and options that it searched."""
    return [_stage_row(stage) for stage in study.stages]


def heats(reading: Reading, importances: Mapping[str, float]) -> list[Heat]:
    """Return tables of the two most important values, and of rate and batch size if searched.

    Values that all trials have come first: two that few have together would fill few cells.
    """
    partial = {name: is_partial(reading.study, name) for name in reading.axes}
    axes = sorted(
        reading.axes.values(),
        key=lambda axis: (partial[axis.name], -importances.get(axis.name, 0.0)),
    )
    numeric = [axis for axis in axes if axis.is_number]
    first = [tuple(numeric[:2])] if len(numeric) >= 2 else list(combinations(axes[:2], 2))
    pairs = {frozenset((x.name, y.name)): _lying(x, y) for x, y in (*first, *_special(numeric))}
    return [heat for x, y in pairs.values() if (heat := _heat(reading, x, y))]


def _row(
    study: StudyRecord, place: int, trial: Trial, names: Sequence[str], best: Trial | None
) -> Row:
    again = confirmation(study, trial)
    spread = mean_shown(study, again) if again else ""
    if any(one.number == trial.number for one in failed_again(study)):
        spread = "failed with new seeds"
    planned = planned_epochs(study, trial)
    ran = f"{trial.epochs:,}" if trial.epochs == planned else f"{trial.epochs:,} of {planned:,}"
    return Row(
        place=f"{place:,}" if place else "–",
        number=trial.number,
        value=shown(study, trial.value) if counts(trial) else "–",
        again=f"{spread} ({len(again.values)})" if again else "",
        params=[told(trial.params[name]) if name in trial.params else "" for name in names],
        epochs=ran + (f", best {trial.best_epoch:,}" if trial.best_epoch else ""),
        time=seconds(trial.seconds),
        stage=str(trial.stage),
        state=trial.state,
        why=trial.why,
        best=best is not None and trial.number == best.number,
    )


def _stage_row(stage: Stage) -> StageRow:
    ranges = [
        (name, f"{compact(low)} to {compact(high)}") for name, (low, high) in stage.ranges.items()
    ]
    options = [(name, ", ".join(map(told, found))) for name, found in stage.options.items()]
    return StageRow(
        number=stage.number,
        name=stage.name,
        trials=f"{stage.num_trials:,}",
        epochs=f"{stage.epochs:,}",
        ranges=[*ranges, *options],
        reason=stage.reason,
    )


def _special(axes: Sequence[Axis]) -> list[tuple[Axis, Axis]]:
    """Return the learning rate with the batch size, where both are searched."""
    last = {axis.name.rsplit(".", 1)[-1]: axis for axis in axes}
    rate = next((last[name] for name in RATES if name in last), None)
    batch = last.get("batch_size")
    return [(rate, batch)] if rate and batch else []


def _lying(x: Axis, y: Axis) -> tuple[Axis, Axis]:
    """Put a rate into the columns, so that each row shows where its best rate lies."""
    return (y, x) if y.name.rsplit(".", 1)[-1] in RATES else (x, y)


def _heat(reading: Reading, x: Axis, y: Axis) -> Heat | None:
    trials = reading.study.trials
    (columns, column), (names, row) = _bins(x, trials), _bins(y, trials)
    worst, best = _ends(reading)
    if not columns or not names or not math.isfinite(best):
        return None
    rows = []
    for place, name in enumerate(names):
        cells = [
            [t for t, c, r in zip(trials, column, row, strict=True) if (c, r) == (k, place)]
            for k in range(len(columns))
        ]
        rows.append((name, _cells(reading.study, cells, worst, best)))
    return Heat(x.name, y.name, columns, rows)


def _cells(
    study: StudyRecord, cells: Sequence[Sequence[Trial]], worst: float, best: float
) -> list[Cell]:
    values = [[trial.value for trial in cell if counts(trial)] for cell in cells]
    medians = np.array([np.median(known) if known else math.nan for known in values])
    sign = 1.0 if study.metric_up else -1.0
    top = int(np.nanargmax(sign * medians)) if np.isfinite(medians).any() else -1
    return [
        _cell(study, cell, float(median), (median - worst) / ((best - worst) or 1.0), k == top)
        for k, (cell, median) in enumerate(zip(cells, medians, strict=True))
    ]


def _cell(
    study: StudyRecord, trials: Sequence[Trial], median: float, share: float, best: bool
) -> Cell:
    left = sum(map(has_left, trials))
    note = f"{len(trials):,} trials" if len(trials) != 1 else "1 trial"
    note += f", {left:,} dropped or failed" if left else ""
    if math.isfinite(median):
        return Cell(shown(study, median), min(1.0, max(0.0, share)), note, best, "known")
    return Cell("✕" if left else "", 0.0, note, False, "left" if left else "none")


def _ends(reading: Reading) -> tuple[float, float]:
    """Return the values between which colours go: the lower fence, and the best."""
    values = np.array([trial.value for trial in reading.ranked])
    if not len(values):
        return math.nan, math.nan
    return fence(values, reading.study.metric_up), float(values[0])


def fence(values: Floats, up: bool) -> float:
    """Return where the worse end of an axis may lie: a few disasters must not flatten the rest.

    The worst value, or a quartile plus 1.5 times the distance between quartiles, where values
    lie further out. Source: Tukey, Exploratory Data Analysis, 1977.

    Example:
        >>> fence(np.array([0.1, 0.90, 0.91, 0.92, 0.93, 0.94]), up=True)
        0.865
    """
    turned = values if up else -values
    low, high = np.quantile(turned, (0.25, 0.75))
    end = max(float(turned.min()), float(low - 1.5 * (high - low)))
    return round(end if up else -end, 12)


def _bins(axis: Axis, trials: Sequence[Trial]) -> tuple[list[str], list[int]]:
    """Return the names of an axis' bins and each trial's bin; -1 where it has no such value."""
    at = places(axis, trials)
    if axis.levels or 0 < len(axis.points) <= MAX_LEVELS:
        names = list(axis.levels) or [compact(point) for point in axis.points]
        stand = [axis.place(p) for p in axis.points] or np.linspace(0, 1, len(names)).tolist()
        nearest = np.abs(at[:, None] - np.array(stand)[None, :])
        known = np.isfinite(at)
        return _first(names, np.where(known, np.nan_to_num(nearest).argmin(axis=1), -1))
    if axis.whole and axis.high - axis.low < MOST_WHOLE:
        return _whole_bins(axis, at)
    edges = [compact(axis.at(k / MAX_BINS), 2) for k in range(MAX_BINS + 1)]
    names = [f"{low} – {high}" for low, high in pairwise(edges)]
    return names, _bin_of(at).tolist()


def _whole_bins(axis: Axis, at: Floats) -> tuple[list[str], list[int]]:
    """Return a bin for each whole number where these are few, else for those of each sixth."""
    numbers = np.arange(round(axis.low), round(axis.high) + 1)
    stand = np.array([axis.place(float(number)) for number in numbers])
    home = np.arange(len(numbers)) if len(numbers) <= MAX_LEVELS else _bin_of(stand)
    kept, home = np.unique(home, return_inverse=True)
    inside = [numbers[home == k] for k in range(len(kept))]
    names = [_span(int(one[0]), int(one[-1])) for one in inside]
    nearest = np.abs(np.nan_to_num(at)[:, None] - stand[None, :]).argmin(axis=1)
    return names, np.where(np.isfinite(at), home[nearest], -1).tolist()


def _bin_of(at: Floats) -> np.ndarray:
    """Return which sixth of an axis each place lies in; -1 for none."""
    place = np.clip(np.nan_to_num(at, nan=-1.0) * MAX_BINS, -1, MAX_BINS - 1)
    return np.where(np.isfinite(at), place.astype(int), -1)


def _span(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} – {high:,}"


def _first(names: Sequence[str], bins: np.ndarray) -> tuple[list[str], list[int]]:
    """Keep the first levels of very many."""
    return list(names[:MAX_LEVELS]), np.where(bins < MAX_LEVELS, bins, -1).tolist()
