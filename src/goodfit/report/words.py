"""Numbers and states as people read them; shared by the page and the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from ..records import CrossValidation, DataCard, Scores
from .contents import Contents

STOPPED = {
    "": "Training has not ended.",
    "budget": "Every planned epoch was run.",
    "early-stopping": "Stopped early: the validation loss had stopped falling.",
    "interrupted": "Interrupted: it can be resumed.",
    "not-finite": "Stopped: the loss was no longer a finite number.",
}

# What findings measured, where the name alone does not say it.
EVIDENCE = {
    "comes_back_by": "what a swing undoes, of the way from chance to a perfect loss",
    "curves": "score of squares and products of inputs",
    "dead_share": "share of dead units",
    "fastest": "update over weights, fastest layer",
    "statistics_gap": "running from batch statistics, in deviations",
    "statistics_gap_at_first": "the same at the first look",
    "gradient_times_weights_over_chance": "gradient times weights, over the loss at chance",
    "growth": "outputs' spread over inputs'",
    "highest_over_first_loss": "highest over first loss",
    "highest_update_ratio": "largest update over weights (0.001 is usual)",
    "loss_over_cost_of_noise": "validation loss over what random labels cost",
    "mean_by_spread": "mean in standard deviations",
    "mean_gain": "mean gain of hidden layers (He: 1.4)",
    "mean_place_among_other_classes": "place of mistaken targets (0: next best, 0.5: random)",
    "progress": "share of the way from chance to a perfect loss",
    "promised_by_a_step": "descent that a step promised",
    "share_of_largest": "gradient over the largest layer's",
    "share_of_step": "share of a step that is weight decay",
    "signal_left": "spread left before the last layer",
    "standard_errors_on_the_other_side": "far targets on the other side, in standard errors",
    "straight_lines": "score of straight lines",
    "sure_mistakes": "share of rows surely mistaken",
    "train_progress": "share of the way from chance to a perfect loss, training",
    "turn": "cosine of consecutive gradients",
    "update_ratio": "update over weights (0.001 is usual)",
    "upward_share": "share of steps uphill",
    "validation_progress": "the same, validation",
}


class ScoreWord(NamedTuple):
    """How one score is named, written and explained."""

    label: str
    show: Callable[[float], str]
    meaning: str


def clean(text: str) -> str:
    """Replace characters that could steer a terminal or reorder a page.

    Example:
        >>> clean("cat\\x1b[2J")
        'cat�[2J'
    """
    return "".join(char if char.isprintable() or char in "\n\t" else "�" for char in text)


def evidence_name(name: str) -> str:
    """Return how a number of a finding is called.

    Example:
        >>> evidence_name("turn"), evidence_name("batch_size")
        ('cosine of consecutive gradients', 'batch size')
    """
    return EVIDENCE.get(name, name.replace("_", " "))


def number(value: float) -> str:
    """Write a number with four significant digits, or the word for what it is.

    Example:
        >>> number(0.123456), number(1797), number(12345.6), number(float("nan"))
        ('0.1235', '1,797', '12,346', 'not a number')
    """
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinite"
    if float(value).is_integer() and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def percent(share: float, digits: int = 1) -> str:
    """Write a share in [0, 1] as a percentage.

    Example:
        >>> percent(0.98148), percent(0.98148, digits=0)
        ('98.1 %', '98 %')
    """
    return f"{100 * share:.{digits}f} %" if math.isfinite(share) else number(share)


def seconds(duration: float) -> str:
    """Write seconds in the unit that reads best.

    Example:
        >>> seconds(0.084), seconds(6.25), seconds(200), seconds(7500)
        ('0.08 s', '6.2 s', '3 min 20 s', '2 h 05 min')
    """
    if duration < 60:
        return f"{duration:.2f} s" if duration < 1 else f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest} s"


def count(num: int, noun: str, plural: str = "") -> str:
    """Write a count with its noun.

    Example:
        >>> count(1, "row"), count(1797, "row"), count(2, "class", "classes")
        ('1 row', '1,797 rows', '2 classes')
    """
    return f"{num:,} {noun if num == 1 else plural or noun + 's'}"


def described(card: DataCard) -> str:
    """Say of which rows a card's columns are told, where these are not all.

    Example:
        >>> card = DataCard(source="x", task="regression", input_kind="table", num_rows=9,
        ...                 input_shape=(1,), target="y", fingerprint="", num_described=8)
        >>> described(card)
        'Of the 8 rows that train and validate; of what is no input, of all 9 rows.'
    """
    if not card.num_described:
        return ""
    seen = count(card.num_described, "row")
    return (
        f"Of the {seen} that train and validate; of what is no input,"
        f" of all {count(card.num_rows, 'row')}."
    )


def one_input(card: DataCard) -> str:
    """Say what one sample is: columns of a table, a row of numbers, or an array of some shape."""
    if card.columns:
        used = sum(column.kind in ("numeric", "categorical", "date") for column in card.columns)
        return f"{card.input_kind}, {used:,} of {count(len(card.columns), 'column')} used"
    if len(card.input_shape) == 1:
        return f"{card.input_kind}, {count(card.input_shape[0], 'number')}"
    return f"{card.input_kind}, {' × '.join(map(str, card.input_shape))}"


# How many views of a row are asked about.
VIEWS = {"flip": 2, "crops": 5, "flip-crops": 10}
SCORES = {
    "accuracy": ScoreWord("Accuracy", percent, "the share of rows that got the right class"),
    "log_loss": ScoreWord(
        "Log loss", number, "minus the log of the probability given to the true class, on average"
    ),
    "r2": ScoreWord(
        "R²", number, "1 is perfect, 0 is no better than always naming the mean of the target"
    ),
    "mae": ScoreWord("MAE", number, "mean absolute error, in the unit of the target"),
    "rmse": ScoreWord(
        "RMSE", number, "root of the mean squared error: as MAE, but large errors weigh more"
    ),
}


def score_word(key: str) -> ScoreWord:
    """Return the words for a score, also for one that this page does not know."""
    return SCORES.get(key, ScoreWord(key.replace("_", " "), number, ""))


def main_score(scores: Scores) -> str:
    """Return the key of the score that sums a part up; empty when there is none."""
    keys = [key for key in ("accuracy", "r2") if key in scores.values] or list(scores.values)
    return keys[0] if keys else ""


def fold_keys(found: CrossValidation) -> list[str]:
    """Return the names of the scores of all folds, the one that sums them up first."""
    return sorted(found.mean, key=lambda key: key != main_score(found.folds[0]))


def fold_cells(found: CrossValidation) -> list[tuple[str, ...]]:
    """Return the rows of a table: fold, rows, scores; then the mean and its standard error."""
    told = [
        (str(number), f"{scores.num_rows:,}", scores.values)
        for number, scores in enumerate(found.folds, start=1)
    ]
    told += [("mean", "", found.mean), ("standard error", "", found.standard_error)]
    keys = fold_keys(found)
    return [
        (*first, *(score_word(key).show(values[key]) for key in keys)) for *first, values in told
    ]


def headline(contents: Contents) -> str:
    """Say the result in one line.

    Example: "Accuracy 98.1 % on validation (270 rows); the test part is sealed".
    """
    told = [_told(scores, named=not place) for place, scores in enumerate(contents.scored)]
    if contents.test is None:
        told.append("the test part is sealed" if contents.sizes.test else "there is no test part")
    return "; ".join(told if contents.scored else ["Not scored yet", *told])


def scored_rows(scores: Scores) -> str:
    """Say how many rows were scored, and from how many sides.

    Example:
        >>> scored_rows(Scores(part="test", num_rows=270, values={}, views="flip"))
        '270 rows, 2 views of each'
    """
    rows = count(scores.num_rows, "row")
    return f"{rows}, {VIEWS[scores.views]} views of each" if scores.views in VIEWS else rows


def _told(scores: Scores, *, named: bool) -> str:
    place = "validation" if scores.part == "validation" else "the test part"
    rows = f"on {place} ({scored_rows(scores)})"
    key = main_score(scores)
    if not key:
        return f"nothing was scored {rows}"
    word = score_word(key)
    value = word.show(scores.values[key])
    return f"{word.label} {value} {rows}" if named else f"{value} {rows}"


def cell(value: str | float) -> str:
    """Return a cell of a table as it is read.

    Example:
        >>> cell("relu"), cell(0.123456)
        ('relu', '0.1235')
    """
    return clean(value) if isinstance(value, str) else number(value)
