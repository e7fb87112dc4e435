"""Rules that read rows of training batches, and the whole run: planted faults and healthy twins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from diagnosis_made import CHANCE, CLASSES, cosine, falling, history, looks, severity, verdict

from goodfit.records import History

QUANTITY = replace(
    CLASSES, task="regression", loss_kind="mse", chance_loss=1.0, num_classes=0, majority_share=None
)


def seen(made: History, *layers: dict[str, Any], **columns: Any) -> History:
    return replace(made, looks=looks(len(made.steps.loss), layers, **columns))


def halfway(level: float = 1.0) -> np.ndarray:
    return falling(to=level)


@pytest.mark.parametrize(("place", "severe"), [(0.45, "warning"), (0.12, "")])
def test_targets_anywhere_among_the_other_classes_are_noise(place: float, severe: str) -> None:
    """Of 30 % mistakes: half-way down, as drawn at random, or next to the best, as confused."""
    columns = {"mistaken": 0.3, "misplaced": 0.3 * place}
    made = seen(history(halfway(), stopped="budget"), **columns)
    assert severity(made, "label-noise") == severe
    running = seen(history(halfway()), **columns)
    few = replace(made, setting=replace(CLASSES, num_classes=4))
    assert severity(running, "label-noise") == severity(few, "label-noise") == ""


@pytest.mark.parametrize(
    ("mistaken", "share"), [(0.75, 0.1), (0.001, 0.1), (0.1, 0.1)], ids=["chance", "few", "sure"]
)
def test_places_are_not_judged_of_few_mistakes_nor_where_all_is_guessed(
    mistaken: float, share: float
) -> None:
    made = seen(
        history(halfway(), stopped="budget"), mistaken=mistaken, misplaced=0.45 * mistaken * share
    )
    assert severity(made, "label-noise") == ""


@pytest.mark.parametrize(
    ("agreement", "explained", "severe"),
    [(-0.2, 0.5, "warning"), (0.3, 0.5, ""), (-0.2, 0.1, "")],
    ids=["exchanged", "noise-that-is-added", "nothing-is-explained"],
)
def test_far_quantities_on_the_other_side_of_the_mean_are_noise(
    agreement: float, explained: float, severe: str
) -> None:
    made = history(np.linspace(1.0, 0.5, 400), setting=QUANTITY, validation=[0.9, 0.6, 0.55])
    made = replace(made, stopped="budget")
    columns = {"far_agreement": agreement, "batch_metric": explained}
    assert severity(seen(made, **columns), "label-noise") == severe


def test_a_loss_at_chance_costs_what_any_labels_cost() -> None:
    level, setting = 1.07, replace(CLASSES, num_classes=3, chance_loss=np.log(3.0))
    made = history(falling(to=level, noise=0.01), validation=[level] * 10, setting=setting)
    made = replace(made, epochs=replace(made.epochs, metric=(0.5,) * 10))
    assert severity(made, "label-noise") == ""


def swinging() -> np.ndarray:
    """Up and down by the whole way, every 80 steps."""
    return falling() + 1.2 * (1 - np.cos(np.arange(400) * 2 * np.pi / 80))


@pytest.mark.parametrize(
    ("ratio", "losses", "severe"),
    [(0.06, swinging(), "warning"), (0.002, swinging(), ""), (0.06, falling(), "")],
    ids=["large-steps", "small-steps", "calm"],
)
def test_a_loss_that_swings_under_large_steps_has_too_high_a_rate(
    ratio: float, losses: np.ndarray, severe: str
) -> None:
    made = seen(history(losses), update_norm=8.0 * ratio)
    assert severity(made, "lr-too-high") == severe


DECAYED = replace(CLASSES, optimizer="sgd", weight_decay=0.05)


def late_decay(strong: bool, rate: float = 10.0) -> History:
    """Gradients large early; at the end they stand against the pull of 0.05 times 8.

    At ``rate`` thousandths, 400 steps of decay alone take ``2 rate`` percent of the weights.
    """
    steps = looks(400).step
    norms = tuple(10.0 if step <= 200 else (0.3 if strong else 8.0) for step in steps)
    made = history(halfway(), setting=DECAYED, lr=lambda share: rate)
    return seen(made, grad_norm=norms)


def shrunk(share: float) -> History:
    steps = len(looks(400).step)
    norms = tuple(np.linspace(8.0, 8.0 * share, steps))
    setting = replace(DECAYED, weight_decay=1e-3)
    return seen(history(halfway(), setting=setting), weight_norm=norms, grad_norm=5.0)


@pytest.mark.parametrize(
    ("make", "severe"),
    [
        (lambda: late_decay(True), "warning"),
        (lambda: late_decay(False), ""),
        (lambda: late_decay(True, rate=1.0), ""),
        (lambda: shrunk(0.3), "warning"),
        (lambda: shrunk(0.8), ""),
    ],
    ids=["late", "early", "no-time", "shrunk", "kept"],
)
def test_decay_is_judged_late_in_the_run_and_by_what_it_leaves(
    make: Callable[[], History], severe: str
) -> None:
    assert severity(make(), "weight-decay-too-strong") == severe


@pytest.mark.parametrize(
    ("first", "to", "severe"),
    [(1e-9, 0.7, "warning"), (0.1, 0.7, ""), (1e-9, 0.05, "")],
    ids=["lost-from-the-start", "healthy", "learned"],
)
def test_a_gradient_that_is_lost_at_the_start_is_told_of_a_run_that_comes_half_way(
    first: float, to: float, severe: str
) -> None:
    made = seen(history(halfway(to)), {"grad_norm": first}, {})
    assert severity(made, "gradient-vanishing") == severe


def early_start(num: int = 400) -> np.ndarray:
    """Half of the way in a fiftieth of the run, then down to a fifth until the rate is 0."""
    share = np.arange(num) / num
    fast = CHANCE * (0.5 + 0.5 * np.exp(-share * 200))
    return fast - CHANCE * 0.3 * np.minimum(share, 0.8) / 0.8


def test_a_fast_start_belongs_to_the_descent() -> None:
    made = history(early_start(), lr=cosine, stopped="budget")
    assert severity(made, "still-improving") in ("", "info")


def test_a_straight_line_is_stopped_too_early() -> None:
    made = history(np.linspace(CHANCE, 1.2, 400), stopped="budget")
    found = verdict(made, "still-improving").finding
    assert found is not None and found.severity == "warning"
    assert found.evidence["share_of_descent_in_last_quarter"] == pytest.approx(0.267, abs=0.005)
