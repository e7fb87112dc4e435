"""The progress bar of a search counts epochs once, and says what left and why."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pytest
from rich.console import Console
from studies_helpers import SMALL

import goodfit as gf
from goodfit.studies.bar import Bar
from goodfit.studies.strategies import STRATEGIES, Plan
from goodfit.studies.wave import AGAIN, Asked, Progress, Wave


def trained(number: int, epochs: int, *, until: int) -> Progress:
    progress = Progress(Asked(number, {}, SMALL))
    for _ in range(epochs):
        progress.add_epoch([1.0], 1.0, 0.5 + number / 10, until=until)
    return progress


def begun(num: int, *, epochs: int = 0, until: int = 1) -> list[Progress]:
    found = [trained(number, epochs, until=until) for number in range(num)]
    for progress in found:
        progress.condition = "running"
    return found


def wave_of(found: list[Progress], until: int) -> Wave:
    return Wave(tuple(progress.asked for progress in found), until)


def test_trials_that_go_on_are_not_counted_twice() -> None:
    bar, found = Bar(), begun(3)
    bar.on_wave(wave_of(found, 2), found)
    for number in range(3):
        for epoch in (1, 2):
            bar.on_epoch(trained(number, epoch, until=2))
    found = begun(3, epochs=2)[2:]
    bar.on_wave(wave_of(found, 4), found)
    task = bar._progress.tasks[0]
    assert (task.completed, task.total) == (6, 8)
    assert bar.best == 0.7


def test_what_left_is_told_with_its_reason() -> None:
    bar, found = Bar(), begun(1)
    bar.on_wave(wave_of(found, 4), found)
    progress = Progress(Asked(0, {}, SMALL))
    progress.add_epoch([float("nan")], 1.0, 0.5, until=4)
    bar.on_epoch(progress)
    assert bar.left == {"the loss is not finite": 1}
    task = bar._progress.tasks[0]
    assert task.completed == task.total == 1


def test_a_trial_that_leaves_at_a_rung_takes_only_the_rung_away() -> None:
    bar, found = Bar(), begun(2)
    bar.on_wave(wave_of(found, 2), found)
    bar.on_epoch(trained(1, 1, until=2))
    lost = Progress(Asked(0, {}, SMALL))
    lost.add_epoch([float("inf")], 1.0, 0.5, until=2)
    bar.on_epoch(lost)
    task = bar._progress.tasks[0]
    assert (task.completed, task.total) == (2, 3)


def test_what_an_earlier_session_trained_is_no_work() -> None:
    bar = Bar()
    found = [trained(0, 4, until=4), *begun(2)[1:]]
    lost = Progress(Asked(2, {}, SMALL), condition="failed", why="too small")
    bar.on_wave(wave_of([*found, lost], 4), [*found, lost])
    task = bar._progress.tasks[0]
    assert (task.completed, task.total) == (0, 4)
    assert bar.best == 0.5 and bar.left == {"too small": 1}
    for epoch in range(1, 5):
        bar.on_epoch(trained(1, epoch, until=4))
    assert (task.completed, task.total) == (4, 4)


def test_epochs_that_a_dead_worker_lost_are_work_again() -> None:
    bar, found = Bar(), begun(1)
    bar.on_wave(wave_of(found, 4), found)
    for epoch in (1, 2, 1, 2, 3, 4):
        bar.on_epoch(trained(0, epoch, until=4))
    task = bar._progress.tasks[0]
    assert (task.completed, task.total) == (4, 4)


def test_the_work_of_later_waves_is_counted_from_the_start() -> None:
    bar, found = Bar(), begun(3)
    bar.on_begin(Path("study"), "accuracy")
    shares = []
    for until, going, later in ((1, found, 3), (4, found[:1], 0)):
        wave = Wave(tuple(progress.asked for progress in going), until, f"until {until}", later)
        for progress in going:
            progress.condition = "running"
        bar.on_wave(wave, going)
        for progress in going:
            while progress.condition == "running":
                progress.add_epoch([1.0], 1.0, 0.5, until=until)
                bar.on_epoch(progress)
                task = bar._progress.tasks[0]
                shares.append(task.completed / (task.total or 1))
    assert shares == pytest.approx([k / 6 for k in range(1, 7)])


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("trials", [1, 5, 40])
def test_strategies_say_what_their_later_waves_will_train(strategy: str, trials: int) -> None:
    space = SMALL.vary(lr=gf.loguniform(1e-4, 1e-1))
    epochs: list[int] = []
    later: list[int] = []
    plan = Plan(space, trials, 27, 0, 16, lambda recipe: recipe, [])
    if strategy == "grid" and trials < 2:
        return
    waves, sent, done = STRATEGIES[strategy](plan), None, {}
    while True:
        try:
            wave = waves.send(sent) if sent is not None else next(waves)  # pyright: ignore
        except StopIteration:
            break
        sent = [done.setdefault(a.number, Progress(a)) for a in wave.trials]
        until = [min(wave.until, asked.recipe.epochs or 1) for asked in wave.trials]
        epochs.append(sum(until) - sum(progress.epoch for progress in sent))
        later.append(wave.later)
        for progress in sent:
            while progress.epoch < wave.until:
                progress.add_epoch([1.0], 1.0, progress.asked.number / 100, until=wave.until)
    assert later == [sum(epochs[place + 1 :]) for place in range(len(epochs))]


def test_a_narrow_window_keeps_share_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    bar, found = Bar(), begun(30)
    bar._console = bar._progress.live.console = Console(width=80, file=io.StringIO())
    bar.on_begin(Path("study"), "accuracy")
    bar.on_wave(wave_of(found, 4), found)
    bar.on_epoch(trained(1, 1, until=4))
    lost = Progress(Asked(0, {}, SMALL))
    lost.add_epoch([float("inf")], 1.0, 0.5, until=4)
    bar.on_epoch(lost)
    bar._show()
    with bar._console.capture() as written:
        bar._console.print(bar._progress.make_tasks_table(bar._progress.tasks))
    (line,) = written.get().splitlines()
    assert (
        " 2 % " in line and "best 60.00 % (trial 1) | 29 to go | 1 lef" in line and len(line) <= 80
    )


def test_trials_with_new_seeds_are_not_the_best_so_far() -> None:
    bar, found = Bar(), begun(2)
    bar.on_wave(Wave((found[1].asked,), 4, AGAIN), found[1:])
    bar.on_epoch(trained(1, 4, until=4))
    assert bar.best == -math.inf
