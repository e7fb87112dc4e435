"""Rules about validation: overfitting, stopped too early."""

from __future__ import annotations

import math

import numpy as np

from ..records import History, Severity, Verdict, not_judged, passed
from .course import course_of
from .ends import is_over, last_quarter_of_rates
from .numbers import NAN, Array, array, finite, mean, median
from .pictures import loss_curve
from .report import find
from .simple import below_curves
from .validations import epochs_picture, train_of, validation_of

# Of 126 healthy runs of the development part 123 had 0.03 or less, under augmentation 0.11.
STEEP = 0.18
# In units of the start: a validation loss that was never under it is no mean over rows.
OTHER_UNIT = 3.0
# A best validation is over when so many came after it.
OLD = 3
# Passes over the data after which a gap is no longer that of a short run.
LONG = 20


def overfitting(history: History) -> Verdict:
    """Fires when validation has become clearly worse than its best for long, or nothing but the
    training rows is learned.

    - The validation loss (the better of the last 2) is over its best by a tenth of the way from
      chance to floor and by a fifth of itself, the best is at least 3 validations and a quarter
      of them old, and the training loss has gone on falling. Info where the metric has not lost
      0.02 from its best: then it is sureness that grew, not mistakes.
    - The training loss is at its floor (95 % of the way), the validation loss has done under 60 %
      of it, after 5 validations.
    - Rows that are too few are known by heart early in a long run: the training loss was at its
      floor (98 % of the way) at 20 validations or more and 2 fifths of all, validation stands a
      twentieth of the way above it and does not come closer. Healthy runs of 8 to 20 epochs have
      9 validations at the floor at most, and then a gap of 5 % at most; few rows gave 6 % and more.
    - After 20 validations the gap is over 0.24 of the way, and validation does not come closer
      (less than 5 % of the way in the second half). Healthy: 0.19 at most, on noisy data.

      Not where accuracy has done 95 % of the way from the largest class to 1, or two validation
      rows at most are mistaken: then few mistakes are left, and what grows is sureness.

    Where chance is not known only a gap that has grown counts; of a loss that goes below 0 only
    beside a best that is 3 validations old.

    Whether validation follows is not judged where all its losses are over 3 times chance and the
    first training loss: then it is told in another unit, as the sum over a whole set.

    Info where the best weights are kept (``best_epoch``), for then no harm is done. The training
    loss is that of clean rows in evaluation mode where it is known. One bad epoch does not count.
    Abstains with fewer than 4 validations. Notes n3, Overfitting; n4, big gap.
    """
    name, course = "overfitting", course_of(history)
    val, train = validation_of(history), train_of(history)
    if len(finite(val)) < 4:
        return not_judged(name, "fewer than 4 validations")
    best = int(np.nanargmin(val))
    # The better of the last two: one bad epoch is no overfitting.
    now, since = float(finite(val)[-2:].min()), len(val) - 1 - best
    rise = now - float(val[best])
    worse = rise > 0.1 * course.way and rise > 0.2 * abs(float(val[best]))
    long = since >= max(3, 0.25 * len(val)) and train[-1] < train[best]
    by_heart = len(val) >= 5 and course.done(median(train[-2:])) > 0.95 and course.done(now) < 0.6
    by_heart = by_heart or (_few_rows(history, val) and not _few_mistakes(history))
    # Below 0 lie losses with terms of their own, which validation may be told without.
    by_heart = by_heart and (course.floor >= 0.0 or since >= OLD)
    by_heart = by_heart and not np.nanmin(val) > OTHER_UNIT * course.start
    if not ((worse and long) or by_heart):
        return passed(name, f"validation stands at {now:.3g}, best {val[best]:.3g}")
    harmless = history.best_epoch is not None or not (by_heart or _metric_lost(history))
    severity: Severity = "info" if harmless else "warning"
    return find(
        name,
        severity,
        "The network learns the training rows by heart: validation does not follow.",
        "Keep the best weights (early stopping), add data, augmentation, dropout or weight "
        "decay, or take a smaller network.",
        "notes n3, Overfitting; notes n4, Monitor and visualize the accuracy",
        history=history,
        curve=epochs_picture(history, val),
        best=float(val[best]),
        validation_loss=now,
        train_loss=float(train[-1]),
        validations_since_best=since,
    )


def _few_rows(history: History, val: Array) -> bool:
    """Return whether a long run goes on after it has learned all that it can of its rows."""
    course, train = course_of(history), train_of(history)
    if len(val) < LONG:
        return False
    gap = (mean(val[-2:]) - mean(train[-2:])) / course.way
    if history.setting.chance_loss is None:
        # A loss that is not known may depend on how many rows are given: the gap must have grown.
        gap -= max(0.0, (mean(val[:2]) - mean(train[:2])) / course.way)
    half = len(val) // 2
    settled = median(val[half : half + 3]) - mean(val[-3:]) < 0.05 * course.way
    at_floor = int((course.chance - train > 0.98 * course.way).sum())
    known = at_floor >= LONG and at_floor >= 0.4 * len(val)
    return settled and ((known and gap > 0.05) or gap > 0.24)


def _few_mistakes(history: History) -> bool:
    """Return whether next to all decisions on validation rows are right, and stay so."""
    setting, metric = history.setting, history.epochs.metric
    if history.metric not in ("accuracy", "acc") or setting.majority_share is None:
        return False
    wrong, row = 1.0 - mean(metric[-2:]), _one_row(history)
    few = max(0.05 * (1.0 - setting.majority_share), 2.5 * row)
    return wrong < few and not _metric_lost(history)


def _metric_lost(history: History) -> bool:
    """Return whether the metric is clearly under its best; also where there is none.

    By one row of the validation part anything may be lost.
    """
    metric = finite(history.epochs.metric) * (1.0 if history.metric_up else -1.0)
    least = max(0.02, 1.5 * _one_row(history))
    return not len(metric) or float(metric.max() - metric[-2:].max()) > least


def _one_row(history: History) -> float:
    """Return the step in which accuracy was seen to move: one row of a small validation part.

    0 where it is no accuracy, or moved by less than a hundredth.
    """
    metric = finite(history.epochs.metric)
    if history.metric not in ("accuracy", "acc") or len(metric) < 4:
        return 0.0
    moves = np.diff(np.unique(metric.round(6)))
    return float(moves.min()) if len(moves) and moves.min() > 0.01 else 0.0


def still_improving(history: History) -> Verdict:
    """Fires when the run ended while the loss was still falling: it was stopped too early.

    A tenth of the whole descent, or more, came in the last quarter of the run (measured by the sum
    of rates), and that is no noise; info, and a warning from 18 % on (a straight line has 27 %),
    while less than 9 tenths of the way are done (on validation, if that has come farther). Or a
    network of which chance is known was trained for fewer than 100 steps and 6 validations, and
    less than 7 tenths of the way are done, or less than a curved fit reaches, or less than 9
    tenths and the last validation loss is a fifth below the one before: a warning. Abstains while
    the run goes on, or where its end was not told. Notes n0, Early Stopping.
    """
    name, course = "still-improving", course_of(history)
    if not is_over(history) or course.num < 3 or history.stopped == "early-stopping":
        return not_judged(name, "the run is not over, or was stopped for another reason")
    late = last_quarter_of_rates(history)
    # Dropout holds the training loss up: validation may have come farther.
    last = history.epochs.validation_loss[-1:]
    done = [course.progress, *(course.done(loss) for loss in last)]
    progress = max((share for share in done if not math.isnan(share)), default=NAN)
    if math.isinf(progress):
        return not_judged(name, "the loss is no longer finite")
    short = course.num < 100 and len(history.epochs.epoch) <= 5
    falling = progress < 0.9 and _validation_falls(history)
    short = short and (progress < 0.7 or below_curves(history) or falling)
    if not (late > 0.1 or short):
        return passed(name, f"{100 * late:.0f} % of the descent came in the last quarter")
    steep = late > STEEP and progress < 0.9
    severity: Severity = "warning" if steep or short else "info"
    return find(
        name,
        severity,
        "The run ended while there was still something to learn.",
        "Train longer, with the schedule stretched accordingly.",
        "notes n0, Early Stopping with Patience",
        history=history,
        curve=loss_curve(course),
        share_of_descent_in_last_quarter=late,
        progress=progress,
    )


def _validation_falls(history: History) -> bool:
    """Return whether each of the validations, 2 at least, is better, the last by a fifth."""
    val = validation_of(history)
    return len(val) >= 2 and bool((np.diff(val) < 0.0).all() and val[-1] < 0.8 * val[-2])


def loss_flat_metric_rising(history: History) -> Verdict:
    """States (info) that the metric gets better while the validation loss does not: no fault.

    Over the last third of the validations (4 at least) the loss moves by less than 2 % of the
    way from chance to floor, and the metric gains 0.02 or more. A decision needs no sure
    probability. Abstains with fewer than 6 validations, or without a metric. Notes n3, Simple
    Example: Cross-Entropy and Accuracy.
    """
    name, course = "loss-flat-metric-rising", course_of(history)
    val, metric = validation_of(history), array(history.epochs.metric)
    if len(finite(val)) < 6 or len(finite(metric)) < 6:
        return not_judged(name, "fewer than 6 validations, or no metric")
    part = max(4, len(val) // 3)
    gain = mean(metric[-2:]) - mean(metric[-part:][:2])
    gain = gain if history.metric_up else -gain
    moved = abs(mean(val[-2:]) - mean(val[-part:][:2])) / course.way
    if not (gain >= 0.02 and moved < 0.02):
        return passed(name, f"the metric gained {gain:.2g}")
    return find(
        name,
        "info",
        "The metric still gets better while the loss does not: judge by the metric.",
        "Choose the epoch by the metric, not by the loss.",
        "notes n3, Simple Example: Cross-Entropy and Accuracy",
        history=history,
        curve=epochs_picture(history, metric, history.metric or "metric"),
        metric_gain=gain,
    )
