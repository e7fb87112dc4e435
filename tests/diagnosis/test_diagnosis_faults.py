"""Each rule finds the fault that is planted for it, and stays silent on the healthy twin."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from diagnosis_made import CHANCE, CLASSES, NAN, falling, history, looks, severity, verdict

from goodfit.diagnosis import RULES, judge
from goodfit.diagnosis.family import name_of
from goodfit.records import Autopsy, History, Signal, Tally

HEALTHY = history(falling())
STUCK = CHANCE * (1 + 0.01 * np.random.default_rng(1).standard_normal(400))
OVER: dict[str, Any] = {"stopped": "budget"}
Make = Callable[[], History]


def tally(**counts: tuple[int, int]) -> dict[str, Tally]:
    return {
        name.replace("_", "-"): Tally(happened=count[0], of=count[1])
        for name, count in counts.items()
    }


def with_looks(made: History, *layers: dict[str, Any], **columns: Any) -> History:
    return replace(made, looks=looks(len(made.steps.loss), layers, **columns))


def swinging() -> np.ndarray:
    """Up and down by the whole way, every 80 steps."""
    steps = np.arange(400)
    return falling() + 1.2 * (1 - np.cos(steps * 2 * np.pi / 80))


def stretched(active: float) -> Callable[[float], float]:
    """A cosine that ends after a share of the run."""
    return lambda share: 0.5 + 0.5 * math.cos(math.pi * min(1.0, share / active))


def early_end() -> History:
    """The loss stands still from a tenth of the run on, where the rate is 0."""
    losses = np.concatenate([np.linspace(CHANCE, 1.5, 40), np.full(360, 1.5)])
    return history(losses, lr=stretched(0.1))


def sudden() -> np.ndarray:
    """Flat for half of the run, then down."""
    return np.concatenate([np.full(200, CHANCE), np.linspace(CHANCE, 0.1, 40), np.full(160, 0.1)])


def noisy_labels() -> History:
    """Train and validation share a floor for half of the run, then training learns by heart."""
    train = [2.0, 1.4, 1.3, 1.3, 1.2, 1.0, 0.7, 0.4, 0.2, 0.1]
    val = [1.9, 1.4, 1.3, 1.35, 1.4, 1.6, 1.9, 2.2, 2.4, 2.6]
    made = history(np.repeat(train, 40), validation=val)
    return replace(made, epochs=replace(made.epochs, train_loss=tuple(train)))


def by_heart() -> History:
    """Training at its floor; validation rises from its best for seven epochs."""
    val = [1.2, 0.9, 0.8, 0.85, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4]
    return history(falling(to=0.002), validation=val)


def metric_rises() -> History:
    """Validation loss flat, accuracy from 0.80 to 0.89."""
    made = history(falling(), validation=[1.0, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    metric = (0.3, 0.5, 0.7, 0.80, 0.82, 0.84, 0.86, 0.88, 0.89)
    return replace(made, epochs=replace(made.epochs, metric=metric))


SMALL = replace(CLASSES, batch_size=2)
DECAY = replace(CLASSES, optimizer="sgd", weight_decay=1.0)
STALE = {"kind": "BatchNorm1d", "num_weights": 0, "norm_gap": 0.5}
TINY = {"update_norm": 1e-5}
POOR = [1.2] * 10


def signals(gain: float, left: float) -> tuple[dict[str, Any], ...]:
    """Three layers of one gain, of which the last is given ``left`` of the inputs' spread."""
    made = [Signal(gain=gain, size_in=1.0, spread_in=1.0, spread_out=left**0.5)]
    made += [Signal(gain=gain, size_in=1.0, spread_in=left**0.5, spread_out=left)]
    made += [Signal(gain=gain, size_in=1.0, spread_in=left, spread_out=left * gain)]
    return tuple({"signal": signal} for signal in made)


JUMPED = np.concatenate([[2.3, 2.5], np.full(60, 90.0)])
SUMMED = replace(CLASSES, loss_reduction="sum", optimizer="sgd")
LOST = Autopsy(step=21, culprit="input", module="", operation="", because="")
FAR_OUT = {"signal": Signal(gain=0.6, size_in=300.0, spread_in=290.0, spread_out=170.0)}
NOTHING_IN = {"signal": Signal(gain=0.6, size_in=0.0, spread_in=0.0, spread_out=0.0)}
NORM = {"kind": "BatchNorm1d", "norm_gap": 0.1, "num_weights": 0}
FAULTS: dict[str, Make] = {
    "weights-unchanged": lambda: replace(HEALTHY, tallies=tally(still_weights=(12, 12))),
    "gradient-ascent": lambda: with_looks(history(np.linspace(2.3, 5.0, 60)), descent=0.01),
    "loss-broadcast": lambda: replace(history(STUCK), tallies=tally(spread_shapes=(9, 9))),
    "initial-loss-off": lambda: history(np.full(60, 90.0)),
    "softmax-wrong-axis": lambda: replace(history(STUCK), tallies=tally(softmax_over_rows=(9, 9))),
    "double-softmax": lambda: replace(history(STUCK), tallies=tally(shares_as_scores=(9, 9))),
    "missing-softmax": lambda: replace(history(STUCK), tallies=tally(scores_as_shares=(9, 9))),
    "loss-output-mismatch": lambda: replace(history(STUCK), tallies=tally(cut_outputs=(9, 9))),
    "loss-sum-reduction": lambda: history(JUMPED, setting=SUMMED),
    "input-not-finite": lambda: history([*falling(20), NAN], autopsy=LOST),
    "input-out-of-scale": lambda: with_looks(history(STUCK), FAR_OUT, {}),
    "input-ignored": lambda: with_looks(history(STUCK), NOTHING_IN, {}),
    "symmetric-init": lambda: replace(HEALTHY, tallies=tally(alike_units=(1, 3))),
    "init-too-large": lambda: with_looks(history(STUCK), *signals(4.0, 100.0)),
    "init-too-small": lambda: with_looks(history(STUCK), *signals(0.01, 1e-6)),
    "batch-norm-tiny-batch": lambda: with_looks(history(STUCK, setting=SMALL), {}, NORM),
    "no-activation": lambda: replace(HEALTHY, tallies=tally(straight_layers=(3, 3))),
    "no-gradient": lambda: replace(history(STUCK), tallies=tally(unreached_parameters=(2, 6))),
    "not-in-optimizer": lambda: replace(history(STUCK), tallies=tally(foreign_parameters=(2, 6))),
    "gradients-accumulate": lambda: replace(HEALTHY, tallies=tally(old_gradients=(11, 11))),
    "same-batch-every-step": lambda: replace(HEALTHY, tallies=tally(same_batch=(40, 40))),
    "not-shuffled": lambda: replace(HEALTHY, tallies=tally(same_order=(18, 18))),
    "eval-mode-while-training": lambda: replace(HEALTHY, tallies=tally(eval_training=(360, 400))),
    "train-mode-while-evaluating": lambda: replace(HEALTHY, tallies=tally(train_evaluating=(9, 9))),
    "norm-statistics-stale": lambda: with_looks(history(falling(), validation=POOR), {}, STALE),
    "clipping-most-steps": lambda: replace(history(STUCK), tallies=tally(clipped=(12, 12))),
    "schedule-ended-early": early_end,
    "weight-decay-too-strong": lambda: history(STUCK, setting=DECAY),
    "batch-too-small": lambda: history(STUCK, setting=SMALL),
    "lr-too-high": lambda: history(JUMPED),
    "lr-too-low": lambda: with_looks(history(STUCK), TINY, TINY, update_norm=1e-5),
    "lr-good": lambda: HEALTHY,
    "loss-not-finite": lambda: history([*falling(20), NAN, NAN]),
    "loss-exploded": lambda: history(np.linspace(2.3, 30.0, 60)),
    "oscillating": lambda: history(swinging()),
    "plateau": lambda: history(STUCK),
    "flat-then-sudden": lambda: history(sudden()),
    "saturated-units": lambda: with_looks(history(STUCK), {}, {"saturated_share": 0.9}),
    "dead-units": lambda: with_looks(history(STUCK), {}, {"dead_share": 1.0}),
    "gradient-vanishing": lambda: with_looks(history(STUCK), {"grad_norm": 1e-9}, {}),
    "gradient-exploding": lambda: with_looks(history(STUCK), grad_norm=1e4),
    "update-ratio-high": lambda: with_looks(history(STUCK), {}, {"update_norm": 2.0}),
    "update-ratio-low": lambda: with_looks(history(STUCK), {"update_norm": 1e-5}, {}),
    "label-noise": noisy_labels,
    "overfitting": by_heart,
    "underfitting": lambda: history(STUCK, **OVER),
    "still-improving": lambda: history(2.3 - np.linspace(0.0, 1.2, 200) ** 2, **OVER),
    "loss-flat-metric-rising": metric_rises,
}
STATEMENTS = ("lr-good", "loss-flat-metric-rising", "flat-then-sudden")


@pytest.mark.parametrize("name", [name_of(rule) for rule in RULES])
def test_the_planted_fault_is_found(name: str) -> None:
    made = FAULTS[name]()
    finding = verdict(made, name).finding
    assert finding is not None, verdict(made, name).because
    assert (finding.severity == "info") == (name in STATEMENTS)
    assert finding.meaning and finding.remedy and "note" in finding.source.lower() + "note"


@pytest.mark.parametrize("name", [name_of(rule) for rule in RULES if name_of(rule) != "lr-good"])
def test_the_healthy_twin_stays_silent(name: str) -> None:
    assert severity(HEALTHY, name) == ""
    assert severity(replace(HEALTHY, stopped="budget"), name) == ""


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_rule_abstains_where_nothing_was_measured(rule: Callable[[History], Any]) -> None:
    found = rule(History(metric=""))
    assert (found.check, found.outcome) == (name_of(rule), "not-judged")
    assert found.because


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_every_rule_judges_every_fault_without_failing(name: str) -> None:
    assert len(judge(FAULTS[name]())) == len(RULES)


def test_the_autopsy_tells_where_a_loss_became_nan() -> None:
    autopsy = Autopsy(
        step=21,
        culprit="forward",
        module="body.3",
        operation="log",
        because="The logarithm of 0 is minus infinity.",
        inputs={"low": 0.0, "zeros": 3.0},
    )
    finding = verdict(history([*falling(20), NAN], autopsy=autopsy), "loss-not-finite").finding
    assert finding is not None
    assert (finding.where, finding.step, finding.evidence["zeros"]) == ("body.3", 21, 3.0)
    assert "logarithm of 0" in finding.meaning


def test_a_loop_without_any_step_is_told_apart_from_a_table_of_losses() -> None:
    no_rates = (NAN,) * len(STUCK)
    made = history(STUCK, looks=looks(0).__class__(), tallies={})
    made = replace(made, steps=replace(made.steps, lr=no_rates))
    assert severity(made, "weights-unchanged") == "error"
    table = replace(made, setting=replace(CLASSES, optimizer=""))
    assert verdict(table, "weights-unchanged").outcome == "not-judged"


@pytest.mark.parametrize(("share", "severe"), [(0.2, "warning"), (0.4, "warning"), (0.0, "")])
def test_the_cost_of_noise_tells_wrong_labels_from_hard_ones(share: float, severe: str) -> None:
    right = 1 - share if share else 0.8
    cost = -right * math.log(right) - (1 - right) * math.log((1 - right) / 9)
    level = cost if share else 0.6 * cost
    made = history(falling(to=level, noise=0.01), validation=[1.5 * level, *[level] * 9])
    made = replace(made, epochs=replace(made.epochs, metric=(right,) * 10))
    assert severity(made, "label-noise") == "", "while it trains, loss and accuracy pass any place"
    assert severity(replace(made, stopped="budget"), "label-noise") == severe


def test_targets_that_have_nothing_to_do_with_inputs_are_noise() -> None:
    made = history(falling(to=1.8), validation=[2.31, 2.32, 2.33, 2.35, 2.38, 2.4])
    assert severity(made, "label-noise") == "warning"
