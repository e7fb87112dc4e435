"""What the mistakes on training rows say about their targets: confused, or drawn at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..records import History
from .course import course_of
from .ends import is_over
from .numbers import NAN, Array, array, finite, mean

FEWEST_MISTAKES, FEWEST_LOOKS = 12, 4
# Of fewer classes the order of the others is the task's own: two questions of two answers each put
# a row that is wrong in both last.
FEWEST_CLASSES = 6
# The standard deviation of places that are all as likely, between 0 and 1: 0.29 to 0.5.
SPREAD = 0.3
# Better than the larger class by so much: only then are some classes told apart, so that the place
# of a target among the others means something.
TOLD_APART = 0.2
FEWEST_TOLD = 0.2


def misplacement(history: History) -> float:
    """Return how far down the targets of mistaken rows surely stand among the other classes.

    The mean place, less two standard errors: 0 for the next best class, 1 for the last; 0.5 for
    targets drawn at random. Over the looks of the later half of a run that is over, and no more
    than in its last quarter, if that has 12 mistakes: a network that has just begun to learn puts
    targets anywhere. NaN with fewer than 12 mistakes or 6 classes, and where accuracy on training
    batches is not 0.2 above the larger class's share.
    """
    setting = history.setting
    if not is_over(history) or setting.num_classes < FEWEST_CLASSES:
        return NAN
    place, count, share = _mistakes(history, 0.5)
    if not count >= FEWEST_MISTAKES or setting.majority_share is None:
        return NAN
    told = 1.0 - share > setting.majority_share + TOLD_APART
    latest, latest_count, _ = _mistakes(history, 0.75)
    if latest_count >= FEWEST_MISTAKES:
        place = min(place, latest)
    return place - 2.0 * SPREAD / count**0.5 if told else NAN


def _mistakes(history: History, after: float) -> tuple[float, float, float]:
    """Return the mean place of mistaken rows' targets, how many, and their share of all rows."""
    looks, late = history.looks, _late(history, after)
    mistaken, misplaced = (_part(column, late) for column in (looks.mistaken, looks.misplaced))
    known = np.isfinite(mistaken) & np.isfinite(misplaced)
    share, places = float(mistaken[known].sum()), float(misplaced[known].sum())
    rows = max(int(known.sum()), 1)
    return places / share if share else NAN, share * history.setting.batch_size, share / rows


def misplaced_share(history: History) -> float:
    """Return how many of all rows have such targets: twice the mean place, as random ones have."""
    return 2.0 * mean(_part(history.looks.misplaced, _late(history, 0.5)))


def disagreement(history: History) -> float:
    """Return by how many standard errors the farthest rows' targets go against what is predicted.

    Of quantities, over the looks of the last four fifths of a run that is over; see
    :class:`~goodfit.records.Looks`. NaN with fewer than 4 looks, and where less than a fifth of the
    variance is explained.
    """
    late = _late(history, 0.2)
    agreement = finite(_part(history.looks.far_agreement, late))
    told = mean(_part(history.looks.batch_metric, late)) > FEWEST_TOLD
    if len(agreement) < FEWEST_LOOKS or not told or not is_over(history):
        return NAN
    error = float(agreement.std(ddof=1)) / len(agreement) ** 0.5
    return -float(agreement.mean()) / max(error, 1e-9)


def _late(history: History, share: float) -> NDArray[np.bool_]:
    return array(history.looks.step) > share * course_of(history).last_step


def _part(column: tuple[float, ...], late: NDArray[np.bool_]) -> Array:
    return array(column)[late] if len(column) == len(late) else array(())
