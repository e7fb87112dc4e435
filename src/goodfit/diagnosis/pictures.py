"""The small picture of a finding."""

from __future__ import annotations

import numpy as np

from ..records import Curve
from .course import Course
from .numbers import Array, blocks

MOST_POINTS = 64


def picture(
    x_label: str,
    y_label: str,
    x: Array,
    y: Array,
    *,
    mark: float | None = None,
    bound: float | None = None,
    log: bool = False,
) -> Curve:
    """Return a curve of at most 64 points; each is the mean over a block of finite ones.

    Example:
        >>> curve = picture("step", "loss", np.arange(1000.0), np.ones(1000))
        >>> len(curve.x) <= 64
        True
    """
    kept = np.isfinite(x) & np.isfinite(y)
    _, x_means = blocks(x[kept], MOST_POINTS)
    _, y_means = blocks(y[kept], MOST_POINTS)
    return Curve(
        x_label=x_label,
        y_label=y_label,
        x=tuple(x_means.tolist()),
        y=tuple(y_means.tolist()),
        mark=mark,
        bound=bound,
        log=log,
    )


def loss_curve(course: Course, *, mark: float | None = None, bound: float | None = None) -> Curve:
    """Return the picture of the training loss over steps."""
    places, losses = course.curve
    steps = np.interp(places, np.arange(course.num), np.asarray(course.steps.step, dtype=float))
    return picture("step", "loss", steps, losses, mark=mark, bound=bound)
