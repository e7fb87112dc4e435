"""Whether a run is over, and how much of its descent came last."""

from __future__ import annotations

import math

import numpy as np

from ..records import History
from .course import Course, course_of
from .numbers import Array, array, finite


def is_over(history: History) -> bool:
    """Return whether training has ended of itself; a running history may still do anything."""
    planned = history.setting.num_steps
    ended = history.stopped in ("budget", "early-stopping")
    return ended or bool(planned and course_of(history).last_step >= planned)


def noisy_only_in_training(history: History) -> bool:
    """Return whether the training loss stands high by noise alone, as under much dropout.

    Validation, in evaluation mode, is no worse than at the start, and training far above it.
    """
    course, val = course_of(history), finite(history.epochs.validation_loss)
    train = finite(history.epochs.train_loss)
    if not len(val) or not len(train) or course.progress > 0.3:
        return False
    return bool(val[-1] < 1.2 * course.start and max(course.now, train[-1]) > 1.3 * val[-1])


def last_quarter(history: History) -> float:
    """Return which share of the whole descent came in the last quarter of the steps.

    The whole descent begins at the first loss, up to chance: after the first twentieth of a run
    that starts well, much of it is done. A straight line gives 0.27 (the last eighth's mean below
    that of the one before the last quarter, of what lies between first step and last eighth), a
    curve that has flattened out next to nothing. 0 where the descent of that quarter is under five
    times what the noise of single steps explains.
    """
    num = course_of(history).num
    return _last_quarter(history, np.arange(1, num + 1) / max(1, num))


def last_quarter_of_rates(history: History) -> float:
    """Return the same for the last quarter of the sum of rates; of the steps where unknown.

    Under a schedule the last steps are too small to tell by themselves whether the loss came to
    rest, or only the rate. 0 where the validation loss did not fall in that quarter too: the
    training rows alone are learned by heart.
    """
    course, rates = course_of(history), array(history.steps.lr)
    if len(rates) != course.num or not np.isfinite(rates).all() or not rates.sum() > 0:
        return last_quarter(history)
    way = np.minimum(np.cumsum(rates) / rates.sum(), 1.0)
    return _last_quarter(history, way) if _validation_fell(history, way) else 0.0


def last_quarter_of_validations(history: History) -> float:
    """Return the same by validation losses, which have less noise; 0 with fewer than 5 of them.

    From chance, or the first validation where that is higher, to the last, where that is next to
    the best.
    """
    val, steps = array(history.epochs.validation_loss), array(history.epochs.step)
    rates, course = array(history.steps.lr), course_of(history)
    known = len(rates) == course.num and np.isfinite(rates).all() and rates.sum() > 0
    if len(val) < 5 or not known or not np.isfinite(val).all():
        return 0.0
    late = float(np.searchsorted(np.cumsum(rates) / rates.sum(), 0.75)) + 1.0
    before, whole = val[steps <= late], max(course.chance, float(val[0])) - val[-1]
    if not len(before) or not whole > 0 or val[-1] - val.min() > 0.02 * whole:
        return 0.0
    return float((before[-1] - val[-1]) / whole)


def _last_quarter(history: History, way: Array) -> float:
    """Return the last quarter's share of the descent; ``way`` is what share of the run is gone."""
    course = course_of(history)
    kept, first = np.isfinite(course.loss), _beginning(course)
    before, last = (kept & (way > low) & (way <= high) for low, high in ((0.625, 0.75), (0.875, 1)))
    if not before.any() or not last.any():
        return 0.0
    level, end = float(course.loss[before].mean()), float(course.loss[last].mean())
    if not first > end:
        return 0.0
    error = course.noise * math.sqrt(1.0 / before.sum() + 1.0 / last.sum())
    return (level - end) / (first - end) if level - end > 5 * error else 0.0


def _beginning(course: Course) -> float:
    """Return where the descent began: the first steps' mean, or the first loss up to chance."""
    first = min(course.first, course.chance)
    early = course.between(0, 0.05)
    return max(early, first) if math.isfinite(first) else early


def _validation_fell(history: History, way: Array) -> bool:
    """Return whether the last validation is better than the last one before the last quarter."""
    losses, steps = array(history.epochs.validation_loss), array(history.epochs.step)
    late = float(np.searchsorted(way, 0.75)) + 1.0
    before, after = finite(losses[steps <= late]), finite(losses[steps > late])
    return not len(before) or not len(after) or bool(after[-1] < before[-1])
