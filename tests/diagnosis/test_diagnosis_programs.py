"""What programs of a sixth stranger showed: signs that misled, and their twins that do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from diagnosis_made import CHANCE, CLASSES, falling, history, looks, severity

from goodfit.records import Baseline, History, Setting, Tally

OVER: dict[str, Any] = {"stopped": "budget"}
STUCK = np.full(400, CHANCE)
UNKNOWN = Setting(optimizer="adam")
QUANTITIES = Setting(task="regression", loss_kind="mse", chance_loss=1.0, optimizer="sgd")


@pytest.mark.parametrize(("optimizer", "said"), [("lbfgs", ""), ("sgd", "warning")])
def test_steps_of_lbfgs_are_as_large_as_the_curvature_allows(optimizer: str, said: str) -> None:
    setting = replace(CLASSES, optimizer=optimizer)
    seen = looks(400, [{"update_norm": 2.0}, {}])
    made = history(np.full(400, 1.0), setting=setting, looks=seen)
    assert severity(made, "update-ratio-high") == said


@pytest.mark.parametrize(("rises", "said"), [(False, ""), (True, "warning")])
def test_a_training_loss_below_0_is_another_than_validations(rises: bool, said: str) -> None:
    """Learned variances make the training loss negative; validation is told without them."""
    losses = np.linspace(2.0, -6.5, 400)
    late = np.linspace(0.5, 4.0, 4) if rises else np.full(4, 0.02)
    validation = [*np.linspace(0.5, 0.02, 6), *late]
    made = history(losses, setting=UNKNOWN, validation=validation, **OVER)
    made = replace(made, metric="", epochs=replace(made.epochs, metric=(float("nan"),) * 10))
    assert severity(made, "overfitting") == said


def at_chance(accuracies: list[float], **fields: Any) -> History:
    """Validation at chance, gradients that share no direction, these accuracies."""
    made = history(STUCK, validation=[CHANCE * 1.01] * 10, looks=looks(400, turn=0.0), **OVER)
    made = replace(made, epochs=replace(made.epochs, metric=tuple(accuracies)))
    return replace(made, **fields)


def test_an_accuracy_that_is_off_by_chance_is_not_above_chance() -> None:
    assert severity(at_chance([0.09, 0.18, 0.1, 0.11, 0.08] * 2), "label-noise") == "warning"
    assert severity(at_chance([0.15] * 10), "label-noise") == ""


def by_heart(rows: int, same: bool) -> History:
    """Training learns rows by heart, validation never left chance."""
    setting = replace(CLASSES, batch_size=rows)
    validation = list(np.linspace(CHANCE, 4.0, 10))
    made = history(falling(), setting=setting, validation=validation, **OVER)
    tallies = {"same-batch": Tally(happened=40 * same, of=40)}
    return replace(made, tallies=tallies, steps_per_epoch=1 if not same else 10)


@pytest.mark.parametrize(
    ("rows", "same", "said"),
    [(24, False, ""), (24, True, ""), (512, False, "warning"), (512, True, "warning")],
)
def test_few_rows_are_learned_by_heart_whatever_their_labels_are(
    rows: int, same: bool, said: str
) -> None:
    assert severity(by_heart(rows, same), "label-noise") == said


def test_rows_that_are_told_from_each_other_have_no_labels() -> None:
    contrastive = replace(CLASSES, num_classes=32, majority_share=1 / 32)
    made = at_chance([0.05] * 10, setting=contrastive)
    assert severity(made, "label-noise") == ""


@pytest.mark.parametrize(("end", "said"), [(2000.0, "warning"), (12.0, "")])
def test_weights_that_one_step_threw_far_away(end: float, said: str) -> None:
    num = len(looks(400).step)
    norms = (8.0, 8.1, 8.3, *(end,) * (num - 3))
    made = history(STUCK, looks=looks(400, weight_norm=norms, update_norm=1e-3))
    assert severity(made, "lr-too-high") == said


@pytest.mark.parametrize(("begun", "said"), [(8.0, "warning"), (1e-3, "")])
def test_weights_that_begin_next_to_0_were_not_thrown(begun: float, said: str) -> None:
    num = len(looks(400).step)
    norms = (begun, *(300.0 * begun,) * (num - 1))
    setting = replace(CLASSES, num_parameters=400)
    made = history(
        STUCK, setting=setting, looks=looks(400, weight_norm=norms, update_norm=1e-5 * begun)
    )
    assert severity(made, "lr-too-high") == said


@pytest.mark.parametrize(("optimizer", "said"), [("sgd", "warning"), ("adam", "")])
def test_a_sum_is_not_the_cause_where_gradients_are_divided_by_their_size(
    optimizer: str, said: str
) -> None:
    jumped = np.concatenate([[2.3, 2.5], np.full(60, 90.0)])
    setting = replace(CLASSES, loss_reduction="sum", optimizer=optimizer)
    assert severity(history(jumped, setting=setting), "loss-sum-reduction") == said


@pytest.mark.parametrize(("validation", "said"), [(2.5, "warning"), (0.1, "info")])
def test_a_batch_that_may_be_all_rows_is_named_where_validation_does_not_follow(
    validation: float, said: str
) -> None:
    made = history(falling(), setting=replace(CLASSES, batch_size=50), validation=[validation] * 10)
    made = replace(made, tallies={"same-batch": Tally(happened=40, of=40)})
    assert severity(made, "same-batch-every-step") == said


@pytest.mark.parametrize(("first", "last", "said"), [(4.6, 200.0, "error"), (4.6, 1.0, "")])
def test_a_loss_told_with_its_sign_turned_may_fall(first: float, last: float, said: str) -> None:
    losses = -np.linspace(4.6, 200.0, 400)
    validation = list(np.linspace(first, last, 10))
    made = history(losses, setting=UNKNOWN, validation=validation)
    made = replace(made, tallies={"loss-negated": Tally(happened=12, of=12)})
    assert severity(made, "gradient-ascent") == said


@pytest.mark.parametrize(("gradient", "said"), [((0.3, *(0.0,) * 12), ""), (1e-5, "warning")])
def test_a_usual_decay_is_not_to_blame_where_gradients_are_gone(gradient: Any, said: str) -> None:
    setting = replace(CLASSES, optimizer="adam", weight_decay=1e-4)
    num = len(looks(400).step)
    grads = gradient[:num] if isinstance(gradient, tuple) else gradient
    made = history(STUCK, setting=setting, looks=looks(400, grad_norm=grads))
    assert severity(made, "weight-decay-too-strong") == said


def test_a_rate_is_not_called_good_beside_one_that_is_too_low() -> None:
    """The loss falls faster and faster to the end of the run, three quarters of the way."""
    losses = CHANCE * (1.0 - 0.75 * np.linspace(0.0, 1.0, 400) ** 1.5)
    assert severity(history(losses), "lr-good") == "info"
    made = history(losses, **OVER)
    assert severity(made, "lr-too-low") == "warning"
    assert severity(made, "lr-good") == ""


@pytest.mark.parametrize(
    ("on_batches", "dropout", "said"), [(0.8, 0.0, "warning"), (0.8, 0.2, ""), (0.95, 0.0, "")]
)
def test_r2_of_batches_stands_in_where_no_metric_was_told(
    on_batches: float, dropout: float, said: str
) -> None:
    """Of a Huber loss R2 does not follow; straight lines reach 0.8 here, curves 0.93."""
    simple = Baseline(linear=0.8, curved=0.93, num_rows=230)
    setting = Setting(
        task="regression",
        loss_kind="huber",
        chance_loss=0.48,
        optimizer="rmsprop",
        dropout=dropout,
        baseline=simple,
    )
    losses = np.concatenate([np.linspace(0.48, 0.12, 40), np.full(360, 0.12)])
    made = history(losses, setting=setting, looks=looks(400, batch_metric=on_batches), **OVER)
    made = replace(made, metric="", epochs=replace(made.epochs, metric=(float("nan"),) * 10))
    assert severity(made, "underfitting") == said


@pytest.mark.parametrize(("update", "said"), [(3e-3, "warning"), (3e-2, "")])
def test_small_steps_that_still_bring_validation_down_are_too_small(
    update: float, said: str
) -> None:
    """57 % of the way is done; batches are too noisy to show that the loss still falls."""
    gone = 1.0 - np.exp(-0.84 * np.linspace(0.0, 1.0, 360))
    losses = 0.96 * (1.0 - gone) + 0.15 * np.random.default_rng(0).standard_normal(360)
    validation = [0.96 * float(np.exp(-0.07 * k)) for k in range(1, 13)]
    setting = replace(QUANTITIES, chance_loss=0.96, optimizer="adam")
    seen = looks(360, [{"update_norm": update}] * 2, update_norm=update)
    made = history(losses, setting=setting, validation=validation, looks=seen, epochs=12, **OVER)
    assert severity(made, "lr-too-low") == said
