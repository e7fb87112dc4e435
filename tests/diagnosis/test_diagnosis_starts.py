"""How a run began, and what only its training rows have: made histories and their healthy twins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from diagnosis_made import CHANCE, CLASSES, falling, history, looks, severity

from goodfit.records import Baseline, History, Setting, Signal, Tally, joined_looks

STUCK = np.full(400, CHANCE)
OVER: dict[str, Any] = {"stopped": "budget"}
QUANTITIES = Setting(task="regression", loss_kind="mse", chance_loss=1.0, optimizer="sgd")
LARGE = Signal(gain=0.6, size_in=300.0, spread_in=290.0, spread_out=170.0)


def begun(losses: np.ndarray, *signals: Signal | None, **first: Any) -> History:
    """A run whose layers had these signals at the first look; ``first`` are columns of layer 1."""
    layers = [{"signal": signal} for signal in signals]
    layers[0] |= first
    return replace(history(losses), looks=looks(len(losses), layers))


@pytest.mark.parametrize(
    ("losses", "second", "said"),
    [
        (STUCK, 120.0, "warning"),
        (falling(), 120.0, ""),  # training came through
        (STUCK, 1.0, ""),  # a norm stands behind the first layer
    ],
)
def test_inputs_far_out_are_named_where_training_suffers(
    losses: np.ndarray, second: float, said: str
) -> None:
    made = begun(losses, LARGE, Signal(gain=0.6, size_in=second, spread_in=1.0, spread_out=0.6))
    assert severity(made, "input-out-of-scale") == said


def test_saturated_units_are_no_norm() -> None:
    made = begun(STUCK, LARGE, Signal(size_in=1.0), saturated_share=0.9)
    assert severity(made, "input-out-of-scale") == "warning"


def test_a_mean_of_many_deviations_is_out_of_scale() -> None:
    shifted = Signal(gain=0.6, size_in=10.0, spread_in=1.0, spread_out=0.6)
    assert severity(begun(STUCK, shifted), "input-out-of-scale") == "warning"
    assert severity(begun(STUCK, replace(shifted, spread_in=9.0)), "input-out-of-scale") == ""


def test_a_norm_in_front_takes_any_inputs() -> None:
    layers = [{"kind": "BatchNorm1d"}, {"signal": LARGE}]
    made = replace(history(STUCK), looks=looks(400, layers))
    assert severity(made, "input-out-of-scale") == ""


@pytest.mark.parametrize(
    ("gain", "spread", "said"),
    [
        (4.0, 50.0, "init-too-large"),
        (1.4, 50.0, ""),
        (0.01, 1e-6, "init-too-small"),
        (0.6, 0.1, ""),
    ],
)
def test_weights_are_judged_by_gain_and_by_what_becomes_of_the_signal(
    gain: float, spread: float, said: str
) -> None:
    first = Signal(gain=gain, size_in=1.0, spread_in=1.0, spread_out=spread)
    last = Signal(gain=gain, size_in=spread, spread_in=spread, spread_out=spread)
    made = begun(STUCK, first, last)
    told = {name for name in ("init-too-large", "init-too-small") if severity(made, name)}
    assert told == ({said} if said else set())


def test_a_start_is_not_blamed_where_training_came_through() -> None:
    first = Signal(gain=4.0, size_in=1.0, spread_in=1.0, spread_out=50.0)
    assert severity(begun(falling(), first, first), "init-too-large") == ""


def test_the_first_signal_stays_when_looks_are_joined() -> None:
    one = begun(STUCK, LARGE).looks
    two = replace(one, layers=tuple(replace(layer, signal=None) for layer in one.layers))
    assert joined_looks([one, two]).layers[0].signal == LARGE


def frozen(share: float, losses: np.ndarray, **fields: Any) -> History:
    tallies = {
        "frozen-weights": Tally(happened=int(1000 * share), of=1000),
        "unreached-parameters": Tally(happened=0, of=2),
    }
    return replace(history(losses, **fields), tallies=tallies)


def test_most_weights_frozen_and_little_learned() -> None:
    poor = np.linspace(CHANCE, 1.5, 400)
    assert severity(frozen(0.9, poor, **OVER), "no-gradient") == "warning"
    assert severity(frozen(0.3, poor, **OVER), "no-gradient") == ""
    assert severity(frozen(0.9, poor), "no-gradient") == ""  # the run is not over
    assert severity(frozen(0.9, falling(), **OVER), "no-gradient") == ""
    trained_before = np.linspace(1.4, 1.3, 400)
    assert severity(frozen(0.9, trained_before, **OVER), "no-gradient") == ""


def doubted(
    train: float, validation: float, accuracy: float, setting: Setting = CLASSES, **fields: Any
) -> History:
    """A run that ends at these losses of training and validation, and at this accuracy."""
    losses = np.concatenate([np.linspace(CHANCE, train, 40), np.full(360, train)])
    made = history(losses, validation=[validation] * 10, setting=setting, **OVER)
    epochs = replace(made.epochs, metric=(accuracy,) * 10, **fields)
    return replace(made, epochs=epochs)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (doubted(1.5, 0.8, 0.92), "warning"),
        (doubted(0.9, 0.8, 0.92), ""),  # training is no harder
        (doubted(1.5, 0.35, 0.92), ""),  # it is as sure as it is right: heavy augmentation
        (doubted(1.5, 0.8, 0.92, replace(CLASSES, dropout=0.6)), ""),
        (doubted(1.5, 0.8, 0.92, replace(CLASSES, mixed_targets=True)), ""),
        (doubted(1.5, 0.8, 0.92, clean_loss=(0.8,) * 10), ""),  # without dropout it is not
        (doubted(2.4, 0.8, 0.92), ""),  # a loss of mixed rows that nobody told
    ],
)
def test_noise_that_only_training_rows_have(made: History, said: str) -> None:
    assert severity(made, "label-noise") == said


@pytest.mark.parametrize(("far", "said"), [(0.1, "warning"), (0.7, "")])
def test_quantities_that_only_training_rows_miss(far: float, said: str) -> None:
    made = doubted(0.65, 0.33, 0.6, QUANTITIES)
    made = replace(made, looks=replace(looks(400), far_agreement=(far,) * len(looks(400).step)))
    assert severity(made, "label-noise") == said


@pytest.mark.parametrize(
    ("kind", "rows", "validation", "said"),
    [
        ("BatchNorm1d", 2, CHANCE, "warning"),
        ("BatchNorm1d", 32, CHANCE, ""),
        ("BatchNorm1d", 2, 0.1, ""),
        ("BatchNorm2d", 2, CHANCE, "warning"),  # validation is far behind training
        ("GELU", 2, CHANCE, ""),
    ],
)
def test_batch_norm_of_a_few_rows(kind: str, rows: int, validation: float, said: str) -> None:
    setting = replace(CLASSES, batch_size=rows)
    made = history(falling(), setting=setting, validation=[validation] * 10)
    made = replace(made, looks=looks(400, [{}, {"kind": kind, "norm_gap": 0.1}]))
    assert severity(made, "batch-norm-tiny-batch") == said


def test_maps_of_a_few_rows_have_values_enough() -> None:
    """Validation is as poor as training: that is the task's own noise."""
    setting = replace(CLASSES, batch_size=4)
    made = history(np.full(400, 1.5), setting=setting, validation=[1.5] * 10)
    made = replace(made, looks=looks(400, [{}, {"kind": "BatchNorm2d", "norm_gap": 0.1}]))
    assert severity(made, "batch-norm-tiny-batch") == ""


def test_rows_that_only_some_layer_tells_apart_are_not_the_same() -> None:
    """The layer that is called first reads the state a recurrent network begins with."""
    none = Signal(gain=0.6, size_in=0.0, spread_in=0.0, spread_out=0.0)
    some = Signal(gain=0.6, size_in=1.0, spread_in=1.0, spread_out=0.6)
    assert severity(begun(STUCK, none, none), "input-ignored") == "error"
    assert severity(begun(STUCK, none, some), "input-ignored") == ""
    assert severity(begun(falling(), none, none), "input-ignored") == ""


def test_what_comes_in_and_reaches_no_layer_is_ignored() -> None:
    """The network has weights of its own beside its layers, and is given what differs."""
    none = Signal(gain=0.6, size_in=1.0, spread_in=0.0, spread_out=0.0)
    whole = {"signal": Signal(size_in=1.0, spread_in=1.0, spread_out=0.0)}
    made = begun(STUCK, none, none)
    seen = looks(400, [{"signal": none}, {"signal": none}, whole])
    names = ("body.0", "body.1", "network")
    named = tuple(replace(layer, name=name) for layer, name in zip(seen.layers, names, strict=True))
    made = replace(made, looks=replace(seen, layers=named))
    assert severity(made, "input-ignored") == "error"


@pytest.mark.parametrize(("first", "said"), [(500.0, "warning"), (6.0, "")])
def test_a_loss_that_is_not_known_and_began_far_off_has_not_come_through(
    first: float, said: str
) -> None:
    losses = np.array([first, *np.linspace(first / 2, 1.0, 399)])
    unknown = replace(CLASSES, task=None, loss_kind="", chance_loss=None, floor_loss=None)
    made = replace(begun(losses, LARGE, LARGE), setting=unknown)
    assert severity(made, "input-out-of-scale") == said


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [(40.0, 1.9, "warning"), (40.0, 0.1, ""), (2.5, 1.9, "")],
)
def test_outputs_that_begin_far_from_all_targets_are_named_where_training_is_poor(
    first: float, then: float, said: str
) -> None:
    assert severity(history(np.array([first, *np.full(99, then)])), "initial-loss-off") == said


def test_inputs_that_simple_fits_do_no_better_with_are_not_blamed() -> None:
    """Noise alone keeps R2 at 0.57: straight lines reach no more."""
    simple = Baseline(linear=0.575, curved=0.56, num_rows=400)
    setting = replace(QUANTITIES, baseline=simple)
    losses = np.concatenate([np.linspace(1.0, 0.43, 40), np.full(360, 0.43)])
    made = history(losses, setting=setting, validation=[0.43] * 10, **OVER)
    made = replace(made, looks=looks(400, [{"signal": LARGE}, {}]), metric="r2")
    made = replace(made, epochs=replace(made.epochs, metric=(0.57,) * 10))
    assert severity(made, "input-out-of-scale") == ""
    bare = replace(made, setting=QUANTITIES)
    assert severity(bare, "input-out-of-scale") == "warning"
