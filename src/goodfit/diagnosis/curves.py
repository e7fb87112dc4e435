"""Rules about the loss as it goes: not finite, exploded, climbing."""

from __future__ import annotations

import numpy as np

from ..records import Finding, History, Verdict, found, not_judged, passed
from .course import course_of
from .pictures import loss_curve

EXPLODED = 3.0


def loss_not_finite(history: History) -> Verdict:
    """Fires at the first loss or gradient norm that is not a finite number.

    Says by the autopsy, where there is one, which module and operation made it, and why.
    Abstains where no step was recorded. Notes n3, Loss and Not a Number.
    """
    name, course = "loss-not-finite", course_of(history)
    if not course.num:
        return not_judged(name, "no step was recorded")
    bad = np.flatnonzero(~np.isfinite(course.loss))
    autopsy = history.autopsy
    if not len(bad) and autopsy is None:
        return passed(name, f"{course.num} losses are finite")
    step = autopsy.step if autopsy else history.steps.step[int(bad[0])]
    meaning = "The loss is no longer a finite number, so no step after it can learn anything."
    remedy = "Lower the learning rate, and look for divisions by 0 and logarithms of 0."
    if autopsy:
        meaning = f"{meaning} {autopsy.culprit} first: {autopsy.because}"
        remedy = f"Begin at {autopsy.module or 'the loss'} ({autopsy.operation})."
    return found(
        Finding(
            rule=name,
            severity="error",
            meaning=meaning,
            remedy=remedy,
            source="notes n3, Loss and Not a Number",
            evidence=dict(autopsy.inputs) if autopsy else {"losses": len(bad)},
            where=autopsy.module if autopsy else "",
            step=step,
            curve=loss_curve(course, mark=step),
        )
    )


def loss_exploded(history: History) -> Verdict:
    """Fires when the loss is past three times its first, and has not come back.

    ``median(last steps) > 3 max(first, chance)``, over the last 5 % of the steps (5 at least),
    for a loss that is above 0 at first. A spike that is over does not count. Abstains below 5
    steps, and for losses that may be negative. Notes n4, random search: more than 3 times the
    original cost.
    """
    name, course = "loss-exploded", course_of(history)
    if course.num < 5:
        return not_judged(name, "fewer than 5 steps")
    start = max(course.first, course.chance)
    if not start > 0:
        return not_judged(name, "the first loss is not above 0")
    if not course.now > EXPLODED * start:
        return passed(name, f"the loss stands at {course.now:.3g}, first {course.first:.3g}")
    return found(
        Finding(
            rule=name,
            severity="error",
            meaning="The loss has grown past three times its start and does not come back.",
            remedy="Lower the learning rate ten times; check scales, signs and zero_grad.",
            source="notes n4, Hyperparameter Optimization",
            evidence={"first_loss": course.first, "loss": course.now},
            step=course.last_step,
            curve=loss_curve(course, bound=EXPLODED * start),
        )
    )


def gradient_ascent(history: History) -> Verdict:
    """Fires when steps go up the gradient: the loss is maximised.

    By the looks: the sum of gradient times update is above 0 in at least 4 of 5 of them (6 at
    least), and the loss does not fall. Weight decay and momentum turn single steps upwards, but
    not most of them. A loss of a kind that cannot be negative and is negative means the same.
    Abstains without looks.
    """
    name, course = "gradient-ascent", course_of(history)
    negative = course.bounded and course.num >= 3 and course.now < -1e-6
    descent = np.asarray(history.looks.descent, dtype=np.float64)
    descent = descent[np.isfinite(descent)]
    if len(descent) < 6 and not negative:
        return not_judged(name, "fewer than 6 looks at gradient and update")
    upward = float((descent > 0).mean()) if len(descent) else 0.0
    if not negative and not (upward >= 0.8 and not course.now < course.first):
        return passed(name, f"{100 * (1 - upward):.0f} % of the looks go downhill")
    return found(
        Finding(
            rule=name,
            severity="error",
            meaning="The steps climb: the loss is maximised, not minimised.",
            remedy="Check the sign of the loss, maximize=True, and hand-written updates.",
            source="notes n1, learning: all weights move so that the loss falls",
            evidence={"upward_share": upward, "first_loss": course.first, "loss": course.now},
            step=course.last_step,
            curve=loss_curve(course),
        )
    )
