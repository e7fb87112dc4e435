"""Whole searches: strategies, what they keep, going on after an interruption, bad input."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from studies_helpers import SMALL, SPACE

import goodfit as gf
from goodfit.errors import GoodfitError, RecipeError
from goodfit.runs import read_rows
from goodfit.runs.lock import exclusive
from goodfit.studies.narrowing import narrower
from goodfit.studies.strategies import STRATEGIES, rungs

SILENT: dict[str, Any] = {"confirm": 0, "workers": 1}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> gf.Study:
    return gf.search(
        SPACE,
        trials=12,
        confirm=2,
        confirm_seeds=2,
        workers=1,
        out=tmp_path_factory.mktemp("studies") / "first",
    )


def test_every_trial_is_there_once(study: gf.Study) -> None:
    assert [trial.number for trial in study.trials] == list(range(12))
    assert all(len(trial.metric) == trial.epochs for trial in study.trials)


def test_a_trial_is_what_its_recipe_gives(study: gf.Study) -> None:
    for trial in study.trials[:3]:
        run = gf.train(study.space.recipe(trial.params))
        assert run.scores is not None
        assert trial.value == pytest.approx(run.scores.values["accuracy"], abs=1e-6)


def test_the_best_is_trained_again_with_new_seeds(study: gf.Study) -> None:
    confirmed = study.record.confirmed
    assert [one.seeds for one in confirmed] == [(1, 2), (1, 2)]
    best = max(confirmed, key=lambda one: one.mean)
    assert study.best_trial is not None and study.best_trial.number == best.number
    assert all(one.mean == pytest.approx(sum(one.values) / 2) for one in confirmed)


def test_the_best_recipe_can_be_trained(study: gf.Study) -> None:
    recipe = gf.Recipe.model_validate(study.best.model_dump()) if study.best else SMALL
    assert recipe.optimizer.lr == study.best_trial.params["optimizer.lr"]  # pyright: ignore
    assert (study.path / "best.toml").exists()


def test_optuna_reads_the_study(study: gf.Study) -> None:
    trials = study.optuna().get_trials()
    assert [trial.number for trial in trials] == list(range(12))
    for ours, theirs in zip(study.trials, trials, strict=True):
        assert theirs.params == pytest.approx(ours.params)
        assert theirs.value == pytest.approx(ours.value)
        assert list(theirs.intermediate_values.values()) == pytest.approx(list(ours.metric))
    assert optuna.importance.get_param_importances(study.optuna())


def test_a_study_is_loaded_as_it_was(study: gf.Study) -> None:
    again = gf.load_study(study.path)
    assert again.record == study.record and again.best == study.best
    assert again.findings == study.findings


def test_the_page_needs_nothing_from_outside(study: gf.Study) -> None:
    page = study.report.read_text()
    assert "optimizer.lr" in page
    # Tags only: Bokeh's script names an address for formulas, which it never asks for here.
    assert not re.search(r"""<(?:script|link|img|iframe)\b[^>]*(?:src|href)=["']?https?:""", page)


def test_the_same_search_gives_the_same(study: gf.Study, tmp_path: Path) -> None:
    again = gf.search(SPACE, trials=12, confirm=0, workers=2, out=tmp_path / "again")
    assert [trial.params for trial in again.trials] == [trial.params for trial in study.trials]
    assert [trial.value for trial in again.trials] == pytest.approx(
        [trial.value for trial in study.trials]
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_gives_the_trials_that_were_asked_for(strategy: str) -> None:
    study = gf.search(SPACE, trials=9, strategy=strategy, at_once=4, **SILENT)
    assert len(study.trials) == 9
    assert study.record.stages and study.best is not None


def test_halving_drops_two_thirds_at_each_rung() -> None:
    study = gf.search(SPACE, trials=9, strategy="halving", **SILENT)
    assert rungs(4) == [1, 4]
    assert sum(trial.state == "halved" for trial in study.trials) == 6
    kept = [trial for trial in study.trials if trial.state == "done"]
    after_one = sorted(study.trials, key=lambda t: -t.metric[0])
    assert min(t.metric[0] for t in kept) >= after_one[2].metric[0]


def test_coarse_to_fine_narrows_to_what_was_good() -> None:
    study = gf.search(SPACE, trials=20, strategy="coarse-to-fine", **SILENT)
    coarse, finer, fine = study.record.stages
    assert coarse.epochs < fine.epochs == 4 and coarse.num_trials == 10
    width = [
        math.log(high / low)
        for low, high in (s.ranges["optimizer.lr"] for s in (coarse, finer, fine))
    ]
    assert width[0] > width[1]
    assert "optimizer.lr" in finer.reason


def test_a_best_value_at_the_border_widens_before_it_narrows() -> None:
    low, high, word = narrower(1e-4, 1e-1, [9e-2, 5e-2, 4e-2], log=True)
    assert high > 1e-1 and low > 1e-2 and "upper" in word
    low, high, word = narrower(0.0, 1.0, [0.5, 0.4, 0.6], log=False)
    assert (low, high) == (0.35, 0.65) and not word


def test_conditional_parts_and_groups() -> None:
    space = SMALL.vary(
        optimizer=gf.choice(
            {"kind": "adamw", "lr": gf.loguniform(1e-4, 1e-1)},
            {"kind": "momentum", "lr": gf.loguniform(1e-3, 1.0), "momentum": gf.uniform(0.5, 0.99)},
        ),
        batch_size=gf.choice(16, 32),
    )
    study = gf.search(space, trials=10, **SILENT)
    assert 2 <= len(study.record.groups) <= 4
    assert {trial.params["optimizer"] for trial in study.trials} == {"adamw", "momentum"}
    assert all(trial.state == "done" for trial in study.trials)


def test_depth_and_width_make_groups_of_their_own() -> None:
    space = SMALL.vary(hidden=gf.layers(gf.integer(1, 2), gf.choice(8, 16)))
    study = gf.search(space, trials=6, **SILENT)
    assert len(study.record.groups) == len({str(trial.params) for trial in study.trials})


def test_a_network_that_cannot_be_built_fails_alone() -> None:
    recipe = gf.Recipe(data="digits", net=gf.CNN(channels=(4,)), epochs=1)
    space = recipe.vary(channels=gf.choice([4], [4, 4, 4, 4]))
    study = gf.search(space, trials=4, confirm=0, workers=1)
    assert {trial.state for trial in study.trials} == {"done", "failed"}
    assert "halve the image to nothing" in next(
        trial.why for trial in study.trials if trial.state == "failed"
    )


def test_every_trial_may_fail() -> None:
    space = SMALL.model_copy(update={"optimizer": gf.SGD()}).vary(lr=gf.loguniform(1e20, 1e30))
    study = gf.search(space, trials=3, workers=1)
    assert study.best is None and {trial.state for trial in study.trials} == {"dropped"}


SPACE_TOML = """
data = "digits"
epochs = 12
[net]
hidden = [32]
[optimizer]
lr = { distribution = "loguniform", low = 1e-4, high = 1e-1 }
"""


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "goodfit", *map(str, words)]


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_search_that_is_stopped_goes_on(sign: signal.Signals, tmp_path: Path) -> None:
    file, out = tmp_path / "space.toml", tmp_path / "study"
    file.write_text(SPACE_TOML)
    words = ("search", file, "--trials", "24", "--rows", "2", "--confirm", "1", "--seeds", "1")
    going = subprocess.Popen(
        command(*words, "--out", out, "--quiet"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    journal = out / "trials.jsonl"
    deadline = time.monotonic() + 120
    while not (journal.exists() and len(read_rows(journal).rows) >= 3):
        assert time.monotonic() < deadline and going.poll() is None
        time.sleep(0.02)
    os.kill(going.pid, sign)
    assert going.wait(60) == (-9 if sign == signal.SIGKILL else 130)
    before = [row for row in read_rows(journal).rows if row["kind"] == "trial"]
    assert len(before) < 25
    done = subprocess.run(command("resume", out, "--json"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [trial["number"] for trial in found["trials"]] == list(range(24))
    rows = [row for row in read_rows(journal).rows if row["kind"] == "trial"]
    places = [(row["wave"], row["place"]) for row in rows]
    assert len(places) == len(set(places)) == 25
    assert rows[: len(before)] == before
    whole = gf.search(gf.read_space(file), trials=24, confirm=0, workers=1)
    assert [trial["value"] for trial in found["trials"]] == pytest.approx(
        [trial.value for trial in whole.trials], abs=0.01
    )
    assert len(gf.load_study(out).optuna().get_trials()) == 24


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strategy": "coarse_to_fin"}, "coarse-to-fine"),
        ({"trials": 0}, "at least 1"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"rows": 0}, "rows must be at least 1"),
        ({"confirm": -1}, "confirm must be at least 0"),
        ({"mode": "fast"}, "auto, eager, traced, compiled"),
        ({"storage": "sqlite:////no/such/folder/study.db"}, "storage"),
        ({"storage": "nonsense://"}, "storage"),
        ({"strategy": "grid", "trials": 3}, "--strategy random"),
    ],
)
def test_bad_settings_say_what_to_do(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(GoodfitError) as raised:
        gf.search(SPACE, out=tmp_path / "study", **{"trials": 4, **options})
    assert words in str(raised.value)


def test_a_length_is_not_searched() -> None:
    with pytest.raises(GoodfitError, match="not searched"):
        gf.search(SMALL.vary(epochs=gf.integer(1, 9)), trials=2)


def test_a_recipe_without_distributions_is_no_space(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('data = "iris"\n')
    with pytest.raises(RecipeError):
        gf.read_space(tmp_path / "r.toml")


def test_a_folder_that_is_taken_is_left_alone(study: gf.Study) -> None:
    with pytest.raises(GoodfitError, match="taken"):
        gf.search(SPACE, trials=2, out=study.path)


def test_the_study_holds_a_lock(study: gf.Study) -> None:
    with exclusive(study.path / ".lock"), pytest.raises(GoodfitError):
        gf.resume_study(study.path)


def test_a_name_that_a_shared_storage_holds_is_refused(tmp_path: Path) -> None:
    shared = {"storage": f"sqlite:///{tmp_path / 'all.db'}", "trials": 2, **SILENT}
    gf.search(SPACE, out=tmp_path / "one" / "iris", **shared)
    with pytest.raises(GoodfitError, match="holds a study of this name") as caught:
        gf.search(SPACE, out=tmp_path / "two" / "iris", **shared)
    assert "another --out" in str(caught.value)
    gf.search(SPACE, out=tmp_path / "two" / "other", **shared)
    found = gf.load_study(tmp_path / "one" / "iris").optuna()
    assert len(found.get_trials()) == 2


@pytest.mark.parametrize("head", ["sqlite:///", "journal://"])
def test_a_storage_is_found_from_another_directory(
    head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gf.search(SPACE, trials=2, storage=f"{head}own.db", out=tmp_path / "study", **SILENT)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(gf.load_study(tmp_path / "study").optuna().get_trials()) == 2
    assert not list(Path().iterdir())


def test_a_locked_database_says_so(study: gf.Study, tmp_path: Path) -> None:
    path = tmp_path / "locked.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("create table t (x)")
    holder.execute("begin exclusive")
    try:
        with pytest.raises(GoodfitError, match="storage"):
            gf.search(SPACE, trials=2, storage=f"sqlite:///{path}", out=tmp_path / "s", **SILENT)
    finally:
        holder.close()
