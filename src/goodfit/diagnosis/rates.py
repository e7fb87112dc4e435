"""Rules about the learning rate, by several evidences at once."""

from __future__ import annotations

import numpy as np

from ..records import Finding, History, Verdict, found, not_judged, passed
from .course import course_of
from .numbers import array, finite, median
from .pictures import loss_curve


def ratios(history: History) -> np.ndarray:
    """Return update over weight norm of the whole network, at each look."""
    looks = history.looks
    with np.errstate(divide="ignore", invalid="ignore"):
        return array(looks.update_norm) / array(looks.weight_norm)


def lr_too_high(history: History) -> Verdict:
    """Fires when steps are far too large: the loss has jumped far above its start, or stays at
    chance while updates are of the size of the weights. Abstains below 5 steps.
    """
    name, course = "lr-too-high", course_of(history)
    if course.num < 5:
        return not_judged(name, "fewer than 5 steps")
    ratio = median(ratios(history)[-6:])
    start = max(course.first, course.chance)
    high = float(finite(course.loss).max(initial=-np.inf))
    jumped = start > 0 and high > 3 * start and not course.progress > 0.5
    large = ratio > 0.1 and not course.progress > 0.2
    if not (jumped and not ratio < 0.01) and not large:
        return passed(name, f"updates are {ratio:.2g} of the weights")
    return found(
        Finding(
            rule=name,
            severity="error" if not course.progress > 0 else "warning",
            meaning="Steps are too large: the loss jumps instead of falling.",
            remedy="Divide the learning rate by 10, or warm it up.",
            source="notes n4, Babysitting the Learning Process; update to weight about 0.001",
            evidence={"update_ratio": ratio, "highest_loss": high, "loss": course.now},
            step=course.last_step,
            curve=loss_curve(course),
        )
    )


def lr_too_low(history: History) -> Verdict:
    """Fires when updates are so small that the weights cannot get anywhere, and the loss has
    hardly moved from chance. Abstains below 20 steps or without looks.
    """
    name, course = "lr-too-low", course_of(history)
    ratio = median(ratios(history)[-6:])
    if course.num < 20 or not np.isfinite(ratio):
        return not_judged(name, "fewer than 20 steps, or no looks at updates")
    if not (0 < ratio < 1e-4 and course.progress < 0.2):
        return passed(name, f"updates are {ratio:.2g} of the weights")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="Steps are too small: the loss hardly moves.",
            remedy="Multiply the learning rate by 10.",
            source="notes n4, Babysitting the Learning Process; update to weight about 0.001",
            evidence={"update_ratio": ratio, "progress": course.progress},
            step=course.last_step,
            curve=loss_curve(course),
        )
    )
