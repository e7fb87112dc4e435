"""Whether a run is over, and how much of its descent came last."""

from __future__ import annotations

import math

from ..records import History
from .course import course_of
from .numbers import finite


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

    A straight line gives 0.25, a curve that has flattened out next to nothing. 0 where the
    descent of that quarter is under five times what the noise of single steps explains.
    """
    course = course_of(history)
    first, before, last = (course.between(*p) for p in ((0, 0.05), (0.625, 0.75), (0.875, 1)))
    if not first > last:
        return 0.0
    error = course.noise * math.sqrt(2.0 / max(1.0, course.num / 8))
    return (before - last) / (first - last) if before - last > 5 * error else 0.0
