"""The rule about noise in the labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..records import History, Verdict, not_judged, passed
from .course import course_of
from .ends import is_over
from .evidence import fastest_ratios, is_contrastive
from .harder import smoothing_of, spread_out, training_is_harder
from .layers import dead_units, gradient_vanishing
from .mistakes import disagreement, misplaced_share, misplacement
from .numbers import NAN, Array, array, finite, mean, median
from .pictures import loss_curve
from .report import find
from .validations import epochs_picture, train_of, validation_of

# Gradients of consecutive steps share no direction: their cosine, in the median of 5 or more.
UNRELATED, FEWEST_TURNS, NOISY_DROPOUT = 0.25, 5, 0.8
WRONG_SHARE, RANDOM_PLACES = 0.04, 0.2
FEW_ROWS = 64


def label_noise(history: History) -> Verdict:
    """Fires when some targets contradict the rest: the loss has a floor, and is then memorised.

    - Sure mistakes: over 4 % of the rows, in the mean of the looks of the later half (6 at
      least), get next to no probability for their target, while 6 tenths of the way from chance
      are done.
    - Places: the run is over, and mistaken rows' targets stand anywhere among 6 classes or more, as
      drawn at random: their mean place less two standard errors is over 0.2 (0.5 is random;
      confused classes give 0.1), and these are 4 % of all rows. See
      :class:`~goodfit.records.Looks`.
    - Sides: the run is over, and of quantities the rows farthest from what is predicted have
      targets on the other side of the mean (by more than a standard error), while a fifth of the
      variance is explained. Noise that is added, however large, leaves them on the same side.
    - Nothing in common: after 5 validations training is better than chance by 5 % of the way,
      validation never was (under 3 %), gets worse, and is worse than at first.
    - Nothing to follow: the run is over, validation never left chance (3 % of the way; accuracy
      within 0.03 of the majority's share, R2 under 0.05), though steps are of usual size (0.001
      to 0.1 of the weights) and training is no harder than evaluation. And consecutive gradients
      share no direction (median cosine under 0.25): each batch asks for something else. Runs with
      only wrong labels had up to 0.24, of 2 classes up to 0.7; where a fault of rate or network
      kept the loss at chance, 0.4 and more. Not under dropout of 0.8 and more, which alone turns
      gradients about, nor where units are dead or gradients vanish.
    - Floor, then memory: at its best the validation loss was poor (under 70 % of the way) and no
      higher than the training loss by more than a tenth of the way; since then training fell by
      a fifth of the way, and validation rose by a tenth.
    - Noise and nothing else: the run is over, and of 3 classes or more the validation loss is what
      labels cost that are wrong at random, -1 % to +14 % (noise of 10 % to 60 % gave 1.01 to 1.12
      times that; what is merely hard costs less, since few classes are confused; what is undecided,
      more). For accuracy a and label smoothing e these labels are right with ``q = (1 - e) a +
      e/C``, and cost ``-q log q - (1 - q) log((1 - q) / (C - 1))``. Judged where loss and accuracy
      have settled, or at the best validation where that is 3 validations and a quarter of them
      old; there training costs over 6 tenths as much above its floor, accuracy is between chance
      and 0.93, targets are not mixed, and a tenth of the way from chance is done: at chance any
      labels cost as much.

    - Harder than validation: see :func:`~goodfit.diagnosis.harder.training_is_harder`.

    "Nothing in common" and "floor, then memory" not where the same rows come at every step, or
    there are under 64: such rows are learned by heart whatever their labels are. Abstains with
    neither looks nor 5 validations, and where each row is told from the others of its batch. Notes
    n3, Data Considerations; Zhang et al. 2017, Understanding deep learning requires rethinking
    generalization; Northcutt et al. 2021, Confident Learning.
    """
    name, val = "label-noise", validation_of(history)
    if is_contrastive(history):
        return not_judged(name, "each row is told from the others of its batch: no labels")
    sure, place, sides = _sure(history), misplacement(history), disagreement(history)
    if not len(sure) and len(finite(val)) < 5 and math.isnan(place) and math.isnan(sides):
        return not_judged(name, "neither 6 looks at mistakes nor 5 validations")
    signs = _signs(history, mean(sure) if len(sure) else 0.0, place, sides)
    if not signs:
        return passed(name, "no sign of labels that contradict each other")
    meaning, remedy = next((said for sign, said in SAID.items() if sign in signs), CONTRADICT)
    evidence: dict[str, Any] = {k: v for sign in signs.values() for k, v in sign.items()}
    return find(
        name,
        "warning",
        meaning,
        remedy,
        "notes n3, Data Considerations; Zhang et al. 2017",
        history=history,
        curve=epochs_picture(history, val) if len(finite(val)) else loss_curve(course_of(history)),
        **evidence,
    )


CONTRADICT = (
    "Some labels contradict the rest: the network cannot explain them but by heart.",
    "Look at the training rows with the highest loss, and correct or drop wrong labels.",
)
SAID = {
    "unrelated": (
        "The targets have nothing to do with the inputs, as far as this network can tell.",
        "Look whether rows and targets still belong together after loading and shuffling.",
    ),
    "harder": (
        "Targets of training rows contradict each other more than those of validation rows: the "
        "network is right there and does not dare to say so.",
        CONTRADICT[1],
    ),
}


def _signs(
    history: History, mistakes: float, place: float, sides: float
) -> dict[str, dict[str, float]]:
    """Return the signs that are there, each with what was measured of it."""
    val, train = validation_of(history), train_of(history)
    ends = {"train_loss": mean(train[-2:]), "validation_loss": mean(val[-2:])}
    found: dict[str, dict[str, float]] = {}
    if mistakes > WRONG_SHARE and course_of(history).progress > 0.6:
        found["sure"] = {"sure_mistakes": mistakes}
    if place > RANDOM_PLACES and misplaced_share(history) > WRONG_SHARE:
        found["places"] = {"mean_place_among_other_classes": place}
    if sides > 1.0:
        found["sides"] = {"standard_errors_on_the_other_side": sides}
    if training_is_harder(history):
        found["harder"] = ends
    if len(finite(val)) < 5:
        return found
    if not _few_rows(history) and _by_heart(history, val, train):
        found["by heart"] = ends
    if _unrelated(history, val, train):
        found["unrelated"] = {"turn": median(history.looks.turn)}
    cost = _cost_of_noise(history, val, train) if is_over(history) else NAN
    if 0.99 < cost < 1.14:
        found["cost"] = {"loss_over_cost_of_noise": cost}
    return found


def _sure(history: History) -> Array:
    """Return the shares of sure mistakes in the looks of the later half, empty with under 6."""
    looks = history.looks
    late = array(looks.step) > 0.5 * course_of(history).last_step
    sure = finite(array(looks.wrong_and_sure)[late]) if len(looks.step) else finite(())
    return sure if len(sure) >= 6 else finite(())


def _unrelated(history: History, val: Array, train: Array) -> bool:
    """Return whether every batch asks for something else, and validation never left chance."""
    course, turns = course_of(history), finite(history.looks.turn)
    setting = history.setting
    if not is_over(history) or len(turns) < FEWEST_TURNS or setting.chance_loss is None:
        return False
    if setting.dropout >= NOISY_DROPOUT or not _gradients_arrive(history):
        return False
    usual = 1e-3 < median(fastest_ratios(history)) < 0.1
    at_chance = course.done(float(np.nanmin(val))) < 0.03 and not _metric_above_chance(history)
    harder = course.done(mean(train[-2:])) < course.done(mean(val[-2:])) - 0.02
    return usual and at_chance and not harder and median(turns) < UNRELATED


def _gradients_arrive(history: History) -> bool:
    """Return whether neither dead units nor vanishing gradients keep the network from learning."""
    return not dead_units(history).finding and not gradient_vanishing(history).finding


def _metric_above_chance(history: History) -> bool:
    metric = finite(history.epochs.metric)
    if not len(metric):
        return False
    # Of few rows each validation is off by chance, their mean over half of the run is less so.
    late = mean(metric[len(metric) // 2 :])
    if history.metric == "accuracy":
        share = history.setting.majority_share
        return share is not None and late > share + 0.03
    return late > 0.05


def _few_rows(history: History) -> bool:
    """Return whether the rows that are trained on are few, as far as that was seen."""
    setting, same = history.setting, history.tallies.get("same-batch")
    rows = setting.num_train or history.steps_per_epoch * setting.batch_size
    if same is not None and same.of > 3 and same.share > 0.5:
        rows = setting.batch_size
    return 0 < rows < FEW_ROWS


def _cost_of_noise(history: History, val: Array, train: Array) -> float:
    """Return the validation loss over what labels cost that are wrong at random; NaN if not so."""
    setting, course = history.setting, course_of(history)
    metric, num = array(history.epochs.metric), setting.num_classes
    if history.metric != "accuracy" or num < 3 or setting.mixed_targets or len(metric) != len(val):
        return NAN
    costs = [_cost_at(part, history, val, train) for part in _at_rest(val, metric, course.way)]
    return next((cost for cost in costs if math.isfinite(cost)), NAN)


def _cost_at(part: slice, history: History, val: Array, train: Array) -> float:
    floor, num = course_of(history).floor, history.setting.num_classes
    right = mean(array(history.epochs.metric)[part])
    above = mean(train[part]) - floor > 0.6 * (mean(val[part]) - floor)
    told = course_of(history).done(mean(val[part])) > 0.1
    if not (max(1.5 / num, 0.3) < right < 0.93 and above and told):
        return NAN
    smoothing = smoothing_of(floor, num)
    return mean(val[part]) / spread_out((1.0 - smoothing) * right + smoothing / num, num)


def _at_rest(val: Array, metric: Array, way: float) -> list[slice]:
    """Return the last 3 validations where they have settled, and those around an old best."""
    settled = np.ptp(val[-3:]) < 0.05 * way and np.ptp(metric[-3:]) < 0.05
    best = int(np.nanargmin(val))
    old = len(val) - 1 - best >= max(3, 0.25 * len(val))
    return [slice(-3, None)] * bool(settled) + [slice(max(0, best - 1), best + 2)] * old


def _by_heart(history: History, val: Array, train: Array) -> bool:
    course, best = course_of(history), int(np.nanargmin(val))
    on_train, rising = course.done(mean(train[-2:])), mean(val[-2:]) - float(val[best])
    if history.setting.task == "regression":
        return False
    if course.done(float(val[best])) < 0.03 and history.setting.chance_loss is not None:
        worse = rising > 0.01 * course.way and mean(val[-2:]) > float(val[0])
        return on_train > 0.05 and worse and course.floor >= 0.0
    floor_seen = course.done(float(val[best])) < 0.7 and val[best] - train[best] < 0.1 * course.way
    fell = float(train[best]) - float(train[-1]) > 0.2 * course.way
    rose = mean(val[-2:]) - float(val[best]) > 0.1 * course.way
    return bool(floor_seen and fell and rose)
