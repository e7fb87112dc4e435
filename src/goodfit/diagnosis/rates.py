"""Rules about the learning rate, by several evidences at once."""

from __future__ import annotations

import numpy as np

from ..records import History, Severity, Verdict, not_judged, passed
from .course import course_of
from .curves import swings
from .ends import (
    is_over,
    last_quarter_of_rates,
    last_quarter_of_validations,
    noisy_only_in_training,
)
from .evidence import (
    LATEST,
    elasticity_at_start,
    fastest_ratios,
    highest_ratio,
    promised,
    rates_of,
    undecayed,
    update_ratios,
)
from .layers import EXPLODING
from .numbers import NAN, finite, median
from .pictures import loss_curve
from .report import find

# Healthy runs have larger updates in their first steps: 9e-4 of the weights and more.
TINY = 9e-4
# Where chance is not known: steps so small that go one way, by the cosine of their gradients.
CREEPING, ONE_WAY = 6e-4, 0.9
HARDLY = 1e-4
# Without validations, an end is judged after so many steps.
MANY_STEPS = 500
# Weights of so many times their first size were thrown there.
BLOWN_UP, AT_ONCE = 30.0, 5.0
# So many ways above chance a loss has been driven there.
FAR_ABOVE = -2.0

SOURCE = "notes n4, Babysitting the Learning Process, and update to weight ratio about 0.001"


def lr_too_high(history: History) -> Verdict:
    """Fires when steps are far too large, by any of six evidences.

    - The loss jumped: the highest level after the first step (medians of three) is over 10
      times the start; or over 3 times, and less than 9 tenths of the way are done now. Healthy
      runs jump to 2.1 times at most.
    - Updates (without the part of weight decay) are over 0.12 of the weights at three looks on
      end and the loss is poor, or over 0.3; healthy runs: 0.03. Often the first steps show it,
      and what is left later is a network that no longer moves. Not where the first gradients
      point the same way (cosines over 0.1): weights of a linear model begin at 0 and grow; nor,
      unless the loss is poor, under Adagrad, whose steps shrink by themselves, or where the weights
      grew tenfold without a jump of the loss: word vectors begin next to 0.
    - Consecutive gradients point against each other (cosine under -0.3 in the median of 3 looks
      or more), updates are over 0.02 of the weights, and the loss is poor.
    - The loss swings as :func:`~goodfit.diagnosis.curves.oscillating` has it (it comes back by 6
      tenths of the way, and rises twice or more), and updates are over 0.02 of the weights in the
      median of the undecayed looks: the notes' 0.001 is right, and 0.01 about okay.
    - Weights are 30 times as large as they began (a root mean square of 0.01 or more), most of that
      between two looks, and the loss is poor: where units die by it nothing moves any more.
    - What was learned is lost: the training loss of an epoch was below chance by a twentieth of the
      way, that of a quarter of the epochs after it (3 at least, of 5 or more in all) is above, and
      validation is poor.

    Poor: less than 3 tenths of the way from chance to floor is done. The first step's own loss
    counts as start, so that a bad initialisation is not blamed on the rate, and where the first
    gradient explodes before any step this rule passes. Weights that began next to 0 have no
    ratio. L-BFGS takes several steps in one, as large as the curvature allows: there only a jump is
    judged. A training loss far above that of validation is noise of dropout, not a jump. Abstains
    below 3 steps. Notes n4: loss exploding means a very high learning rate.
    """
    name, course = "lr-too-high", course_of(history)
    if course.num < 3:
        return not_judged(name, "fewer than 3 steps")
    several = "lbfgs" in history.setting.optimizer
    if not several and elasticity_at_start(history) > EXPLODING:
        return passed(name, "the first gradient was too large before any step: see the start")
    ratio, turn = highest_ratio(history), _turn(history)
    # A loss that began at or below its floor, as a policy's, has no way to be poor on.
    poor = not course.progress > 0.3 and not np.isnan(course.done(course.first))
    jumped = course.peak > 10 or (course.peak > 3 and not course.progress > 0.9)
    # Small steps that bring the loss down make no jumps: targets far out do.
    calm = ratio < 1e-3 or (ratio < 0.03 and not poor)
    jumped = jumped and not calm and not noisy_only_in_training(history)
    # Adagrad's steps shrink by themselves: large ones at first are how it begins.
    settles = "adagrad" in history.setting.optimizer or (_grew(history) and course.peak < 1.2)
    meant = _begins_straight(history) or (settles and not poor)
    large = (ratio > 0.3 or (ratio > 0.12 and poor)) and not meant
    back_and_forth = turn < -0.3 and ratio > 0.02 and poor
    usual = median(undecayed(history, update_ratios(history)))
    swinging = usual > 0.02 and swings(course) and not noisy_only_in_training(history)
    swinging |= _unlearned(history) or (poor and _was_thrown(history))
    if not (jumped or (not several and (large or back_and_forth or swinging))):
        size = f"updates are {ratio:.2g} of the weights" if ratio == ratio else "no update was seen"
        return passed(name, f"{size}, the loss does not jump")
    severity: Severity = "error" if jumped and not course.progress > 0 else "warning"
    return find(
        name,
        severity,
        "Steps are too large: the loss jumps instead of falling.",
        "Divide the learning rate by 10, or warm it up.",
        SOURCE,
        history=history,
        curve=loss_curve(course),
        highest_update_ratio=ratio,
        highest_over_first_loss=course.peak,
        turn=turn,
        progress=course.progress,
    )


def _turn(history: History) -> float:
    turns = finite(history.looks.turn)
    return median(turns[-LATEST:]) if len(turns) >= 3 else NAN


def _grew(history: History) -> bool:
    """Return whether the weights became ten times as large as they began."""
    norms = finite(history.looks.weight_norm)
    return len(norms) > 1 and bool(norms[-1] > 10 * norms[0])


def _was_thrown(history: History) -> bool:
    """Return whether weights that did not begin next to 0 were thrown far out between two looks."""
    norms, num = finite(history.looks.weight_norm), history.setting.num_parameters
    if len(norms) < 2 or not norms[0] > 0.01 * num**0.5:
        return False
    at_once = float((norms[1:] / norms[:-1]).max())
    return bool(norms[-1] > BLOWN_UP * norms[0]) and at_once > AT_ONCE


def _begins_straight(history: History) -> bool:
    """Return whether each of the first gradients points where the one before it did."""
    turns = finite(history.looks.turn)[:3]
    return len(turns) > 0 and float(turns.min()) > 0.1


def _unlearned(history: History) -> bool:
    """Return whether epochs of a network that had learned stand above chance again."""
    course, train = course_of(history), finite(history.epochs.train_loss)
    val = finite(history.epochs.validation_loss)
    if history.setting.chance_loss is None or len(train) < 5 or not len(val):
        return False
    if course.done(float(val[-1])) > 0.3:
        return False
    done = (course.chance - train) / course.way
    learned = np.flatnonzero(done > 0.05)
    after = done[learned[0] + 1 :] if len(learned) else done[:0]
    lost = int((after < 0.0).sum())
    return lost >= 3 and lost >= 0.25 * len(after)


def lr_too_low(history: History) -> Verdict:
    """Fires when steps are so small that the run gets nowhere, or not far enough in its time.

    By the ratio r of updates to weights in the fastest layer (embeddings left out), at looks where
    the rate was not decayed, and by the share of the way from chance to floor that is done: r under
    4e-5 and under half of the way (from the second look on); r under 4e-4 and under 0.3 after 50
    steps; r under 6e-4 and under 0.1 after 100. Healthy runs have 9e-4 to 0.07 in their first
    steps. Or, when the run is over: 25 % of the whole descent came in its last quarter at an
    undecayed rate, after 5 validations or more (500 steps without any), and under 0.8 of the way is
    done (18 % where r is under 3e-3, 15 % where under 0.3 is done as well, 12 % where r is under
    9e-4 and under 0.7 done; 8 % at a decayed rate, by the losses of validations too where r is
    under 9e-4). Where chance is not known also r under 6e-4 after 200 steps while gradients go one
    way (cosines over 0.9), or 100 where r is under 1e-4. Not where the loss was driven far above
    chance, and above its start. Abstains where chance is not known and r is under 9e-4 otherwise,
    while the rate still rises (warm-up), and where neither updates nor the end were seen. Notes n4:
    loss barely changes.
    """
    name, course = "lr-too-low", course_of(history)
    rates = rates_of(history)
    if rates.rising:
        return not_judged(name, "the rate still rises")
    known = fastest_ratios(history)
    # A network that was trained before starts below chance: how far it gets tells nothing.
    fresh = history.setting.chance_loss is not None and course.done(course.between(0, 0.1)) < 0.15
    done = course.progress if fresh else max(course.progress, 0.4)
    slow = _still_falling(history, median(known))
    if len(known) < 2 and not slow:
        return not_judged(name, "updates were looked at less than twice, and the run is not over")
    ratio = median(known[-LATEST:]) if len(known) else 1.0
    # Targets next to 0 beside outputs that are not begin so far above, and need no driving there.
    driven = course.progress < course.done(course.first) - 1.0
    if course.progress < FAR_ABOVE and (driven or elasticity_at_start(history) > EXPLODING):
        return passed(name, "the loss is far above chance: that is no matter of small steps")
    tiny = _tiny(ratio, course.num, done) or (is_over(history) and _small(ratio, course.num, done))
    tiny |= history.setting.chance_loss is None and _creeps(history, ratio)
    if not (ratio > 0 and (tiny or slow)):
        size = f"updates are {ratio:.2g} of the weights"
        unknown = history.setting.chance_loss is None and ratio < TINY
        return not_judged(name, f"{size}, chance is not known") if unknown else passed(name, size)
    return find(
        name,
        "warning",
        "Steps are too small: the loss hardly moves."
        if not slow
        else "Steps are too small for the length of the run: the loss fell until its end.",
        "Multiply the learning rate by 10.",
        SOURCE,
        history=history,
        curve=loss_curve(course),
        update_ratio=ratio,
        promised_by_a_step=promised(history),
        progress=course.progress,
    )


def _creeps(history: History, ratio: float) -> bool:
    """Return whether small steps all go one way: then a larger one would go there at once.

    Gradients of different batches point apart where a network is near what it can reach.
    """
    turns, num = finite(history.looks.turn), course_of(history).num
    enough = len(turns) >= 4 and num >= (100 if ratio < HARDLY else 200)
    return enough and ratio < CREEPING and median(turns) > ONE_WAY and median(turns[-3:]) > ONE_WAY


def _tiny(ratio: float, num: int, progress: float) -> bool:
    return (
        (ratio < 4e-5 and progress < 0.5)
        or (ratio < 4e-4 and progress < 0.3 and num >= 50)
        or (ratio < 6e-4 and progress < 0.1 and num >= 100)
    )


def _small(ratio: float, num: int, progress: float) -> bool:
    return ratio < 1.5e-3 and progress < 0.15 and num >= 100


def _still_falling(history: History, ratio: float) -> bool:
    seen = len(history.epochs.epoch)
    if not is_over(history) or (seen < 5 and (seen or course_of(history).num < MANY_STEPS)):
        return False
    late, done = last_quarter_of_rates(history), course_of(history).progress
    if ratio < TINY:
        late = max(late, last_quarter_of_validations(history))
    decayed = rates_of(history).share < 0.3
    return (
        (late > 0.25 and done < 0.8 and not (decayed and ratio > 5e-3))
        or (late > 0.18 and done < 0.8 and ratio < 3e-3)
        or (late > 0.15 and done < 0.3 and ratio < 3e-3)
        or (late > 0.12 and done < 0.7 and ratio < TINY)
        or (decayed and late > 0.08 and done < 0.85 and ratio < 3e-3)
    )


def lr_good(history: History) -> Verdict:
    """States (info) that the learning rate is right: no fault.

    The loss has done half of the way from chance to floor without a jump past twice its start, at
    updates between 1e-4 and 0.05 of the weights, and neither lr-too-low nor lr-too-high is found.
    Abstains below 50 steps, and without looks. Notes n4: loss going down quickly.
    """
    name, course = "lr-good", course_of(history)
    ratio = median(undecayed(history, update_ratios(history)))
    if course.num < 50 or ratio != ratio:
        return not_judged(name, "fewer than 50 steps, or no looks at updates")
    if not (course.progress > 0.5 and course.peak < 2 and 1e-4 < ratio < 0.05):
        return passed(name, "not stated: the loss is poor, has jumped, or steps are unusual")
    if lr_too_low(history).finding or lr_too_high(history).finding:
        return passed(name, "not stated: steps are too small or too large")
    return find(
        name,
        "info",
        "The learning rate suits: the loss falls quickly and without jumps.",
        "Keep it; look for the largest rate at which this stays so.",
        SOURCE,
        history=history,
        update_ratio=ratio,
        progress=course.progress,
    )
