"""Rules about validation: overfitting, underfitting, noise in the labels, stopped too early."""

from __future__ import annotations

import math

import numpy as np

from ..records import History, Severity, Verdict, not_judged, passed
from .course import course_of
from .ends import is_over, last_quarter
from .numbers import NAN, Array, array, finite, mean, median
from .pictures import loss_curve, picture
from .report import find


def _validation(history: History) -> Array:
    """Return the validation losses, NaN where they are not finite."""
    values = array(history.epochs.validation_loss)
    return np.where(np.isfinite(values), values, np.nan)


def _train(history: History) -> Array:
    """Return the training loss by epoch: on clean rows in evaluation mode where that is known.

    Clean losses are measured when they can be paid; between them a straight line is drawn.
    """
    clean = array(history.epochs.clean_loss)
    known = np.isfinite(clean)
    if len(clean) != len(history.epochs.epoch) or known.sum() < max(2, 0.3 * len(clean)):
        return array(history.epochs.train_loss)
    places = np.arange(len(clean))
    return np.interp(places, places[known], clean[known])


def overfitting(history: History) -> Verdict:
    """Fires when validation has become clearly worse than its best for long, or nothing but the
    training rows is learned.

    - The validation loss (the better of the last 2) is over its best by a tenth of the way from
      chance to floor and by a fifth of itself, the best is at least 3 validations and a quarter
      of them old, and the training loss has gone on falling. Info where the metric has not lost
      0.02 from its best: then it is sureness that grew, not mistakes.
    - The training loss is at its floor (95 % of the way), the validation loss has done under 60 %
      of it, after 5 validations.

    Info where the best weights are kept (``best_epoch``), for then no harm is done. The training
    loss is that of clean rows in evaluation mode where it is known. One bad epoch does not count.
    Abstains with fewer than 4 validations. Notes n3, Overfitting; n4, big gap.
    """
    name, course = "overfitting", course_of(history)
    val, train = _validation(history), _train(history)
    if len(finite(val)) < 4:
        return not_judged(name, "fewer than 4 validations")
    best = int(np.nanargmin(val))
    # The better of the last two: one bad epoch is no overfitting.
    now, since = float(finite(val)[-2:].min()), len(val) - 1 - best
    rise = now - float(val[best])
    worse = rise > 0.1 * course.way and rise > 0.2 * abs(float(val[best]))
    long = since >= max(3, 0.25 * len(val)) and train[-1] < train[best]
    by_heart = len(val) >= 5 and course.done(median(train[-2:])) > 0.95 and course.done(now) < 0.6
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
        curve=_picture(history, val),
        best=float(val[best]),
        validation_loss=now,
        train_loss=float(train[-1]),
        validations_since_best=since,
    )


def _metric_lost(history: History) -> bool:
    """Return whether the metric is clearly under its best; also where there is none."""
    metric = finite(history.epochs.metric) * (1.0 if history.metric_up else -1.0)
    return not len(metric) or float(metric.max() - metric[-2:].max()) > 0.02


def underfitting(history: History) -> Verdict:
    """Fires when the run is over or has stopped improving, and even training rows are not learned.

    Under 15 % of the way from chance to floor is done on training (20 % on validation), at the end
    of the run or after 20 validations without descent, and two classes are hardly told apart; or
    validation (in evaluation mode) is better than training by a fifth of the way in each of the
    last 3 of 5 validations or more, is poor (under 70 %), and training no longer falls:
    regularisation is too strong. What a network
    could reach is not known, so a higher plateau is judged in classifiers only, after 8
    validations, without descent and without gap: under 3 quarters of the way with fewer weights
    than rows, or under half of it with 3 classes or more and an accuracy under 0.6. Abstains
    otherwise, and where chance is not known. Notes n3, Overfitting; n4, no gap.
    """
    name, course = "underfitting", course_of(history)
    val, train = _validation(history), array(history.epochs.train_loss)
    over = is_over(history)
    if len(finite(val)) < (1 if over else 5) or history.setting.chance_loss is None:
        return not_judged(name, "fewer than 5 validations, or chance is not known")
    on_val, on_train = course.done(mean(val[-2:])), course.done(mean(train[-2:]))
    flat = not last_quarter(history) > 0.1
    poor = (over or len(val) >= 20) and flat and on_val < 0.2 and on_train < 0.15
    poor = poor and not _decides(history)
    ahead = (train[-3:] - val[-3:]) / course.way
    inverted = len(val) >= 5 and flat and ahead.min() > 0.2 and on_val < 0.7
    closed = len(val) >= 8 and abs(on_train - on_val) < 0.1
    small = closed and _too_small(history, on_train)
    if not (poor or inverted or small):
        return passed(name, f"{100 * on_train:.0f} % of the way from chance is done")
    return find(
        name,
        "warning",
        "Even the training rows are not learned."
        if not inverted
        else "Training is far harder than evaluation: dropout or augmentation is too strong.",
        "Take a larger network or a better learning rate, and less regularisation."
        if not inverted
        else "Lower dropout and augmentation.",
        "notes n3, Overfitting: underfitting; notes n4, no gap: increase model capacity",
        history=history,
        curve=loss_curve(course, bound=course.chance),
        train_progress=on_train,
        validation_progress=on_val,
    )


def _decides(history: History) -> bool:
    """Return whether one of two classes is told far more often than by always saying the larger.

    On noisy data that may be all there is, at a loss next to chance.
    """
    setting, metric = history.setting, history.epochs.metric
    if setting.num_classes > 2 or setting.majority_share is None or history.metric != "accuracy":
        return False
    return mean(metric[-2:]) > setting.majority_share + 0.05


def _too_small(history: History, on_train: float) -> bool:
    """Return whether a classifier that descends no more has too few weights, or a bottleneck."""
    setting = history.setting
    if setting.task != "classification" or not last_quarter(history) < 0.05:
        return False
    num_rows = setting.num_train or history.steps_per_epoch * setting.batch_size
    few = 0 < setting.num_parameters < num_rows and on_train < 0.75
    accuracy = mean(history.epochs.metric[-2:]) if history.metric == "accuracy" else 1.0
    return few or (setting.num_classes >= 3 and on_train < 0.5 and accuracy < 0.6)


def still_improving(history: History) -> Verdict:
    """Fires when the run ended while the loss was still falling: it was stopped too early.

    A tenth of the whole descent, or more, came in the last quarter of the steps, at the end of
    the run, and that is no noise; info, and a warning from 28 % on (a straight line) while less
    than 9 tenths of the way are done. Or a network of which chance is known was trained for
    fewer than 100 steps and 6 validations, and less than 7 tenths of the way are done: a warning.
    Abstains while the run goes on, or where its end was not told. Notes n0, Early Stopping.
    """
    name, course = "still-improving", course_of(history)
    if not is_over(history) or course.num < 8 or history.stopped == "early-stopping":
        return not_judged(name, "the run is not over, or was stopped for another reason")
    late = last_quarter(history)
    short = course.num < 100 and len(history.epochs.epoch) <= 5 and course.progress < 0.7
    if not (late > 0.1 or short):
        return passed(name, f"{100 * late:.0f} % of the descent came in the last quarter")
    # A straight line has 0.25; healthy runs with a constant rate had up to 0.23.
    steep = late > 0.28 and course.progress < 0.9
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
        progress=course.progress,
    )


def loss_flat_metric_rising(history: History) -> Verdict:
    """States (info) that the metric gets better while the validation loss does not: no fault.

    Over the last third of the validations (4 at least) the loss moves by less than 2 % of the
    way from chance to floor, and the metric gains 0.02 or more. A decision needs no sure
    probability. Abstains with fewer than 6 validations, or without a metric. Notes n3, Simple
    Example: Cross-Entropy and Accuracy.
    """
    name, course = "loss-flat-metric-rising", course_of(history)
    val, metric = _validation(history), array(history.epochs.metric)
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
        curve=_picture(history, metric, history.metric or "metric"),
        metric_gain=gain,
    )


def label_noise(history: History) -> Verdict:
    """Fires when some targets contradict the rest: the loss has a floor, and is then memorised.

    - Sure mistakes: over 4 % of the rows, in the mean of the looks of the later half (6 at
      least), get next to
      no probability for their target, while 6 tenths of the way from chance are done.
    - Nothing in common: after 5 validations training is better than chance by 5 % of the way,
      validation never was (under 3 %) and gets worse.
    - Floor, then memory: at its best the validation loss was poor (under 70 % of the way) and no
      higher than the training loss by more than a tenth of the way; since then training fell by
      a fifth of the way, and validation rose by a tenth.

    - Noise and nothing else: of 3 classes or more, the validation loss is what labels cost that
      are wrong at random, ``-a log a - (1 - a) log((1 - a) / (C - 1))`` for accuracy a, within
      -2 % and +14 % (noise of 10 % to 60 % gave 1.04 to 1.12 times that; what is merely hard
      costs less, since few classes are confused; what is undecided, more). Only where loss and
      accuracy have settled, training costs over 6 tenths as much, accuracy is between chance
      and 0.93, and targets are neither smoothed nor mixed.

    All need classes, the second a known chance. Abstains with neither looks nor 5
    validations. Notes n3, Data Considerations; Zhang et al. 2017, Understanding deep
    learning requires rethinking generalization.
    """
    name, course = "label-noise", course_of(history)
    looks = history.looks
    late = array(looks.step) > 0.5 * course.last_step
    sure = finite(array(looks.wrong_and_sure)[late]) if len(looks.step) else finite(())
    val, train = _validation(history), _train(history)
    if len(sure) < 6 and len(finite(val)) < 5:
        return not_judged(name, "neither 6 late looks at mistakes nor 5 validations")
    mistakes = mean(sure) if len(sure) >= 6 else 0.0
    contradicted = mistakes > 0.04 and course.progress > 0.6
    memorised = len(finite(val)) >= 5 and _by_heart(history, val, train)
    cost = _cost_of_noise(history, val, train) if len(finite(val)) >= 5 else NAN
    if not (contradicted or memorised or 0.98 < cost < 1.14):
        return passed(name, f"{100 * mistakes:.1f} % sure mistakes")
    return find(
        name,
        "warning",
        "Some labels contradict the rest: the network cannot explain them but by heart.",
        "Look at the training rows with the highest loss, and correct or drop wrong labels.",
        "notes n3, Data Considerations; Zhang et al. 2017",
        history=history,
        curve=_picture(history, val) if len(finite(val)) else loss_curve(course),
        sure_mistakes=mistakes,
        loss_over_cost_of_noise=cost,
    )


def _cost_of_noise(history: History, val: Array, train: Array) -> float:
    """Return the validation loss over what labels cost that are wrong at random; NaN if not so."""
    setting, course = history.setting, course_of(history)
    metric = array(history.epochs.metric)[-3:]
    clear = setting.num_classes >= 3 and not setting.mixed_targets and course.floor < 0.01
    if history.metric != "accuracy" or not clear:
        return NAN
    right, classes = mean(metric), setting.num_classes
    settled = np.ptp(val[-3:]) < 0.05 * course.way and np.ptp(metric) < 0.05
    if not (settled and 1.5 / classes < right < 0.93 and mean(train[-2:]) > 0.6 * mean(val[-2:])):
        return NAN
    wrong = 1.0 - right
    noise = -right * math.log(right) - wrong * math.log(wrong / (classes - 1))
    return mean(val[-2:]) / noise


def _by_heart(history: History, val: Array, train: Array) -> bool:
    course, best = course_of(history), int(np.nanargmin(val))
    on_train, rising = course.done(mean(train[-2:])), mean(val[-2:]) - float(val[best])
    if history.setting.task == "regression":
        return False
    if course.done(float(val[best])) < 0.03 and history.setting.chance_loss is not None:
        return on_train > 0.05 and rising > 0.01 * course.way
    floor_seen = course.done(float(val[best])) < 0.7 and val[best] - train[best] < 0.1 * course.way
    fell = float(train[best]) - float(train[-1]) > 0.2 * course.way
    rose = mean(val[-2:]) - float(val[best]) > 0.1 * course.way
    return bool(floor_seen and fell and rose)


def _picture(history: History, values: Array, label: str = "validation loss"):
    epochs = array(history.epochs.epoch)
    return picture("epoch", label, epochs, values)
