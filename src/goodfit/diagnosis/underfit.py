"""The rule about networks that cannot learn even their training rows."""

from __future__ import annotations

from ..records import Baseline, History, Verdict, not_judged, passed
from .course import course_of
from .ends import is_over, last_quarter
from .evidence import is_contrastive, weight_layers
from .harder import training_is_harder
from .numbers import NAN, array, finite, mean
from .pictures import loss_curve
from .report import find
from .simple import below_curves, below_simple_fits, reaches_simple_fits
from .validations import validation_of

# Dropout that leaves a fifth of the units or fewer.
NOISY_DROPOUT = 0.8


def underfitting(history: History) -> Verdict:
    """Fires when the run is over or has stopped improving, and even training rows are not learned.

    Under 15 % of the way from chance to floor is done on training (20 % on validation), at the end
    of the run or after 20 validations without descent, and two classes are hardly told apart; or
    validation (in evaluation mode) is better than training by a fifth of the way in each of the
    last 3 of 5 validations or more, is poor (under 70 %), and training no longer falls, or the run
    is over, poor, and dropout was 0.8 or more: regularisation is too strong (not where labels of
    training rows are wrong: see label-noise). What a network could reach is not known, so a higher
    plateau is judged after 8 validations, without descent and without gap only: in classifiers
    under 3 quarters of the way with fewer weights than rows, where simple fits were made, or under
    half of it with 3 classes or more and an accuracy under 0.6 (not where each row has many
    answers, as the words of a text: there that may be all); of quantities below a curved fit with a
    tenth as many weights as rows. Or the run is over, under 9 tenths of the way are done, and the
    last layer has fewer inputs than a third of its classes: through so few numbers that many
    classes cannot be told apart. None of these where simple fits of the same rows tell classes
    apart no better. Or the run is over and neither training nor validation reaches what straight
    lines through the same inputs do (:func:`~goodfit.diagnosis.simple.below_simple_fits`). Abstains
    otherwise, and where chance is not known. Notes n3, Overfitting; n4, no gap.
    """
    name, course = "underfitting", course_of(history)
    val, train = validation_of(history), array(history.epochs.train_loss)
    over = is_over(history)
    if len(finite(val)) < (1 if over else 5) or history.setting.chance_loss is None:
        few = len(finite(val)) < (1 if over else 5)
        return not_judged(name, "fewer than 5 validations" if few else "chance is not known")
    if is_contrastive(history):
        return not_judged(name, "each row is told from the others of its batch: no floor is known")
    on_val, on_train = course.done(mean(val[-2:])), course.done(mean(train[-2:]))
    flat = not last_quarter(history) > 0.1
    poor = (over or len(val) >= 20) and flat and on_val < 0.2 and on_train < 0.15
    poor = poor and not _decides(history)
    ahead = (train[-3:] - val[-3:]) / course.way
    inverted = len(val) >= 5 and flat and ahead.min() > 0.2 and on_val < 0.7
    inverted |= over and on_val < 0.7 and history.setting.dropout >= NOISY_DROPOUT
    inverted = inverted and not training_is_harder(history)
    closed = len(val) >= 8 and abs(on_train - on_val) < 0.1
    small = (closed and _too_small(history, on_train)) or (over and _narrow(history, on_train))
    simple = below_simple_fits(history) if over else None
    if history.setting.task == "classification" and reaches_simple_fits(history):
        poor = small = False
    if not (poor or inverted or small or simple):
        return passed(name, f"{100 * on_train:.0f} % of the way from chance is done")
    return find(
        name,
        "warning",
        _too_hard(inverted, simple, history.metric),
        "Take a larger network or a better learning rate, and less regularisation."
        if not inverted
        else "Lower dropout and augmentation.",
        "notes n3, Overfitting: underfitting; notes n4, no gap: increase model capacity",
        history=history,
        curve=loss_curve(course, bound=course.chance),
        train_progress=on_train,
        validation_progress=on_val,
        straight_lines=NAN if simple is None else simple.linear,
        curves=NAN if simple is None else simple.curved,
    )


def _too_hard(inverted: bool, simple: Baseline | None, metric: str) -> str:
    if inverted:
        return "Training is far harder than evaluation: dropout or augmentation is too strong."
    if simple is None:
        return "Even the training rows are not learned."
    return (
        "Even the training rows are not learned: straight lines through the same inputs reach"
        f" {metric or 'R2'} {simple.linear:.2f}, with their squares and products"
        f" {simple.curved:.2f} (rows left out of {simple.num_rows})."
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
    if not last_quarter(history) < 0.05:
        return False
    num_rows = setting.num_train or history.steps_per_epoch * setting.batch_size
    if setting.task != "classification":
        return 0 < setting.num_parameters < 0.1 * num_rows and below_curves(history)
    accuracy = mean(history.epochs.metric[-2:]) if history.metric == "accuracy" else 1.0
    rows_known = setting.baseline is not None or len(finite(history.looks.mistaken)) > 0
    # Without simple fits nothing says that more could be learned: a text has a limit of its own.
    few = setting.baseline is not None and 0 < setting.num_parameters < num_rows
    few = few and on_train < 0.75
    return few or (setting.num_classes >= 3 and rows_known and on_train < 0.5 and accuracy < 0.6)


def _narrow(history: History, on_train: float) -> bool:
    """Return whether a classifier's last layer reads fewer numbers than a third of its classes."""
    num, layers = history.setting.num_classes, weight_layers(history)
    if num < 6 or not layers or layers[-1].num_weights % num:
        return False
    return layers[-1].num_weights // num < num / 3 and on_train < 0.9
