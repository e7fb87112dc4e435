"""The rule about the sign of the loss: steps that go up instead of down."""

from __future__ import annotations

import math

import numpy as np

from ..records import History, Verdict, not_judged, passed
from .course import course_of
from .loop_mistakes import FEWEST, MOST
from .numbers import NAN, finite, median
from .report import find


def gradient_ascent(history: History) -> Verdict:
    """Fires when steps go up the gradient: the loss is maximised.

    Four signs: backward began with the loss turned around at 4 of 5 looks, as by
    ``(-loss).backward()`` (the loss's own gradient is negative), and the loss has not fallen (one
    look will do where it is no longer finite), or was told with its sign turned, below 0, while
    validation rises; the sum of gradient times update is above 0 at 4 of 5 looks while the loss
    does not fall (has grown by half, with 2 looks only); a loss of a kind that cannot be negative
    is; or training and validation are each other's mirror image (one below 0 and falling, the other
    above 0 and rising, by as much). Momentum and weight decay turn single steps upwards, not most
    of them. Abstains with fewer than 2 looks and a loss of unknown kind. Notes n1, Gradient
    descent.
    """
    name, course = "gradient-ascent", course_of(history)
    negative = course.bounded and median(course.loss[:3]) < -1e-6
    mirrored = _mirrored(history)
    descent, tally = finite(history.looks.descent), history.tallies.get("loss-negated")
    needed = FEWEST if math.isfinite(course.now) else 1
    turned = tally is not None and tally.of >= needed and tally.share >= MOST
    if len(descent) < FEWEST and not (negative or turned or mirrored):
        return not_judged(name, "fewer than 2 looks at gradient and update")
    upward = float((descent > 0).mean()) if len(descent) else NAN
    risen = not course.now < (1.0 if len(descent) > FEWEST else 1.5) * course.first
    turned = turned and (not course.now < course.first or _told_turned(history))
    if not (negative or turned or mirrored or (upward >= MOST and risen)):
        return passed(name, f"{100 * (1 - upward):.0f} % of the looks go downhill")
    return find(
        name,
        "error",
        _turned_around(negative=negative, mirrored=mirrored),
        "Check the sign of the loss, maximize=True, and hand-written updates.",
        "notes n1, Gradient descent",
        history=history,
        upward_share=upward,
        first_loss=course.first,
        loss=course.now,
    )


def _told_turned(history: History) -> bool:
    """Return whether losses below 0 were told, which fall, and validation rises all the while."""
    course, val = course_of(history), finite(history.epochs.validation_loss)
    below = course.now < 0.0 and median(course.loss[:3]) < 0.0
    return below and len(val) > 1 and bool(val[-1] > val[0])


def _turned_around(*, negative: bool, mirrored: bool) -> str:
    if mirrored:
        return "What is trained is the validation loss with its sign turned: it is maximised."
    if negative:
        return (
            "The loss is negative, which its kind cannot be: its sign is turned around, and"
            " training maximises it."
        )
    return "The loss is maximised, not minimised."


def _mirrored(history: History) -> bool:
    """Return whether the loss that is trained is the told validation loss with its sign turned."""
    val, train = finite(history.epochs.validation_loss), finite(history.epochs.train_loss)
    if len(val) < 3 or len(train) != len(val):
        return False
    apart = train.max() < 0.0 < val.min() and train[-1] < train[0] and val[-1] > val[0]
    alike = abs(math.log(val[-1] / -train[-1])) < math.log(3.0) if apart else False
    return bool(alike) and float(np.corrcoef(train, val)[0, 1]) < -0.9
