"""The sets that come with scikit-learn, the whole way, against scikit-learn's own numbers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from pipeline_helpers import INSTALLED, TINY, expected_scores, raw_data, rows_of, take
from sklearn import metrics

import goodfit as gf

LIMITS = {"digits": {"epochs": 6, "net": gf.MLP()}}


@pytest.fixture(scope="module", params=INSTALLED)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> gf.Run:
    recipe = gf.Recipe(data=request.param).model_copy(update=LIMITS.get(request.param, {}))
    return gf.train(recipe, out=tmp_path_factory.mktemp("runs") / request.param)


def test_scores_are_scikit_learns_on_the_validation_rows(run: gf.Run) -> None:
    inputs, target = raw_data(run.card.source)
    rows = rows_of(run.folder.path, "validation")
    expected = expected_scores(run, take(inputs, rows), target[rows])
    assert run.scores.part == "validation" and run.scores.num_rows == len(rows)
    assert run.scores.values == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_the_confusion_matrix_is_scikit_learns(run: gf.Run) -> None:
    inputs, target = raw_data(run.card.source)
    rows = rows_of(run.folder.path, "validation")
    if run.card.task == "regression":
        assert run.scores.confusion == ()
        return
    predicted = run.predict(take(inputs, rows)).astype(str)
    classes = list(run.card.classes)
    expected = metrics.confusion_matrix(target[rows].astype(str), predicted, labels=classes)
    assert np.asarray(run.scores.confusion).tolist() == expected.tolist()
    assert run.scores.classes == run.card.classes
    assert set(classes) == set(target.astype(str))


def test_it_learned_far_more_than_chance(run: gf.Run) -> None:
    if run.card.task == "regression":
        assert run.scores.values["r2"] > 0.35
    else:
        assert run.scores.values["accuracy"] > 0.85


def test_parts_are_disjoint_complete_and_as_large_as_asked(run: gf.Run) -> None:
    parts = {name: rows_of(run.folder.path, name) for name in ("train", "validation", "test")}
    together = np.concatenate(list(parts.values()))
    assert np.array_equal(np.sort(together), np.arange(run.card.num_rows))
    sizes = run.sizes
    assert [len(rows) for rows in parts.values()] == [sizes.train, sizes.validation, sizes.test]
    assert sizes.validation == sizes.test == round(0.15 * run.card.num_rows)


def test_the_history_counts_every_step_and_epoch(run: gf.Run) -> None:
    history, batch_size = run.history, run.recipe.batch_size
    assert batch_size is not None
    full, rest = divmod(run.sizes.train, batch_size)
    assert history.steps_per_epoch == full + (rest > 1)
    num_epochs = len(history.epochs.epoch)
    assert history.epochs.epoch == tuple(range(1, num_epochs + 1))
    assert history.epochs.step == tuple(history.steps_per_epoch * e for e in history.epochs.epoch)
    assert history.steps.step == tuple(range(1, history.epochs.step[-1] + 1))
    columns = (history.steps.loss, history.steps.grad_norm, history.steps.lr)
    assert {len(column) for column in columns} == {len(history.steps.step)}
    assert len(history.epochs.validation_loss) == len(history.epochs.metric) == num_epochs


def test_an_epochs_training_loss_is_the_mean_of_its_steps(run: gf.Run) -> None:
    losses = np.asarray(run.history.steps.loss).reshape(-1, run.history.steps_per_epoch)
    assert run.history.epochs.train_loss == pytest.approx(losses.mean(axis=1), rel=1e-6)


def test_the_best_epoch_has_the_least_validation_loss_and_its_scores_are_kept(run: gf.Run) -> None:
    history, losses = run.history, run.history.epochs.validation_loss
    best = int(np.argmin(losses))
    assert history.best_epoch == best + 1
    assert history.metric == ("r2" if run.card.task == "regression" else "accuracy")
    assert history.epochs.metric[best] == pytest.approx(run.scores.values[history.metric], abs=1e-5)
    if run.card.task == "classification":
        assert losses[best] == pytest.approx(run.scores.values["log_loss"], rel=1e-4)


def test_it_stopped_for_the_reason_that_it_gives(run: gf.Run) -> None:
    history, patience = run.history, run.recipe.early_stopping.patience
    waited = len(history.epochs.epoch) - (history.best_epoch or 0)
    if history.stopped == "early-stopping":
        assert waited == patience and len(history.epochs.epoch) < (run.recipe.epochs or 0)
    else:
        assert history.stopped == "budget" and len(history.epochs.epoch) == run.recipe.epochs


def test_the_module_works_on_its_own_on_encoded_inputs(run: gf.Run) -> None:
    inputs, _ = raw_data(run.card.source)
    some = take(inputs, np.arange(20))
    encoded = torch.from_numpy(np.array(some, np.float32))
    with torch.no_grad():
        outputs = run.module(encoded).numpy()
    if run.card.task == "regression":
        assert np.array_equal(outputs[:, 0], run.predict(some))
    else:
        named = np.asarray(run.card.classes)[outputs.argmax(axis=1)]
        assert np.array_equal(named, run.predict(some).astype(str))


def test_the_module_is_exported_and_gives_the_same(run: gf.Run) -> None:
    inputs, _ = raw_data(run.card.source)
    some = take(inputs, np.arange(8))
    encoded = torch.from_numpy(np.array(some, np.float32))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of torch.export, about its own modules
        exported = torch.export.export(run.module, (encoded,)).module()
        assert torch.allclose(exported(encoded), run.module(encoded), atol=1e-6)


def test_every_default_stands_in_the_recipe_that_the_run_wrote(run: gf.Run) -> None:
    text = run.folder.recipe.read_text(encoding="utf-8")
    for line in ("batch_size = ", "epochs = ", "threads = 1", "[net]", 'kind = "cosine"'):
        assert line in text
    assert f'task = "{run.card.task}"' in text


Schedule = Callable[[np.ndarray, int], np.ndarray]


def flat(steps: np.ndarray, _num_steps: int) -> np.ndarray:
    return np.ones_like(steps)


def halved(steps: np.ndarray, _num_steps: int) -> np.ndarray:
    return 0.5 ** ((steps // 4) // 2)


def shrinking(steps: np.ndarray, _num_steps: int) -> np.ndarray:
    return 0.9 ** (steps // 4)


def half_a_wave(steps: np.ndarray, num_steps: int) -> np.ndarray:
    return 0.1 + 0.9 * (1 + np.cos(np.pi * steps / num_steps)) / 2


def warmed_up(steps: np.ndarray, num_steps: int) -> np.ndarray:
    warmup = num_steps // 4
    after = (1 + np.cos(np.pi * (steps - warmup) / (num_steps - warmup))) / 2
    return np.where(steps < warmup, (steps + 1) / warmup, after)


@pytest.mark.parametrize(
    ("schedule", "formula"),
    [
        (gf.Constant(), flat),
        (gf.Step(every=2, gamma=0.5), halved),
        (gf.Exponential(gamma=0.9), shrinking),
        (gf.Cosine(floor=0.1, warmup=0.0), half_a_wave),
        (gf.Cosine(warmup=0.25), warmed_up),
    ],
    ids=lambda value: getattr(value, "kind", getattr(value, "__name__", "")),
)
def test_the_rates_on_record_are_those_of_the_schedule(schedule, formula: Schedule) -> None:
    run = gf.train(TINY.model_copy(update={"schedule": schedule, "epochs": 5}))
    steps = np.arange(20, dtype=np.float64)
    assert run.history.steps_per_epoch == 4 and len(run.history.steps.lr) == 20
    assert run.history.steps.lr == pytest.approx(0.002 * formula(steps, 20), rel=1e-12)


def test_the_rates_of_one_cycle_are_torchs() -> None:
    run = gf.train(TINY.model_copy(update={"schedule": gf.OneCycle(), "epochs": 5}))
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    torchs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.002, total_steps=20)
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        torchs.step() if len(rates) < 20 else None
    assert run.history.steps.lr == pytest.approx(rates, rel=1e-9)


def test_early_stopping_waits_exactly_as_long_as_asked() -> None:
    stopping = gf.EarlyStopping(patience=2)
    eager_to_overfit = {"optimizer": gf.AdamW(lr=0.3), "schedule": gf.Constant(), "epochs": 60}
    run = gf.train(TINY.model_copy(update={"early_stopping": stopping, **eager_to_overfit}))
    losses = run.history.epochs.validation_loss
    assert run.history.stopped == "early-stopping" and len(losses) < 60
    assert int(np.argmin(losses)) == len(losses) - 3


def test_without_early_stopping_the_budget_is_spent() -> None:
    update = {"early_stopping": gf.EarlyStopping(enabled=False), "epochs": 30}
    run = gf.train(
        TINY.model_copy(update={**update, "optimizer": gf.AdamW(lr=0.3), "schedule": gf.Constant()})
    )
    losses = run.history.epochs.validation_loss
    assert run.history.stopped == "budget" and len(losses) == 30
    assert run.history.best_epoch == int(np.argmin(losses)) + 1 < 30


def test_a_delta_makes_small_steps_count_as_none() -> None:
    stopping = gf.EarlyStopping(patience=3, min_delta=100.0)
    run = gf.train(TINY.model_copy(update={"early_stopping": stopping, "epochs": 20}))
    assert (run.history.stopped, run.history.best_epoch) == ("early-stopping", 1)
    assert len(run.history.epochs.epoch) == 4


def test_a_run_that_explodes_ends_at_once_and_says_so() -> None:
    update = {"optimizer": gf.SGD(lr=1e30), "schedule": gf.Constant(), "epochs": 10}
    run = gf.train(TINY.model_copy(update=update))
    assert run.history.stopped == "not-finite" and len(run.history.epochs.epoch) < 10
    assert not math.isfinite(run.history.epochs.train_loss[-1])
    assert math.isnan(run.scores.values["log_loss"]) and run.folder.report.exists()
