"""A study as numbers: which trials rank, what was searched, where values lie on their own scale."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..records import Confirmed, StudyRecord, Trial
from .numbers import Array, array

MOST_CHOICES = 12


@dataclass(frozen=True)
class Axis:
    """A searched value as an axis from 0 to 1.

    ``low`` and ``high`` are the ends of all that was searched, over every stage; ``log`` says
    whether equal distances are equal ratios. A value that is not a number has ``levels``
    instead, evenly apart. ``points`` are the numbers that were tried, where they are few.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    whole: bool = False
    levels: tuple[str, ...] = ()
    points: tuple[float, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return not self.levels

    def place(self, value: float) -> float:
        """Return where a number lies between the ends, on the axis' own scale.

        Example:
            >>> round(Axis("optimizer.lr", low=1e-4, high=1e-2, log=True).place(1e-3), 6)
            0.5
        """
        low, high, value = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return (value - low) / (high - low) if high > low else 0.5

    def at(self, place: float) -> float:
        """Return the number at a place: the opposite of :meth:`place`."""
        low, high = (math.log(v) if self.log else v for v in (self.low, self.high))
        value = low + place * (high - low)
        return math.exp(value) if self.log else value


@dataclass(frozen=True)
class Reading:
    """What every rule about a study looks at; ``ranked`` is best first."""

    study: StudyRecord
    importances: Mapping[str, float]
    axes: dict[str, Axis]
    ranked: list[Trial]


def read(study: StudyRecord, importances: Mapping[str, float]) -> Reading:
    """Return a study as the rules read it."""
    return Reading(study, importances, axes_of(study), ranked(study))


def ranked(study: StudyRecord) -> list[Trial]:
    """Return the trials that count, best first: by value, then by validation loss, then by number.

    What was dropped or failed does not count, nor what has no finite value.

    Example:
        >>> made = [Trial(n, {}, seed=0, state="done", value=v) for n, v in enumerate((0.7, 0.9))]
        >>> study = StudyRecord("", "random", "accuracy", True, seed=0, trials=tuple(made))
        >>> [trial.number for trial in ranked(study)]
        [1, 0]
    """
    sign = -1.0 if study.metric_up else 1.0
    counted = [trial for trial in study.trials if counts(trial)]
    return sorted(counted, key=lambda trial: (sign * trial.value, _lowest(trial), trial.number))


def counts(trial: Trial) -> bool:
    """Return whether a trial's value can be compared."""
    return trial.state in ("done", "halved") and math.isfinite(trial.value)


def has_left(trial: Trial) -> bool:
    """Return whether a trial was dropped or failed."""
    return trial.state in ("dropped", "failed")


def confirmed_first(study: StudyRecord) -> list[Confirmed]:
    """Return what was trained again with new seeds and did not fail, the best mean first.

    Means of numbers in single precision: beyond the sixth digit they are equal.
    """
    known = [one for one in study.confirmed if math.isfinite(one.mean)]
    return sorted(known, key=lambda one: round(one.mean, 6), reverse=study.metric_up)


def failed_again(study: StudyRecord) -> list[Confirmed]:
    """Return what was trained again with new seeds and failed with one of them at least."""
    return [one for one in study.confirmed if not math.isfinite(one.mean)]


def best_of(study: StudyRecord) -> Trial | None:
    """Return the best trial: by its mean over seeds where some were confirmed, else by value.

    After all others come those that failed with a new seed, and before them those that were halved.
    """
    trials = {trial.number: trial for trial in study.trials}
    for one in confirmed_first(study):
        if one.number in trials:
            return trials[one.number]
    failed = {one.number for one in failed_again(study)}
    return min(ranked(study), key=lambda t: (t.number in failed, t.state != "done"), default=None)


def chosen_first(study: StudyRecord) -> list[Trial]:
    """Return the trials that count in the order by which the best is chosen.

    First those that were trained again, by their means over seeds; then the others, by value.
    """
    again = {one.number: place for place, one in enumerate(confirmed_first(study))}
    again |= {one.number: len(again) + 1 for one in failed_again(study)}
    others = len(confirmed_first(study))
    return sorted(ranked(study), key=lambda trial: again.get(trial.number, others))


def not_judged(study: StudyRecord, importances: Mapping[str, float]) -> list[str]:
    """Return the searched names without an importance, where others have one."""
    return [name for name in axes_of(study) if name not in importances] if importances else []


def is_partial(study: StudyRecord, name: str) -> bool:
    """Return whether only some of the trials with a value have this name."""
    return not all(name in trial.params for trial in ranked(study))


def planned_epochs(study: StudyRecord, trial: Trial) -> int:
    """Return how long a trial's stage is, or how long it ran where no stage is known."""
    lengths = {stage.number: stage.epochs for stage in study.stages}
    return max(lengths.get(trial.stage, 0), trial.epochs)


def axes_of(study: StudyRecord) -> dict[str, Axis]:
    """Return the axis of each searched name that took two values or more, in order of the names."""
    names = dict.fromkeys(name for trial in study.trials for name in trial.params)
    axes = {name: _axis(study, name) for name in names}
    return {name: axis for name, axis in axes.items() if axis is not None}


def places(axis: Axis, trials: Iterable[Trial]) -> Array:
    """Return where each trial lies on the axis; NaN where it has no such value."""
    return array([_place(axis, trial.params) for trial in trials])


def label(value: Any) -> str:
    """Write a value as a recipe has it.

    Example:
        >>> label("relu"), label(True), label(None), label([64, 64])
        ('relu', 'true', 'none', '[64, 64]')
    """
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _place(axis: Axis, params: dict[str, Any]) -> float:
    if axis.name not in params:
        return math.nan
    if axis.is_number:
        return axis.place(float(params[axis.name]))
    last = max(1, len(axis.levels) - 1)
    return axis.levels.index(label(params[axis.name])) / last


def _axis(study: StudyRecord, name: str) -> Axis | None:
    values = [trial.params[name] for trial in study.trials if name in trial.params]
    ranges = [stage.ranges[name] for stage in study.stages if name in stage.ranges]
    if not all(map(_is_number, values)):
        return _level_axis(name, values)
    ends = [float(end) for pair in ranges for end in pair] + [float(value) for value in values]
    if len(set(ends)) < 2:
        return None
    low, high, tried = min(ends), max(ends), sorted({float(value) for value in values})
    few = tried if len(tried) <= MOST_CHOICES and not ranges else []
    return Axis(
        name,
        low,
        high,
        log=low > 0 and (name in study.log_params or _evenly_in_ratio(few)),
        whole=all(isinstance(value, int) for value in values),
        points=tuple(few),
    )


def _level_axis(name: str, values: Sequence[Any]) -> Axis | None:
    numbers = {label(value): float(value) for value in values if _is_number(value)}
    levels = sorted(
        {*map(label, values)}, key=lambda word: (numbers.get(word, math.inf), _natural(word))
    )
    return Axis(name, levels=tuple(levels)) if len(levels) > 1 else None


def _natural(word: str) -> list[tuple[bool, float, str]]:
    """Return a key that sorts numbers inside of words by size: 64 before 128."""
    parts = re.split(r"(\d+)", word)
    return [(part.isdecimal(), float(part) if part.isdecimal() else 0.0, part) for part in parts]


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _evenly_in_ratio(points: Sequence[float]) -> bool:
    """Return whether choices such as 16, 32, 64 are more even in their logarithm."""
    if len(points) < 3 or points[0] <= 0:
        return False
    steps, ratios = np.diff(points), np.diff(np.log(points))
    return bool(ratios.std() / ratios.mean() < steps.std() / steps.mean())


def _lowest(trial: Trial) -> float:
    return min((loss for loss in trial.validation_loss if math.isfinite(loss)), default=math.inf)
