"""Whether training rows have harder targets than validation rows: noise that only those have."""

from __future__ import annotations

import math

import numpy as np

from ..records import History
from .course import course_of
from .ends import is_over
from .numbers import NAN, Array, array, finite
from .validations import validation_of

FEWEST = 4
# By so much of the way from chance to floor training stands above validation.
ABOVE = 0.15
# A network that knows how sure it can be costs at most the entropy of its accuracy, the rest spread
# evenly; healthy runs 0.5 to 0.9 times that.
UNSURE = 1.1
# Of quantities: training rows cost so many times validation's, and those that lie farthest from
# what is predicted hardly lie on its side (healthy: 0.7 and more).
COSTLIER, ASTRAY = 1.25, 0.35
# What is known of training targets, at least, as a share of the way.
TOLD = 0.05
# Dropout from here on makes training harder by itself.
MUCH_DROPOUT = 0.5


def training_is_harder(history: History) -> bool:
    """Return whether targets of training rows are noisier than those of validation rows.

    The run is over; at the best validation, or at the last, training costs more by 0.15 of the way
    from chance to floor: in evaluation mode where that was measured, else in the epoch after it, so
    that what was still to be learned is none of it. And the network is less sure on validation than
    its accuracy allows, as one that was taught to doubt; or, of quantities, training costs 1.25
    times as much, and the rows farthest from what is predicted lie anywhere. Not under dropout of
    0.5 and more, nor where targets are mixed.
    """
    setting, val = history.setting, validation_of(history)
    known = setting.chance_loss is not None and len(finite(val)) >= FEWEST and is_over(history)
    if not known or setting.mixed_targets or setting.dropout >= MUCH_DROPOUT:
        return False
    train = _settled_train(history, len(val))
    places = {int(np.nanargmin(val)), len(val) - 1}
    return any(_is_harder(history, float(train[k]), float(val[k]), k) for k in places)


def _settled_train(history: History, num: int) -> Array:
    """Return the training loss that belongs to each validation, NaN where it is not known."""
    clean, train = array(history.epochs.clean_loss), array(history.epochs.train_loss)
    if len(train) != num:
        return np.full(num, NAN)
    # Behind the last one training goes on as it went, at best.
    later = np.append(train[1:], min(train[-1], 2.0 * train[-1] - train[-2]))
    return np.where(np.isfinite(clean), clean, later) if len(clean) == num else later


def _is_harder(history: History, train: float, val: float, place: int) -> bool:
    course = course_of(history)
    # A training loss at chance, beside a network that is right, is another loss: of mixed rows.
    if not (train - val > ABOVE * course.way and course.done(train) > TOLD):
        return False
    if history.setting.task == "regression":
        far = finite(history.looks.far_agreement)
        return train > COSTLIER * val and len(far) >= FEWEST and float(far.mean()) < ASTRAY
    metric, num = array(history.epochs.metric), history.setting.num_classes
    if history.metric != "accuracy" or num < 2 or place >= len(metric):
        return False
    smoothing, right = smoothing_of(course.floor, num), float(metric[place])
    told = right > (history.setting.majority_share or 1.0 / num)
    told_right = min((1.0 - smoothing) * right + smoothing / num, 1.0 - 1e-6)
    return told and val > UNSURE * spread_out(told_right, num)


def spread_out(right: float, num: int) -> float:
    """Return the entropy of one class with ``right``, the rest spread evenly over the others.

    Example:
        >>> round(spread_out(0.5, 2), 4)
        0.6931
    """
    wrong = 1.0 - right
    return -right * math.log(right) - wrong * math.log(wrong / (num - 1))


def smoothing_of(floor: float, num: int) -> float:
    """Return the label smoothing of ``num`` classes whose perfect answer costs ``floor``."""
    low, high = 0.0, 1.0
    for _ in range(40 if floor > 0.01 else 0):
        middle = 0.5 * (low + high)
        cost = spread_out(1.0 - middle + middle / num, num)
        low, high = (middle, high) if cost < floor else (low, middle)
    return low
