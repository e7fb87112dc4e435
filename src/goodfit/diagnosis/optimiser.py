"""Rules about what stands beside the rate: decay, schedule, clipping, batch size."""

from __future__ import annotations

import math

import numpy as np

from ..records import History, Severity, Verdict, not_judged, passed
from .course import Course, course_of
from .evidence import NORMED, decay_share, late_decay_share
from .numbers import Array, array, finite, median
from .pictures import loss_curve, picture
from .report import find

# Healthy runs: 0.08 at most, and that in a converged one. Of the planted decays those that did
# harm had 0.38 and more, those that did none 0.18 to 0.37.
DECAY_SHARE = 0.3
# Of the weights; under it, decay had no time to hold anything down.
FEW_DECAYED = 0.05
# A usual decay is not to blame where gradients are gone: under a hundredth of the largest seen.
USUAL, GONE = 1e-3, 0.01
FEW_ROWS = 4
# Norms to which gradients are cut in recipes as they are published: 0.1 to 10.
USUAL_NORM = 0.05


def weight_decay_too_strong(history: History) -> Verdict:
    """Fires when weight decay is a large part of each step, and the loss is poor.

    Its share of the update (AdamW: ``lr wd |w| / |dw|``; else ``wd |w| / (|g| + wd |w|)``) is over
    3 tenths in the median of all looks, or of those in the later half of the run (healthy: 0.08 at
    most), and less than 85 % of the way from chance to floor is done; or the weights have shrunk to
    half of what they were while less than 85 % are done. Not where weights grow to half as much
    again: then nothing pulls them down. Not where decay alone would have taken under 5 % of the
    weights so far (``sum lr wd``, under momentum m over ``1 - m``): beside no gradient any decay is
    the whole step; nor a decay of 0.001 or less where most looks saw next to no gradient. Abstains
    where weight decay is 0 or unknown, and with fewer than 2 looks. Notes n3, Regularization: L2;
    n0, 5.2 Weight Decay.
    """
    name, course = "weight-decay-too-strong", course_of(history)
    share = max(decay_share(history), late_decay_share(history), key=_known)
    if share != share or len(history.looks.step) < 2:
        return not_judged(name, "weight decay is 0 or unknown, or fewer than two looks")
    norms, setting = finite(history.looks.weight_norm), history.setting
    shrunk = norms[-1] < 0.5 * norms[0]
    grown = norms[-1] > 1.5 * norms[0]
    strong = (share > DECAY_SHARE and _decayed(history) > FEW_DECAYED and not grown) or shrunk
    strong = strong and not (_gradient_gone(history) and (setting.weight_decay or 0.0) <= USUAL)
    if course.progress > 0.85 or not strong:
        return passed(name, f"decay is {100 * share:.0f} % of a step")
    looks = history.looks
    return find(
        name,
        "warning",
        "Weight decay pulls the weights to 0 faster than the loss can build them up.",
        "Divide weight_decay by 10 to 100 (usual: 1e-4 for SGD, 0.01 to 0.1 for AdamW).",
        "notes n3, Regularization; notes n0, 5.2 Weight Decay",
        history=history,
        curve=picture("step", "weight norm", array(looks.step), array(looks.weight_norm)),
        weight_decay=history.setting.weight_decay or 0.0,
        share_of_step=share,
        progress=course.progress,
    )


def _gradient_gone(history: History) -> bool:
    """Return whether most looks saw no gradient: beside that any decay is all there is."""
    norms = finite(history.looks.grad_norm)
    return len(norms) > 1 and median(norms) < GONE * float(norms.max())


def _decayed(history: History) -> float:
    """Return which share of the weights decay alone would have taken so far; inf where unknown."""
    setting, rates = history.setting, finite(history.steps.lr)
    if setting.optimizer not in ("sgd", "adamw") or not len(rates):
        return math.inf
    momentum = (setting.momentum or 0.0) if setting.optimizer == "sgd" else 0.0
    return float(rates.sum()) * (setting.weight_decay or 0.0) / max(1.0 - momentum, 1e-3)


def _known(share: float) -> float:
    return share if share == share else -1.0


def schedule_ended_early(history: History) -> Verdict:
    """Fires when the learning rate fell to nothing while the loss was still falling.

    Nothing: under 1/200 of its highest, over the last 15 % of the steps so far (10 at least).
    Still falling: at least 15 % of the descent came in the second half of the time in which the
    rate was over a tenth of its highest, or that descent was under half of the way from chance
    to floor, or under 8 tenths of it and that time was under a fifth of the run. A cosine or
    one-cycle schedule that ends with the run is so low for 5 % of the steps; a few first steps at
    a far higher rate are no schedule. Abstains where rates were not recorded, and below 12 steps.
    Notes n3, Learning Rate Schedules.
    """
    name, course = "schedule-ended-early", course_of(history)
    rates = array(history.steps.lr) if len(history.steps.lr) == course.num else array(())
    if not np.isfinite(rates).any() or course.num < 12:
        return not_judged(name, "rates were not recorded, or fewer than 12 steps")
    highest = float(np.nanmax(rates))
    low = course.num - 1 - int(np.flatnonzero(~(rates < highest / 200))[-1])
    if not (highest > 0 and low >= max(10, 0.15 * course.num) and _falling(course, rates)):
        return passed(name, f"the rate was next to 0 for the last {low} steps")
    return find(
        name,
        "warning",
        "The learning rate has fallen to nothing while the loss was still falling.",
        "Stretch the schedule over the whole run: count steps where it counts steps, epochs "
        "where it counts epochs.",
        "notes n3, Learning Rate Schedules",
        history=history,
        curve=picture("step", "lr", array(history.steps.step), rates),
        highest=highest,
        now=float(rates[-1]),
        steps_at_nothing=low,
        progress=course.progress,
    )


def _falling(course: Course, rates: Array) -> bool:
    """Return whether the loss was still falling when the rate left a tenth of its highest."""
    if int((rates > 0.1 * np.nanmax(rates)).sum()) < 5:
        return False
    active = int(np.flatnonzero(rates > 0.1 * np.nanmax(rates))[-1]) + 1
    part = course.loss[:active]
    size = max(1, active // 10)
    middle = median(part[active // 2 - size // 2 : active // 2 + size])
    begin, end = median(part[:size]), median(part[-size:])
    late = (middle - end) / (begin - end) if begin > end else 0.0
    hasty = active < 0.2 * course.num and course.progress < 0.8
    return late > 0.15 or not course.progress > 0.5 or hasty


def clipping_most_steps(history: History) -> Verdict:
    """Fires when nearly every step is cut to the maximal gradient norm and the loss is poor.

    A norm that is always cut is a smaller learning rate in disguise. Fires when 9 of 10 watched
    steps (2 at least) were cut; a warning while less than 9 tenths of the way from chance to
    floor is done (6 tenths under Adam and its kin, whose steps do not shrink with the gradient, if
    the norm is 0.05 at least), else info. Abstains where clipping was not watched. Notes n3,
    Optimizers; Pascanu et al. 2013.
    """
    name, course = "clipping-most-steps", course_of(history)
    tally = history.tallies.get("clipped")
    if tally is None or tally.of < 2:
        return not_judged(name, "clipping was not watched, or at too few steps")
    if tally.share < 0.9:
        return passed(name, f"{tally.happened} of {tally.of} watched steps were cut")
    usual = (history.setting.max_grad_norm or 0.0) >= USUAL_NORM
    normed = history.setting.optimizer.startswith(NORMED) and usual
    severity: Severity = "info" if course.progress > (0.6 if normed else 0.9) else "warning"
    return find(
        name,
        severity,
        "Nearly every step is cut to the maximal gradient norm.",
        "Raise the maximal norm to about the 90th percentile of the gradient norms, or drop it.",
        "Pascanu et al. 2013, On the difficulty of training recurrent neural networks",
        history=history,
        times=tally.happened,
        of=tally.of,
        max_grad_norm=history.setting.max_grad_norm or float("nan"),
        progress=course.progress,
    )


def batch_too_small(history: History) -> Verdict:
    """Fires when batches of a few rows are too noisy for the rate: the loss stays poor.

    Batches of 4 rows or fewer, after 30 steps: a level over twice the start and less than 60 % of
    the way from chance to floor, or less than 15 % of it after 200 steps. Abstains where the batch
    size is not known or larger: a small batch with a small rate learns well. Notes n0, SGD; n3,
    Noisy Gradients.
    """
    name, course = "batch-too-small", course_of(history)
    size = history.setting.batch_size
    if not size or course.num < 30:
        return not_judged(name, "the batch size is not known, or fewer than 30 steps")
    jumped = course.peak > 2 and not course.progress > 0.6
    noisy = jumped or (course.num >= 200 and not course.progress > 0.15)
    if size > FEW_ROWS or not noisy:
        return passed(name, f"batches of {size} rows")
    normed = any("BatchNorm" in layer.kind for layer in history.looks.layers)
    return find(
        name,
        "warning",
        "Gradients of so few rows are mostly noise at this learning rate"
        + (", and batch norm takes its statistics from them." if normed else "."),
        "Take batches of 16 to 128 rows, or lower the learning rate with the batch size.",
        "notes n3, Noisy Gradients; Inter-dependence of Hyperparameters",
        history=history,
        curve=loss_curve(course),
        batch_size=size,
        highest_over_first_loss=course.peak,
        progress=course.progress,
    )
