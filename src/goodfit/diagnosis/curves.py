"""Rules about the loss as it goes: not finite, exploded, oscillating, flat."""

from __future__ import annotations

import numpy as np

from ..records import Finding, History, Severity, Verdict, found, not_judged, passed
from .course import Course, course_of
from .ends import is_over, noisy_only_in_training
from .evidence import rates_of
from .numbers import Array, finite, median, medians
from .pictures import loss_curve
from .report import find

EXPLODED = 3.0
# Up to here momentum is what schedules use: OneCycleLR goes from 0.85 to 0.95.
LONG_MEMORY = 0.95


def loss_not_finite(history: History) -> Verdict:
    """Fires at the first loss that is not a finite number.

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
    meaning = "The loss is no longer a finite number: no step after it can learn anything."
    remedy = "Lower the learning rate, and look for divisions by 0 and logarithms of 0."
    if autopsy:
        meaning = f"{meaning} First in: {autopsy.culprit}. {autopsy.because}"
        remedy = f"Begin at {autopsy.module or 'the loss'} ({autopsy.operation})."
    step = autopsy.step if autopsy else history.steps.step[int(bad[0])]
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

    ``median(last steps) > 3 max(first, chance)``, over the last 5 % of the steps (5 at least). A
    spike that is over does not count. Abstains below 5 steps, and where the first loss is not
    above 0. Notes n4, Hyperparameter Optimization: over 3 times the original cost, break out.
    """
    name, course = "loss-exploded", course_of(history)
    if course.num < 5 or not course.start > 0:
        return not_judged(name, "fewer than 5 steps, or a first loss that is not above 0")
    level = median(course.calm[-course.window :])
    if not (level > EXPLODED * course.start or median(course.loss[-3:]) == np.inf):
        return passed(name, f"the loss stands at {course.now:.3g}, first {course.first:.3g}")
    return find(
        name,
        "error",
        "The loss has grown past three times its start and does not come back.",
        "Lower the learning rate ten times; check scales, signs and zero_grad.",
        "notes n4, Hyperparameter Optimization",
        history=history,
        curve=loss_curve(course, bound=EXPLODED * course.start),
        first_loss=course.first,
        loss=level,
    )


def oscillating(history: History) -> Verdict:
    """Fires when the loss comes back up by large amounts, again and again.

    Levels are medians over 40 blocks of 6 steps or more, so that odd batches and heavy tails do
    not count. Fires when a level stands over the lowest before it by 6 tenths of the way from
    chance to floor (healthy runs: 0.45 at most, with mixed targets), and levels rise by a tenth
    of it twice or more. Or the momentum remembers gradients for a tenth of the run or longer
    (``1 / (1 - m)`` steps, m over 0.95), and the loss of a validation or of an epoch came back by
    6 % of the way, that of an epoch also by five times what the noise of single steps explains
    (healthy runs, momentum 0.9, validation: 1.4 %); or it remembers them for a fifth of a run that
    is over with under 9 tenths of the way done: what pays in long runs only (Sutskever et al.
    2013) has had no time. Info where chance is not known and the first
    loss stands for it. Abstains below 60 steps. Notes n4, loss curves; n0, momentum in ravines.
    """
    name, course = "oscillating", course_of(history)
    levels = _levels(course)
    if len(levels) < 10:
        return not_judged(name, "fewer than 60 steps with a finite loss")
    way, back, rises = _swing(course)
    swinging = swings(course) or _swings_by_momentum(history, way)
    slow = not swinging and _remembers_too_long(history)
    if not (swinging or slow) or noisy_only_in_training(history):
        return passed(name, f"the loss came back by {back:.2g} of the way from chance to floor")
    severity: Severity = "info" if history.setting.chance_loss is None else "warning"
    return find(
        name,
        severity,
        "The loss goes up and down by large amounts instead of falling."
        if swinging
        else "The momentum remembers gradients for so much of the run that steps follow old ones.",
        "Divide the learning rate by 3 to 10, lower the momentum, or take larger batches."
        if swinging
        else "Lower the momentum (0.9), or train many times longer.",
        "notes n4, Babysitting the Learning Process; notes n0, SGD with momentum",
        history=history,
        curve=loss_curve(course),
        rises=rises,
        comes_back_by=back,
        momentum=history.setting.momentum or 0.0,
    )


def swings(course: Course) -> bool:
    """Return whether the loss comes back by 6 tenths of the way, and rises twice or more."""
    _, back, rises = _swing(course)
    return back > 0.6 and rises >= 2


def _swing(course: Course) -> tuple[float, float, int]:
    """Return the way, the largest rise over the lowest level before as a share of it, and rises."""
    levels = _levels(course)
    if len(levels) < 10:
        return course.way, 0.0, 0
    # A start far above chance makes the way down from there the unit.
    way = max(course.way, 0.2 * (course.start - course.floor))
    back = float((levels - np.minimum.accumulate(levels)).max()) / way
    return way, back, int((np.diff(levels) > 0.1 * way).sum())


def _memory(history: History) -> float:
    """Return for which share of the run so far the momentum remembers; 0 up to 0.95."""
    momentum = history.setting.momentum or 0.0
    if momentum <= LONG_MEMORY:
        return 0.0
    return 1.0 / max(1.0 - momentum, 1e-9) / max(1, course_of(history).num)


def _remembers_too_long(history: History) -> bool:
    """Return whether a run is over in which the momentum had no time to pay."""
    return is_over(history) and _memory(history) > 0.2 and course_of(history).progress < 0.9


def _swings_by_momentum(history: History, way: float) -> bool:
    """Return whether the momentum's memory is long beside the run, and the loss came back."""
    course = course_of(history)
    if _memory(history) < 0.1:
        return False
    train, val = finite(history.epochs.train_loss), finite(history.epochs.validation_loss)
    noise = course.noise / max(1, history.steps_per_epoch) ** 0.5
    return _back(val) > 0.06 * way or _back(train) > max(0.06 * way, 5.0 * noise)


def _back(values: Array) -> float:
    """Return by how much values came back over the lowest before them."""
    return float((values - np.minimum.accumulate(values)).max()) if len(values) > 2 else 0.0


def _levels(course: Course) -> Array:
    loss = finite(course.loss)
    size = max(6, len(loss) // 40)
    return medians(loss[len(loss) % size :].reshape(-1, size))


def plateau(history: History) -> Verdict:
    """Fires when the loss stays next to chance: nothing is learned.

    Over the last half of the run, less than 5 % of the way from chance to floor is done, and no
    fall is left. A plateau at a lower level may be all that the data allow (noise), so it is not
    judged. Info where chance is not known and the first loss stands for it: a network that was
    trained before starts low and stays there; a warning all the same where 8 rows or more of a
    table by epochs stay within 1 % of their first. Abstains before 8 epochs and 100 steps (of a
    table by epochs: before 8 rows) unless the run is over, and while the rate still rises. Notes
    n3, Loss Landscape.
    """
    name, course = "plateau", course_of(history)
    table = _is_table_of_epochs(history)
    early = (course.num < 100 and not table) or len(history.epochs.epoch) < 8
    few = course.num < (8 if table else 20)
    if few or (early and not is_over(history)) or rates_of(history).rising:
        return not_judged(name, "fewer than 100 steps and 8 epochs, or the rate still rises")
    late, last = course.between(0.5, 0.75), course.between(0.75, 1.0)
    fell = (late - last) / course.way
    if not (course.done(last) < 0.05 and fell < 0.02 and course.start > 0):
        return passed(name, f"{100 * course.progress:.0f} % of the way from chance is done")
    never_moved = table and float(np.ptp(course.loss)) < 0.01 * course.first
    # A chance loss of 0 is that of targets which are all the same, as a generator's are.
    known = bool(history.setting.chance_loss) or never_moved
    severity: Severity = "warning" if known else "info"
    return find(
        name,
        severity,
        "The loss stays where an answer stands that knows nothing of the inputs.",
        "Try learning rates 10 times up and down, check inputs, labels and initialisation, and "
        "try to learn a few rows by heart.",
        "notes n4, Babysitting the Learning Process; notes n3, Loss Landscape",
        history=history,
        curve=loss_curve(course, bound=course.chance),
        chance=course.chance,
        loss=last,
    )


def _is_table_of_epochs(history: History) -> bool:
    """Return whether each recorded loss is that of an epoch, and nothing else was seen."""
    rows = course_of(history).num
    return rows > 0 and rows == len(history.epochs.epoch) and not history.looks.step


def flat_then_sudden(history: History) -> Verdict:
    """Fires when the loss was flat for a long time and then fell at once.

    Flat: at least a fifth of the steps, and 30, within 3 % of the way below the first level;
    then at least 3 tenths of the way in as many steps or fewer. A warning where the outputs
    shrink or grow a hundred times from the first layer to the last: a bad start is the prime
    suspect. Otherwise info: some tasks are learned so. Abstains below 100 steps, and where the
    rate was raised meanwhile (warm-up). Notes n4, Monitor and visualize the loss curve.
    """
    name, course = "flat-then-sudden", course_of(history)
    rates = rates_of(history)
    if course.num < 100 or rates.highest > 1.5 * rates.first:
        return not_judged(name, "fewer than 100 steps, or the rate was raised")
    _, curve = course.curve
    level = median(curve[: max(3, len(curve) // 20)])
    below = np.flatnonzero(curve < level - 0.03 * course.way)
    flat = int(below[0]) if len(below) else len(curve)
    after = curve[min(2 * flat, len(curve) - 1)]
    long = flat >= max(0.2 * len(curve), 30 * len(curve) / course.num)
    if not (long and flat < len(curve) and (level - after) / course.way > 0.3):
        return passed(name, "the loss fell from the start, or not at all")
    spread = _growth(history)
    severity: Severity = "warning" if spread > 100 or spread < 0.01 else "info"
    return find(
        name,
        severity,
        "The loss was flat for long and then fell at once.",
        "Look at the initialisation: keep the spread of outputs equal from layer to layer.",
        "notes n4, Why loss flat for a while then start training at a sudden",
        history=history,
        curve=loss_curve(course),
        flat_share=flat / len(curve),
        spread_of_outputs_last_over_first=spread,
    )


def _growth(history: History) -> float:
    """Return how much larger the last layer's outputs spread at first than the first layer's."""
    spreads = [median(layer.output_std[:2]) for layer in history.looks.layers if layer.num_weights]
    known = [spread for spread in spreads if spread > 0]
    return known[-1] / known[0] if len(known) > 1 else 1.0
