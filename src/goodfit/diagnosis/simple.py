"""What a network reached, beside what simple fits of its training rows reach."""

from __future__ import annotations

import math

from ..records import Baseline, History
from .course import course_of
from .numbers import NAN, array, finite, mean

# A score is worse than another when it is by so many standard errors of two samples of rows.
SURE = 3.0
# What is left unexplained is worse when it is so much more: on diabetes, where lines are all there
# is, healthy networks leave up to 1.22 times what lines leave on training rows, 1.42 on others.
MORE = 1.6
# Curved fits that leave under this of what lines leave show that there is more than lines.
CURVED = 0.75
# Of what curves add to lines, healthy networks learn three fifths or more on training rows.
NO_CURVE = 1.0 / 3.0
FEWEST_LOOKS = 4
# R2 of two samples of rows differs by as much.
NEAR = 0.05
# Nobody misses less of R2.
LEAST = 0.02


def below_simple_fits(history: History) -> Baseline | None:
    """Return the simple fits whose score a finished network does not reach, on training either.

    Accuracies are below that of straight lines by 3 standard errors and 0.02. Of quantities, over
    1.6 times the variance is left that straight lines leave; or, where curves leave under three
    quarters of that, under a third of what they add is learned; and it is 0.02 of R2 at least.
    None where the network reaches it, or one of the scores is not known.
    """
    simple, (score, on_train) = history.setting.baseline, scores(history)
    if simple is None or not (math.isfinite(score) and math.isfinite(on_train)):
        return None
    if history.setting.task == "classification":
        p = min(max(simple.linear, 0.01), 0.99)
        apart = SURE * math.sqrt(2 * p * (1 - p) / simple.num_rows) + 0.02
        below = score < simple.linear - apart and on_train < simple.linear - 0.02
        return simple if below else None
    left, more = 1.0 - simple.linear, simple.curved - simple.linear
    best = max(score, on_train)
    below = 1.0 - best > MORE * left
    below = below and simple.linear - best > LEAST
    straight = best < simple.linear + NO_CURVE * more and simple.curved - best > LEAST
    bent = 1.0 - simple.curved < CURVED * left
    return simple if simple.linear > 0.1 and (below or (bent and straight)) else None


def reaches_simple_fits(history: History) -> bool:
    """Return whether accuracy is, to 3 standard errors, that of the better fit; R2 to 0.05.

    What lines and curves through the same rows do not tell apart may be noise.
    """
    simple, (score, on_train) = history.setting.baseline, scores(history)
    if simple is None or not math.isfinite(score):
        return False
    if history.setting.task != "classification":
        return max(score, on_train) > max(simple.linear, simple.curved) - NEAR
    best = max(simple.linear, simple.curved)
    p = min(max(best, 0.01), 0.99)
    return score > best - SURE * math.sqrt(p * (1 - p) / simple.num_rows)


def below_curves(history: History) -> bool:
    """Return whether a network's R2 stays 0.05 under that of a curved fit, on training rows too."""
    simple, best = history.setting.baseline, max(scores(history))
    if simple is None or history.setting.task != "regression":
        return False
    return best < simple.curved - NEAR


def _r2_of_batches(history: History) -> float:
    """Return R2 of the training batches that were looked at late, NaN with fewer than 4.

    For losses of quantities from which R2 does not follow; not under dropout, which costs some.
    """
    looks, last = history.looks, course_of(history).last_step
    late = array(looks.step) > 0.25 * last
    if history.setting.task != "regression" or history.setting.dropout > 0.0:
        return NAN
    known = finite(array(looks.batch_metric)[late]) if len(looks.batch_metric) == len(late) else ()
    return mean(known) if len(known) >= FEWEST_LOOKS else NAN


def scores(history: History) -> tuple[float, float]:
    """Return accuracy or R2 of the last two validations, and of training rows; NaN if not known."""
    epochs, course = history.epochs, course_of(history)
    if history.metric in ("accuracy", "r2"):
        val, clean = (mean(array(column)[-2:]) for column in (epochs.metric, epochs.clean_metric))
    elif history.setting.loss_kind == "mse":
        val, clean = course.done(mean(array(epochs.validation_loss)[-2:])), NAN
    else:
        on_batches = _r2_of_batches(history)
        return on_batches, on_batches
    if not math.isfinite(clean) and history.setting.loss_kind == "mse":
        clean = course.done(mean(array(epochs.train_loss)[-2:]))
    return val, clean
