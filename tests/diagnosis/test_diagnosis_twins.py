"""Signs that programs by others showed, each with the healthy twin that lacks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from diagnosis_made import CHANCE, CLASSES, cosine, falling, history, looks, severity, warnings_of

from goodfit.records import Baseline, EpochColumns, History, Looks, Setting, StepColumns, Tally

OVER: dict[str, Any] = {"stopped": "budget"}
QUANTITIES = Setting(task="regression", loss_kind="mse", chance_loss=1.0, optimizer="sgd")


@pytest.mark.parametrize(
    ("after", "validation", "said"), [(1.1, 0.9, "warning"), (0.8, 0.9, ""), (1.1, 0.2, "")]
)
def test_epochs_above_chance_after_some_below_it_lost_what_they_learned(
    after: float, validation: float, said: str
) -> None:
    losses = np.concatenate([np.full(40, 0.7), np.full(360, after)])
    made = history(losses, setting=QUANTITIES, validation=[validation] * 10)
    assert severity(made, "lr-too-high") == said


def one_look(optimizer: str) -> History:
    """The first step was as large as the weights are after it; then the loss stays at chance."""
    seen = looks(400, grad_norm=1e4, weight_norm=100.0, update_norm=99.99)
    losses = np.concatenate([[2.3, 90.0, 95.0, 80.0], np.full(396, 2.4)])
    return history(losses, setting=replace(CLASSES, optimizer=optimizer), looks=seen)


@pytest.mark.parametrize(("optimizer", "said"), [("adamw", True), ("sgd", False)])
def test_a_first_step_of_adams_is_the_rates(optimizer: str, said: bool) -> None:
    """SGD's is as large as the gradient: there the start may be at fault."""
    assert bool(severity(one_look(optimizer), "lr-too-high")) == said


@pytest.mark.parametrize(("growth", "said"), [(0.9, "warning"), (3.0, "")])
def test_weights_that_grow_are_not_decayed_away(growth: float, said: str) -> None:
    weights = tuple(np.linspace(8.0, 8.0 * growth, 13))
    setting = replace(CLASSES, optimizer="adamw", weight_decay=1.0)
    seen = looks(400, weight_norm=weights[: len(looks(400).step)], update_norm=0.01)
    made = history(np.full(400, 2.3), setting=setting, looks=seen)
    assert severity(made, "weight-decay-too-strong") == said


@pytest.mark.parametrize(("end", "said"), [(0.8, "warning"), (0.99, "")])
def test_a_rate_far_too_low_is_seen_in_validation_where_noise_hides_it(
    end: float, said: str
) -> None:
    gone = np.cumsum([cosine(k / 399) for k in range(400)])
    rng = np.random.default_rng(0)
    mean = 1.0 - (1.0 - end) * gone / gone[-1]
    losses = mean + 0.4 * rng.standard_normal(400)
    validation = [float(mean[k * 40 + 39]) for k in range(10)] if end < 0.9 else [0.99] * 10
    slow = {"update_norm": 3e-3}
    made = history(losses, lr=cosine, setting=QUANTITIES, validation=validation, **OVER)
    made = replace(made, looks=looks(400, (slow, slow), update_norm=3e-3))
    assert severity(made, "lr-too-low") == said


def wine(mistaken: int, rows: int) -> History:
    """A small validation part, of which a few rows stay mistaken from early on."""
    validation = [0.5, 0.2, *np.full(38, 0.18)]
    made = history(
        falling(to=0.005), validation=validation, setting=replace(CLASSES, majority_share=0.4)
    )
    train = (0.3, 0.1, *np.full(38, 0.005))
    accuracy = (
        1 - 6 / rows,
        1 - 5 / rows,
        1 - (mistaken + 1) / rows,
        *np.full(37, 1 - mistaken / rows),
    )
    epochs = replace(made.epochs, train_loss=train, clean_loss=train, metric=accuracy)
    return replace(made, epochs=epochs)


@pytest.mark.parametrize(
    ("mistaken", "rows", "said"), [(2, 27, ""), (20, 270, "warning"), (4, 27, "warning")]
)
def test_two_rows_of_a_small_validation_part_are_chance(
    mistaken: int, rows: int, said: str
) -> None:
    assert severity(wine(mistaken, rows), "overfitting") == said


@pytest.mark.parametrize(("seen", "said"), [(True, "warning"), (False, "")])
def test_a_text_may_hold_no_more_than_half(seen: bool, said: str) -> None:
    """Where each row has many answers, mistakes are not known by row."""
    made = history(falling(to=1.3), validation=[1.3] * 10, **OVER)
    made = replace(made, epochs=replace(made.epochs, metric=(0.5,) * 10))
    columns: dict[str, Any] = {"mistaken": 0.5, "misplaced": 0.05} if seen else {}
    assert severity(replace(made, looks=looks(400, **columns)), "underfitting") == said


@pytest.mark.parametrize(("dropout", "said"), [(0.9, "warning"), (0.5, "")])
def test_dropout_that_leaves_a_tenth_is_too_much(dropout: float, said: str) -> None:
    setting = replace(CLASSES, dropout=dropout)
    losses = np.linspace(2.3, 2.0, 400)
    made = history(losses, validation=list(np.linspace(2.25, 1.7, 10)), setting=setting, **OVER)
    made = replace(made, epochs=replace(made.epochs, metric=(0.8,) * 10))
    assert severity(made, "underfitting") == said


@pytest.mark.parametrize(
    ("weights", "curved", "said"), [(11, 0.6, "warning"), (11, 0.5, ""), (5000, 0.6, "")]
)
def test_a_few_weights_below_a_curved_fit_are_too_few(
    weights: int, curved: float, said: str
) -> None:
    fits = Baseline(linear=0.35, curved=curved, num_rows=300)
    setting = replace(QUANTITIES, num_parameters=weights, num_train=1000, baseline=fits)
    losses = np.concatenate([np.linspace(1.0, 0.52, 40), np.full(360, 0.52)])
    made = history(losses, validation=[0.6, *[0.52] * 9], setting=setting, **OVER)
    assert severity(replace(made, metric=""), "underfitting") == said


def by_epochs(losses: np.ndarray) -> History:
    """What a table of losses gives, a row each epoch."""
    steps, values = tuple(range(1, len(losses) + 1)), tuple(map(float, losses))
    return History(
        metric="",
        steps=StepColumns(step=steps, loss=values),
        epochs=EpochColumns(epoch=steps, step=steps, train_loss=values, validation_loss=values),
    )


def test_a_table_that_never_moved_is_a_plateau() -> None:
    rng = np.random.default_rng(0)
    flat = by_epochs(2.3 + 0.001 * rng.standard_normal(30))
    assert severity(flat, "plateau") == "warning"
    assert warnings_of(by_epochs(falling(30, to=0.1, noise=0.0))) == []
    assert severity(by_epochs(np.full(5, 2.3)), "plateau") == ""


def test_labels_are_not_blamed_for_dead_units() -> None:
    rng = np.random.default_rng(2)
    losses = CHANCE * (1 + 0.01 * rng.standard_normal(400))
    for dead, said in ((0.0, "warning"), (1.0, "")):
        made = history(losses, validation=[CHANCE] * 10, **OVER)
        made = replace(made, epochs=replace(made.epochs, metric=(0.1,) * 10))
        made = replace(made, looks=looks(400, ({"dead_share": dead}, {}), turn=0.0))
        assert severity(made, "label-noise") == said


def test_no_step_is_one_where_nothing_is_finite() -> None:
    still = {"still-weights": Tally(happened=4, of=4)}
    assert severity(history(np.full(60, 2.3), tallies=still), "weights-unchanged") == "error"
    broken = history([2.3, *np.full(59, np.nan)], tallies=still)
    assert severity(broken, "weights-unchanged") == ""


@pytest.mark.parametrize(("happened", "said"), [(1, "error"), (0, "")])
def test_one_look_at_a_negated_loss_will_do_where_it_exploded(happened: int, said: str) -> None:
    losses = [1.0, 40.0, 3e8, *np.full(7, np.inf)]
    made = history(
        losses,
        setting=QUANTITIES,
        tallies={"loss-negated": Tally(happened=happened, of=1)},
        looks=Looks(),
    )
    assert severity(made, "gradient-ascent") == said
