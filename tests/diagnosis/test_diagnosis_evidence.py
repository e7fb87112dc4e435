"""Evidence that a rule has beside its main one, each with the healthy twin that lacks it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from diagnosis_made import CHANCE, CLASSES, cosine, falling, history, looks, severity

from goodfit.diagnosis.course import course_of
from goodfit.records import Baseline, History, Setting, Tally

OVER: dict[str, Any] = {"stopped": "budget"}


def slowly(reached: float) -> np.ndarray:
    """Down by the sum of the rates of a cosine, in a straight line."""
    gone = np.cumsum([cosine(k / 399) for k in range(400)])
    return CHANCE - (CHANCE - reached) * gone / gone[-1]


def under_cosine(losses: np.ndarray, update_norm: float) -> History:
    made = history(losses, lr=cosine, **OVER)
    layers = ({"update_norm": update_norm}, {"update_norm": update_norm})
    return replace(made, looks=looks(400, layers, update_norm=update_norm))


@pytest.mark.parametrize(
    ("made", "severe"),
    [
        (under_cosine(slowly(1.2), 0.01), "warning"),
        (under_cosine(falling(), 0.01), ""),
        (under_cosine(slowly(1.2), 0.1), ""),
    ],
    ids=["small-steps", "came-to-rest", "usual-steps"],
)
def test_a_schedule_at_its_end_does_not_hide_a_rate_too_low(made: History, severe: str) -> None:
    assert severity(made, "lr-too-low") == severe


def test_a_schedule_at_its_end_does_not_hide_that_the_run_was_short() -> None:
    assert severity(under_cosine(slowly(0.6), 0.1), "still-improving") == "warning"
    assert severity(under_cosine(falling(), 0.1), "still-improving") == ""


def test_what_only_training_rows_gain_is_no_descent() -> None:
    made = under_cosine(slowly(0.6), 0.1)
    risen = tuple(1.0 + 0.1 * k for k in range(10))
    made = replace(made, epochs=replace(made.epochs, validation_loss=risen))
    assert severity(made, "still-improving") == ""


def random_labels(turn: float, **fields: Any) -> History:
    """At chance for the whole run, in accuracy too; steps of usual size."""
    rng = np.random.default_rng(2)
    made = history(CHANCE * (1 + 0.01 * rng.standard_normal(400)), validation=[CHANCE] * 10)
    made = replace(made, epochs=replace(made.epochs, metric=(0.1,) * 10), stopped="budget")
    return replace(made, looks=looks(400, turn=turn), **fields)


def test_gradients_that_share_no_direction_mean_targets_without_inputs() -> None:
    assert severity(random_labels(0.05), "label-noise") == "warning"
    assert severity(random_labels(0.6), "label-noise") == ""
    assert severity(random_labels(0.05, stopped=""), "label-noise") == ""


@pytest.mark.parametrize(("dropout", "severe"), [(0.5, "warning"), (0.9, "")])
def test_strong_dropout_turns_gradients_by_itself(dropout: float, severe: str) -> None:
    setting = replace(CLASSES, dropout=dropout)
    assert severity(random_labels(0.05, setting=setting), "label-noise") == severe


def smoothed_noise(right: float, cost_factor: float) -> History:
    """Labels of 10 classes, smoothed by 0.1; the loss is what noise costs, times a factor."""
    q = 0.9 * right + 0.01
    level = cost_factor * (-q * math.log(q) - (1 - q) * math.log((1 - q) / 9))
    peak = 0.91
    floor = -peak * math.log(peak) - 0.09 * math.log(0.01)
    made = history(falling(to=level, noise=0.01), validation=[1.3 * level, *[level] * 9])
    made = replace(made, setting=replace(CLASSES, floor_loss=floor))
    return replace(made, stopped="budget", epochs=replace(made.epochs, metric=(right,) * 10))


@pytest.mark.parametrize(("factor", "severe"), [(1.02, "warning"), (0.8, "")])
def test_the_cost_of_noise_knows_smoothed_labels(factor: float, severe: str) -> None:
    assert severity(smoothed_noise(0.6, factor), "label-noise") == severe


def many_passes(validation: float, passes: int) -> History:
    val = [*np.linspace(CHANCE, validation, 5), *[validation] * (passes - 5)]
    return history(falling(20 * passes, to=0.002), epochs=passes, validation=val)


@pytest.mark.parametrize(
    ("validation", "passes", "severe"),
    [(0.3, 60, "warning"), (0.08, 60, ""), (0.3, 12, "")],
    ids=["few-rows", "small-gap", "short-run"],
)
def test_rows_known_by_heart_for_most_of_a_long_run(
    validation: float, passes: int, severe: str
) -> None:
    assert severity(many_passes(validation, passes), "overfitting") == severe


@pytest.mark.parametrize(
    ("momentum", "swing", "severe"),
    [(0.999, 0.4, "warning"), (0.9, 0.4, ""), (0.999, 0.01, "")],
    ids=["long-memory", "usual-momentum", "calm"],
)
def test_a_momentum_that_remembers_the_run_swings(
    momentum: float, swing: float, severe: str
) -> None:
    val = [1.0, 0.5, 0.3, 0.3 + swing, 0.3, 0.2, 0.2, 0.1, 0.1, 0.1]
    setting = replace(CLASSES, momentum=momentum)
    assert severity(history(falling(), validation=val, setting=setting), "oscillating") == severe


@pytest.mark.parametrize(("weights", "severe"), [(20, "warning"), (640, "")])
def test_a_last_layer_that_reads_two_numbers_is_too_narrow(weights: int, severe: str) -> None:
    made = history(falling(to=0.9), validation=[1.0] * 10, **OVER)
    made = replace(made, epochs=replace(made.epochs, metric=(0.9,) * 10))
    made = replace(made, looks=looks(400, ({}, {"num_weights": weights})))
    assert severity(made, "underfitting") == severe


QUANTITY = replace(CLASSES, task="regression", loss_kind="mse", chance_loss=1.0, num_classes=0)
DIABETES = Baseline(linear=0.49, curved=0.49, num_rows=265)
FRIEDMAN = Baseline(linear=0.74, curved=0.88, num_rows=512)
DIGITS = Baseline(linear=0.935, curved=0.976, num_rows=512)


@pytest.mark.parametrize(
    ("setting", "simple", "score", "on_train", "severe"),
    [
        (QUANTITY, DIABETES, 0.45, 0.55, ""),
        (QUANTITY, DIABETES, 0.15, 0.16, "warning"),
        (QUANTITY, DIABETES, 0.15, 0.60, ""),
        (QUANTITY, FRIEDMAN, 0.76, 0.83, ""),
        (QUANTITY, FRIEDMAN, 0.72, 0.74, "warning"),
        (QUANTITY, None, 0.15, 0.16, ""),
        (CLASSES, DIGITS, 0.92, 0.93, ""),
        (CLASSES, DIGITS, 0.80, 0.82, "warning"),
        (CLASSES, DIGITS, 0.80, 0.99, ""),
    ],
    ids=[
        *("as-good-as-lines", "worse-than-lines", "known-by-heart", "curves-learned"),
        *("no-curve-learned", "no-simple-fit", "classes-about-lines", "classes-below-lines"),
        "classes-by-heart",
    ],
)
def test_a_network_reaches_what_straight_lines_do(
    setting: Setting, simple: Baseline | None, score: float, on_train: float, severe: str
) -> None:
    metric = "r2" if setting is QUANTITY else "accuracy"
    made = history(falling(to=0.5), validation=[0.5] * 10, **OVER)
    epochs = replace(made.epochs, metric=(score,) * 10, clean_metric=(on_train,) * 10)
    made = replace(made, metric=metric, epochs=epochs, setting=replace(setting, baseline=simple))
    assert severity(made, "underfitting") == severe
    running = replace(made, stopped="")
    assert severity(running, "underfitting") == ""


@pytest.mark.parametrize(
    ("last", "severe"),
    [(0.33, "warning"), (0.15, ""), (0.06, "")],
    ids=["hardly-moved", "on-its-way", "arrived"],
)
def test_running_statistics_that_hardly_move_stay_stale(last: float, severe: str) -> None:
    gaps = 0.46 - (0.46 - last) * np.minimum(1.0, np.arange(13) / 6)
    stale = {"kind": "BatchNorm1d", "num_weights": 0, "norm_gap": gaps.tolist()}
    made = history(falling(), validation=[1.9, 2.1, 2.5, 3.0, 2.5, 2.2, 2.2, 2.2, 2.2, 2.2])
    made = replace(made, looks=looks(400, ({}, stale)))
    assert severity(made, "norm-statistics-stale") == severe


@pytest.mark.parametrize(("reached", "severe"), [(0.15, "info"), (1.1, "warning")])
def test_dropout_holds_the_training_loss_up_when_validation_is_done(
    reached: float, severe: str
) -> None:
    val = np.linspace(CHANCE, reached, 10).tolist()
    made = history(np.linspace(CHANCE, 1.2, 400), validation=val, **OVER)
    assert severity(made, "still-improving") == severe


@pytest.mark.parametrize(
    ("simple", "severe"),
    [(FRIEDMAN, "warning"), (DIABETES, ""), (None, "")],
    ids=["below-curves", "above-curves", "no-simple-fit"],
)
def test_a_few_steps_that_stay_below_a_curved_fit_were_too_few(
    simple: Baseline | None, severe: str
) -> None:
    losses = 0.25 + 0.75 * np.exp(-np.arange(36) / 4)
    setting = replace(QUANTITY, baseline=simple)
    made = history(losses, validation=[0.3, 0.26], epochs=2, setting=setting, **OVER)
    assert severity(replace(made, metric=""), "still-improving") == severe


@pytest.mark.parametrize(
    ("momentum", "level", "severe"),
    [(0.99, 0.7, "warning"), (0.99, 0.05, ""), (0.9, 0.7, ""), (0.98, 0.7, "")],
    ids=["no time to pay", "learned all the same", "usual momentum", "time enough"],
)
def test_a_memory_of_a_fifth_of_the_run_has_no_time_to_pay(
    momentum: float, level: float, severe: str
) -> None:
    losses = np.maximum(falling(300, to=0.01), level)
    setting = replace(CLASSES, momentum=momentum)
    made = history(losses, setting=setting, stopped="budget")
    assert severity(made, "oscillating") == severe
    assert severity(replace(made, stopped=""), "oscillating") == ""


@pytest.mark.parametrize(
    ("level", "active", "severe"),
    [(0.9, 0.1, "warning"), (0.2, 0.1, ""), (0.9, 0.5, "")],
    ids=["gone after a tenth", "all was learned", "flat under half of the run"],
)
def test_a_rate_that_is_gone_after_a_tenth_of_the_run(
    level: float, active: float, severe: str
) -> None:
    # Flat before the rate goes: what it had still in it is not to be seen.
    losses = np.maximum(CHANCE * np.exp(-np.arange(400) / 6.0), level)
    made = history(losses, lr=lambda share: float(share < active))
    assert severity(made, "schedule-ended-early") == severe


@pytest.mark.parametrize(
    ("validation", "severe"),
    [([0.7, 0.38, 0.28], "warning"), ([0.7, 0.29, 0.28], ""), ([0.7, 0.2, 0.1], "")],
    ids=["still falls", "came to rest", "nearly done"],
)
def test_a_short_run_is_judged_by_its_validations(validation: list[float], severe: str) -> None:
    draw = np.random.default_rng(0)
    losses = np.linspace(1.0, 0.25, 15) * CHANCE + 0.3 * draw.standard_normal(15)
    made = history(losses, epochs=3, validation=validation, stopped="budget")
    assert severity(made, "still-improving") == severe


def test_an_end_without_chance_or_without_a_number_is_judged_without_a_word() -> None:
    unknown = replace(CLASSES, chance_loss=None)
    below_0 = np.full(40, -3.0)
    for losses, setting in ((below_0, unknown), (np.full(40, float("nan")), CLASSES)):
        val = [float(losses[-1])] * 3
        made = history(losses, validation=val, setting=setting, stopped="budget")
        assert severity(made, "still-improving") == ""


@pytest.mark.parametrize(
    ("validation", "severe"),
    [([1.0, 20.0, 300.0, 1500.0], "error"), ([-1.0, -20.0, -300.0, -1500.0], "")],
    ids=["mirrored", "told alike"],
)
def test_a_validation_that_mirrors_training_shows_a_turned_sign(
    validation: list[float], severe: str
) -> None:
    unknown = replace(CLASSES, loss_kind="", chance_loss=None)
    losses = -np.repeat([1.0, 20.0, 300.0, 1500.0], 25) * np.linspace(0.9, 1.1, 100)
    made = history(losses, epochs=4, validation=validation, setting=unknown)
    assert severity(made, "gradient-ascent") == severe


def test_a_loss_below_0_is_measured_from_its_lowest() -> None:
    unknown = replace(CLASSES, loss_kind="", chance_loss=None, floor_loss=None)
    draw = np.random.default_rng(0)
    density = 1.0 - 3.0 * (1.0 - np.exp(-np.arange(300) / 40)) + 0.2 * draw.standard_normal(300)
    course = course_of(history(density, setting=unknown))
    assert -2.6 < course.floor < -2.0 and 0.8 < course.progress <= 1.0
    assert course_of(history(falling())).floor == 0.0


FITS = Baseline(linear=0.76, curved=0.74, num_rows=512)


@pytest.mark.parametrize(("accuracy", "severe"), [(0.76, ""), (0.60, "warning")])
def test_noise_that_simple_fits_cannot_tell_apart_is_no_underfitting(
    accuracy: float, severe: str
) -> None:
    noisy = replace(CLASSES, baseline=FITS, num_parameters=500, num_train=5000, num_classes=2)
    noisy = replace(noisy, chance_loss=0.69)
    made = history(np.full(400, 0.5), validation=[0.5] * 10, setting=noisy, **OVER)
    made = replace(made, epochs=replace(made.epochs, metric=(accuracy,) * 10))
    assert severity(made, "underfitting") == severe


@pytest.mark.parametrize(("linear", "severe"), [(0.9999, ""), (0.97, "")])
def test_nobody_misses_a_thousandth_of_r2(linear: float, severe: str) -> None:
    quantity = replace(CLASSES, task="regression", loss_kind="mse", chance_loss=1.0)
    quantity = replace(quantity, baseline=Baseline(linear=linear, curved=linear, num_rows=512))
    made = history(falling(to=0.045), setting=quantity, **OVER)
    reached = (linear - 0.015,) * 10
    columns = replace(made.epochs, metric=reached, clean_metric=reached)
    assert severity(replace(made, metric="r2", epochs=columns), "underfitting") == severe


@pytest.mark.parametrize(("update", "severe"), [(0.01, ""), (0.5, "warning")])
def test_targets_far_out_are_no_jumps_of_small_steps(update: float, severe: str) -> None:
    losses = falling(to=0.5)
    losses[5::17] = losses[6::17] = 60.0
    layers = ({"update_norm": update}, {"update_norm": update})
    made = replace(history(losses), looks=looks(400, layers, update_norm=update))
    assert severity(made, "lr-too-high") == severe


@pytest.mark.parametrize(
    ("missing", "level", "severe"),
    [(2, 1.6, "warning"), (2, 0.1, "info"), (0, 1.6, "")],
    ids=["poor", "a head is enough", "all are held"],
)
def test_parameters_in_no_optimiser(missing: int, level: float, severe: str) -> None:
    tallies = {"foreign-parameters": Tally(happened=missing, of=6)}
    made = history(falling(to=level), tallies=tallies)
    assert severity(made, "not-in-optimizer") == severe
    unknown = replace(CLASSES, chance_loss=None)
    assert severity(replace(made, setting=unknown), "not-in-optimizer") == ""
