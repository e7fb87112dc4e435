"""A trial in a tile is the same run as its recipe alone, whoever trains beside it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch
from studies_helpers import SMALL, Watched, group_of, queue

import goodfit as gf
from goodfit.recipe import Recipe
from goodfit.records import EpochColumns
from goodfit.studies.grouping import key_of
from goodfit.studies.wave import Asked, Progress
from goodfit.studies.workers import run_wave

RATES = (1e-3, 3e-3, 1e-2, 3e-2, 0.1)
OPTIMIZERS = {
    "sgd": gf.SGD,
    "momentum": gf.Momentum,
    "nesterov": gf.Nesterov,
    "adagrad": gf.Adagrad,
    "rmsprop": gf.RMSProp,
    "adam": gf.Adam,
    "adamw": gf.AdamW,
}


def at(recipe: Recipe, **changes: object) -> Recipe:
    return recipe.model_copy(update=changes)


ALONE: dict[str, EpochColumns] = {}


def alone_of(recipe: Recipe) -> EpochColumns:
    key = recipe.model_dump_json()
    if key not in ALONE:
        ALONE[key] = gf.train(at(recipe, split=gf.Split(seed=0))).history.epochs
    return ALONE[key]


def assert_equal_to_solo(trials: list[Progress], recipes: list[Recipe]) -> None:
    for progress, recipe in zip(trials, recipes, strict=True):
        alone = alone_of(recipe)
        assert progress.validation_loss == pytest.approx(alone.validation_loss, rel=1e-4)
        assert progress.train_loss == pytest.approx(alone.train_loss, rel=1e-4)
        assert progress.metric == pytest.approx(alone.metric, abs=0.05)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_trial_is_its_run_alone(kind: str, tmp_path: Path) -> None:
    recipes = [at(SMALL, optimizer=OPTIMIZERS[kind](lr=rate)) for rate in RATES[:3]]
    group = group_of(recipes[0], 3, tmp_path)
    trials = queue(group, recipes)
    run_wave([group], 4, 1, Watched())
    assert_equal_to_solo(trials, recipes)


def test_a_slot_that_is_free_takes_the_next_trial(tmp_path: Path) -> None:
    recipes = [at(SMALL, optimizer=gf.AdamW(lr=rate), epochs=2 + n) for n, rate in enumerate(RATES)]
    group = group_of(recipes[0], 2, tmp_path)
    trials = queue(group, recipes)
    run_wave([group], 9, 1, Watched())
    assert [progress.epoch for progress in trials] == [2, 3, 4, 5, 6]
    assert_equal_to_solo(trials, recipes)


def test_schedules_seeds_and_dropout_differ_by_row(tmp_path: Path) -> None:
    net = gf.MLP(hidden=(16,), dropout=0.2)
    recipes = [
        at(SMALL, net=net, seed=0, schedule=gf.Constant()),
        at(SMALL, net=gf.MLP(hidden=(16,), dropout=0.5), seed=1, schedule=gf.OneCycle()),
        at(SMALL, net=net, seed=1, schedule=gf.Step(every=1, gamma=0.5)),
    ]
    group = group_of(at(recipes[0], split=gf.Split(seed=0)), 3, tmp_path)
    trials = queue(group, recipes)
    run_wave([group], 4, 1, Watched())
    assert_equal_to_solo(trials, recipes)


def test_batch_norm_in_a_tile_is_that_of_the_run_alone(tmp_path: Path) -> None:
    # Not Adam: a bias before batch norm has no gradient but rounding, which Adam scales to steps.
    net = gf.MLP(hidden=(16,), norm="batch")
    recipes = [at(SMALL, net=net, optimizer=gf.Momentum(lr=rate)) for rate in RATES[:2]]
    group = group_of(recipes[0], 2, tmp_path)
    trials = queue(group, recipes)
    run_wave([group], 4, 1, Watched())
    assert_equal_to_solo(trials, recipes)


def test_a_trial_that_diverges_leaves_and_harms_no_other(tmp_path: Path) -> None:
    healthy = [at(SMALL, optimizer=gf.SGD(lr=rate)) for rate in (0.01, 0.05)]
    wild = at(SMALL, optimizer=gf.SGD(lr=1e30))
    group = group_of(wild, 3, tmp_path)
    trials = queue(group, [healthy[0], wild, healthy[1]])
    run_wave([group], 4, 1, Watched())
    assert trials[1].condition == "dropped" and trials[1].epoch == 1
    assert_equal_to_solo([trials[0], trials[2]], healthy)


def test_a_loss_past_3_times_its_first_is_dropped() -> None:
    progress = queue_one()
    progress.add_epoch([1.0, 2.9, 2.9], 1.0, 0.5, until=4)
    assert progress.condition == "running"
    progress = queue_one()
    progress.add_epoch([1.0, *[3.2] * 9], 1.0, 0.5, until=4)
    assert (progress.condition, progress.why) == ("dropped", "the loss passed 3 times its first")


def test_patience_ends_a_trial() -> None:
    progress = queue_one(early_stopping=gf.EarlyStopping(patience=1))
    for loss in (1.0, 1.1):
        progress.add_epoch([1.0], loss, 0.5, until=4)
    assert (progress.condition, progress.why, progress.best_epoch) == ("done", "stopped early", 1)


def test_a_trial_may_be_judged_by_its_metric() -> None:
    by_loss, by_metric = (
        queue_one(early_stopping=gf.EarlyStopping(monitor=monitor))
        for monitor in ("loss", "metric")
    )
    for progress in (by_loss, by_metric):
        for loss, metric in ((0.5, 0.90), (0.6, 0.92), (0.55, 0.92), (0.7, 0.91)):
            progress.add_epoch([1.0], loss, metric, until=4)
    assert (by_loss.best_epoch, by_loss.value) == (1, 0.90)
    assert (by_metric.best_epoch, by_metric.value) == (3, 0.92)


def queue_one(**changes: object) -> Progress:
    return Progress(Asked(0, {}, at(SMALL, **changes)))


def test_a_paused_trial_goes_on_to_the_same_end(tmp_path: Path) -> None:
    recipes = [at(SMALL, optimizer=gf.AdamW(lr=rate)) for rate in RATES[:3]]
    group = group_of(recipes[0], 3, tmp_path)
    trials = queue(group, recipes)
    run_wave([group], 2, 1, Watched())
    assert [(p.condition, p.epoch) for p in trials] == [("paused", 2)] * 3
    for progress in trials[:2]:
        progress.condition = "running"
        group.waiting.append(progress)
    run_wave([group], 4, 1, Watched())
    assert_equal_to_solo(trials[:2], recipes[:2])


@pytest.mark.parametrize("num_workers", [1, 2])
def test_workers_give_the_same(num_workers: int, tmp_path: Path) -> None:
    recipes = [at(SMALL, optimizer=gf.AdamW(lr=rate)) for rate in RATES]
    group = group_of(recipes[0], 2, tmp_path)
    trials, watched = queue(group, recipes), Watched()
    run_wave([group], 4, num_workers, watched)
    assert sorted(watched.epochs) == [(n, e) for n in range(5) for e in range(1, 5)]
    assert_equal_to_solo(trials, recipes)


def test_threads_give_the_same_where_a_system_cannot_fork(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goodfit.studies.workers.CAN_FORK", False)
    recipes = [at(SMALL, optimizer=gf.AdamW(lr=rate)) for rate in RATES]
    group = group_of(recipes[0], 2, tmp_path)
    trials = queue(group, recipes)
    run_wave([group], 4, 2, Watched())
    assert_equal_to_solo(trials, recipes)


def test_a_worker_that_dies_loses_no_trial(tmp_path: Path) -> None:
    class Killer(Watched):
        """Kills the worker that reports first, once."""

        def on_epoch(self, progress: Progress) -> None:
            super().on_epoch(progress)
            if len(self.epochs) == 3:
                os.kill(next(iter(forks())), signal.SIGKILL)

    recipes = [at(SMALL, optimizer=gf.AdamW(lr=rate), epochs=30) for rate in RATES[:4]]
    group = group_of(recipes[0], 2, tmp_path)
    trials = queue(group, recipes)
    run_wave([group], 30, 2, Killer())
    assert all(progress.condition == "done" for progress in trials)
    assert_equal_to_solo(trials, recipes)


def forks() -> set[int]:
    """Return the processes that this one has forked."""
    listing = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
    return {int(word) for word in listing.split()}


def test_an_exception_of_the_watcher_ends_all_workers(tmp_path: Path) -> None:
    class Stopping(Watched):
        def check(self) -> None:
            if self.epochs:
                raise KeyboardInterrupt

    recipes = [at(SMALL, optimizer=gf.AdamW(lr=rate), epochs=50) for rate in RATES]
    group = group_of(recipes[0], 2, tmp_path)
    queue(group, recipes)
    with pytest.raises(KeyboardInterrupt):
        run_wave([group], 50, 2, Stopping())
    assert not forks()


def test_groups_that_differ_train_in_one_wave(tmp_path: Path) -> None:
    recipes = [at(SMALL, optimizer=gf.AdamW(lr=0.01)), at(SMALL, optimizer=gf.SGD(lr=0.1))]
    groups = [group_of(recipe, 2, tmp_path) for recipe in recipes]
    trials = [queue(group, [recipe])[0] for group, recipe in zip(groups, recipes, strict=True)]
    run_wave(groups, 4, 2, Watched())
    assert_equal_to_solo(trials, recipes)


def test_torch_keeps_its_generator_and_threads(tmp_path: Path) -> None:
    group = group_of(SMALL, 2, tmp_path)
    queue(group, [SMALL])
    before = torch.get_rng_state()
    run_wave([group], 1, 1, Watched())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_group_is_named_in_plain_words() -> None:
    nets = [gf.MLP(hidden=(16,), dropout=rate) for rate in (0.0, 0.1, 0.4)]
    names = {key_of(at(SMALL, net=net)) for net in nets}
    assert len(names) == 2 and not any("True" in name or "False" in name for name in names)
    assert sum("with dropout" in name for name in names) == 1
