"""The lines of a history: arrays over epochs, thinned, with gaps where nothing finite stands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..records import History
from .thin import MAX_POINTS, keep, keep_all
from .words import count

Floats = NDArray[np.floating]
StepColumn = Literal["loss", "grad_norm", "lr"]


class EpochLines(NamedTuple):
    """Values at the end of epochs; NaN where a value was not finite or not taken."""

    epoch: Floats
    train: Floats
    validation: Floats
    metric: Floats


class StepLine(NamedTuple):
    """One column of values at steps; ``epoch`` is the step's place on the epoch axis."""

    epoch: Floats
    step: Floats
    value: Floats


def epoch_lines(history: History, limit: int = MAX_POINTS) -> EpochLines:
    """Return the epoch columns, at most ``limit`` points, the best epoch among them."""
    epochs, size = history.epochs, len(history.epochs.epoch)
    columns = [
        _column(values, size)
        for values in (epochs.epoch, epochs.train_loss, epochs.validation_loss, epochs.metric)
    ]
    kept = keep_all(columns[1:], limit - 1) if size > limit else np.arange(size)
    best = np.flatnonzero(columns[0] == history.best_epoch)
    kept = np.union1d(kept, best[:1]).astype(int)
    return EpochLines(*(_gaps_for_non_finite(column)[kept] for column in columns))


def step_line(history: History, name: StepColumn, limit: int = MAX_POINTS) -> StepLine:
    """Return one column of the steps, at most ``limit`` points."""
    step = _column(history.steps.step, len(history.steps.step))
    value = _column(getattr(history.steps, name), len(step))
    kept = keep(value, limit)
    return StepLine(_epoch_of(step, history)[kept], step[kept], _gaps_for_non_finite(value)[kept])


def log_scale_helps(*columns: Floats) -> bool:
    """Tell whether values, all positive, span so much that a linear axis would hide some.

    Example:
        >>> log_scale_helps(np.array([2.3, 0.01])), log_scale_helps(np.array([2.3, 1.1]))
        (True, False)
    """
    values = np.concatenate(columns)
    values = values[np.isfinite(values)]
    return bool(len(values) and values.min() > 0 and values.max() / values.min() > 20)


def log_ticks(*columns: Floats) -> list[float]:
    """Return round values for a logarithmic axis: 1, 2, 5 in each decade, or 1 where many.

    None where no value is above 0.

    Example:
        >>> log_ticks(np.array([0.3, 4.0])), log_ticks(np.array([0.003, 20.0]))
        ([0.5, 1.0, 2.0], [0.01, 0.1, 1.0, 10.0])
    """
    values = np.concatenate(columns)
    values = values[np.isfinite(values) & (values > 0)]
    if not len(values):
        return []
    low, high = np.log10(values.min()), np.log10(values.max())
    leads = (1, 2, 5) if high - low < 2.5 else (1,)
    powers = range(math.floor(low), math.ceil(high) + 1, max(1, round((high - low) / 6)))
    ticks = [float(f"{lead}e{power}") for power in powers for lead in leads]
    return [tick for tick in ticks if low <= math.log10(tick) <= high]


def not_finite_notes(history: History) -> list[str]:
    """Say where measured values were not finite, since a gap in a line is easily missed.

    Example:
        >>> from goodfit.records import EpochColumns
        >>> epochs = EpochColumns(epoch=(1, 2), train_loss=(0.5, float("nan")))
        >>> not_finite_notes(History(metric="accuracy", epochs=epochs))
        ['Training loss: not a finite number at 1 of 2 epochs, first at epoch 2.']
    """
    steps, epochs = history.steps, history.epochs
    told = (
        _not_finite("Loss", "step", steps.step, steps.loss),
        _not_finite("Gradient norm", "step", steps.step, steps.grad_norm),
        _not_finite("Training loss", "epoch", epochs.epoch, epochs.train_loss),
        _not_finite("Validation loss", "epoch", epochs.epoch, epochs.validation_loss),
        _not_finite("Metric", "epoch", epochs.epoch, epochs.metric),
    )
    return [note for note in told if note]


def _not_finite(name: str, unit: str, places: Sequence[int], values: Sequence[float]) -> str:
    bad = [place for place, value in zip(places, values, strict=False) if not math.isfinite(value)]
    if not bad:
        return ""
    total = count(len(values), unit)
    return f"{name}: not a finite number at {len(bad):,} of {total}, first at {unit} {bad[0]:,}."


def _epoch_of(step: Floats, history: History) -> Floats:
    """Place steps on the epoch axis, so that an epoch's last step stands at its number."""
    per_epoch, epochs = max(history.steps_per_epoch, 1), history.epochs
    if not epochs.epoch or not epochs.step:
        return step / per_epoch
    return epochs.epoch[-1] + (step - epochs.step[-1]) / per_epoch


def _column(values: Sequence[float], size: int) -> Floats:
    """Return ``size`` values; what was not measured (a shorter column) is NaN."""
    column = np.full(size, np.nan)
    column[: len(values)] = values[:size]
    return column


def _gaps_for_non_finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)
