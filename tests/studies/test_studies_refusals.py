"""What a search refuses before it makes anything, what it says when it is stopped, who ends."""

from __future__ import annotations

import json
import os
import signal
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest
from studies_helpers import SMALL, SPACE, Watched, group_of, queue
from typer.testing import CliRunner

import goodfit as gf
from goodfit.cli import app
from goodfit.errors import GoodfitError, Interrupted, SearchError
from goodfit.recipe import read
from goodfit.runs import open_run
from goodfit.studies.forks import Forks, ParentGone, _PipeDesk
from goodfit.studies.strategies import points_for

WIDE = SMALL.vary(
    lr=gf.loguniform(1e-4, 1e-1),
    weight_decay=gf.loguniform(1e-5, 1e-1),
    dropout=gf.choice(*(k / 100 for k in range(100))),
)
MILLION = SMALL.vary(
    dropout=gf.choice(*(k / 100 for k in range(100))),
    lr=gf.choice(*(k / 100 for k in range(1, 101))),
    weight_decay=gf.choice(*(k / 1000 for k in range(1, 101))),
)

HOPELESS = """
data = "iris"
optimizer.kind = "sgd"
optimizer.lr = { distribution = "loguniform", low = 1e20, high = 1e30 }
"""
HIDDEN = SMALL.vary(hidden=gf.choice([4], [8])).parameters["net.hidden"].distribution.labels  # pyright: ignore


@pytest.mark.parametrize(
    ("space", "options"),
    [
        (SPACE, {"strategy": "grid", "trials": 3}),
        (WIDE, {"strategy": "grid", "trials": 64}),
        (MILLION, {"strategy": "grid", "trials": 10**6}),
        (SPACE, {"mode": "fast"}),
        (SPACE, {"storage": "foo://bar"}),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    space: gf.Space, options: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(GoodfitError):
        gf.search(space, out=tmp_path / "study", workers=1, **options)
    assert not list(tmp_path.iterdir())
    gf.search(SPACE, trials=2, confirm=0, workers=1, out=tmp_path / "study")


def test_a_taken_folder_is_refused_before_a_storage_is_made(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.txt").write_text("mine")
    with pytest.raises(GoodfitError, match="taken"):
        gf.search(SPACE, out=tmp_path / "study", storage=f"sqlite:///{tmp_path}/all.db")
    assert [one.name for one in tmp_path.iterdir()] == ["study"]


def test_ways_out_of_a_large_grid_work() -> None:
    with pytest.raises(GoodfitError) as caught:
        points_for(WIDE, 64)
    told = str(caught.value)
    assert "400 trials" in told and "give --trials 400" in told
    assert points_for(WIDE, 400) == 2


def test_a_grid_over_the_most_names_only_other_ways_out() -> None:
    for trials in (64, 1_000_000):
        with pytest.raises(GoodfitError) as caught:
            points_for(MILLION, trials)
        told = str(caught.value)
        assert "1,000,000 trials; at most 10,000 are tried" in told
        assert "give --trials" not in told and "--strategy random" in told


@pytest.mark.parametrize(("trials", "points"), [(10_000, 100), (50_000, 100), (99, 9)])
def test_a_grid_stays_within_its_trials_and_the_most(trials: int, points: int) -> None:
    assert points_for(SPACE, trials) == points


def test_a_grid_of_one_range_stays_within_the_most() -> None:
    assert points_for(SMALL.vary(lr=gf.loguniform(1e-4, 1e-1)), 20_000) == 10_000


class _Stops(gf.studies.Silent):
    """Asks the search to stop at its first epoch."""

    def on_epoch(self, progress: Any) -> None:
        signal.raise_signal(signal.SIGINT)


def test_an_interrupted_search_names_its_folder(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as caught:
        gf.search(SPACE, trials=4, workers=1, out=tmp_path / "my study", teller=_Stops())
    assert f"goodfit resume '{tmp_path}/my study'" in str(caught.value)
    assert len(gf.resume_study(tmp_path / "my study").trials) == 4


class _StopsLater(gf.studies.Silent):
    """Asks the search to stop once so many trials have left."""

    def __init__(self, num: int) -> None:
        self.num = num

    def on_epoch(self, progress: Any) -> None:
        self.num -= progress.condition != "running"
        if self.num == 0:
            signal.raise_signal(signal.SIGINT)


def test_groups_are_those_of_all_sessions(tmp_path: Path) -> None:
    space = SMALL.vary(lr=gf.loguniform(1e-4, 1e-1), batch_size=gf.choice(16, 32))
    whole = gf.search(space, trials=8, workers=1, confirm=1, confirm_seeds=2, rows=2)
    again = {"out": tmp_path / "study", "teller": _StopsLater(5), "rows": 2}
    with pytest.raises(Interrupted):
        gf.search(space, trials=8, workers=1, confirm=1, confirm_seeds=2, **again)
    resumed = gf.resume_study(tmp_path / "study")
    counted = [{g.name: (g.num_trials, g.rows) for g in s.record.groups} for s in (whole, resumed)]
    assert counted[0] == counted[1]
    assert sum(num for num, _ in counted[0].values()) == 10
    assert resumed.record.preparing_s > 0
    assert {trial.group for trial in resumed.trials} == counted[0].keys()
    finished = gf.resume_study(tmp_path / "study").record
    assert finished.groups == resumed.record.groups
    assert finished.preparing_s == pytest.approx(resumed.record.preparing_s)


def test_an_interrupted_search_keeps_its_temporary_folder() -> None:
    with pytest.raises(Interrupted) as caught:
        gf.search(SPACE, trials=4, workers=1, teller=_Stops())
    path = Path(str(caught.value).rsplit(" ", 1)[1])
    assert len(gf.resume_study(path).trials) == 4


@pytest.mark.parametrize("edit", [("0.1", "0.2"), ('"iris"', '"wine"')])
def test_a_study_whose_space_was_edited_does_not_go_on(
    tmp_path: Path, edit: tuple[str, str]
) -> None:
    study = gf.search(SPACE, trials=2, workers=1, confirm=0, out=tmp_path / "study")
    assert len(gf.resume_study(study.path).trials) == 2
    file = study.path / "space.toml"
    text = file.read_text()
    assert edit[0] in text
    file.write_text(text.replace(*edit))
    with pytest.raises(GoodfitError, match="have changed since it began"):
        gf.resume_study(study.path)
    file.write_text(text)
    assert len(gf.resume_study(study.path).trials) == 2


@pytest.mark.parametrize("name", ["seed", "trials", "strategy"])
def test_a_study_whose_settings_were_edited_does_not_go_on(tmp_path: Path, name: str) -> None:
    study = gf.search(SPACE, trials=2, workers=1, confirm=0, out=tmp_path / "study")
    file = study.path / "search.json"
    values = json.loads(file.read_text())
    file.write_text(json.dumps(values | {name: {"strategy": "halving"}.get(name, 5)}))
    with pytest.raises(GoodfitError, match="have changed since it began"):
        gf.resume_study(study.path)
    file.write_text(json.dumps(values | {"seed": -1}))
    with pytest.raises(GoodfitError, match="seed must be at least 0"):
        gf.resume_study(study.path)


@pytest.mark.parametrize(
    "options", [{"storage": 5}, {"cluster": 5}, {"confirm": None}, {"at_once": 2.5}]
)
def test_an_argument_of_another_type_is_named(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(GoodfitError, match=f"{name} must be"):
        gf.search(SPACE, trials=2, **options)


@pytest.mark.parametrize("points", [2.5, "a", None])
def test_points_of_a_grid_are_a_whole_number(points: Any) -> None:
    for call in (SPACE.grid, SPACE.grid_size):
        with pytest.raises(GoodfitError, match="points must be a whole number"):
            call(points)


def test_a_search_without_any_value_is_no_success(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text(HOPELESS)
    words = [str(file), "--trials", "2", "--workers", "1", "--out", str(tmp_path / "study")]
    told = CliRunner().invoke(app, ["search", *words])
    assert isinstance(told.exception, SearchError)
    assert "2 of 2 trials: the loss is not finite" in str(told.exception)
    assert (tmp_path / "study" / "report.html").exists() and "None of 2 trials" in told.output


def test_a_space_and_a_study_are_told_where_one_of_a_run_belongs(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text(HOPELESS)
    with pytest.raises(GoodfitError, match=r"optimizer\.lr has a distribution") as caught:
        read(file)
    assert f"goodfit search {file}" in str(caught.value)
    study = gf.search(SPACE, trials=2, workers=1, confirm=0, out=tmp_path / "study")
    with pytest.raises(GoodfitError, match="is a study, not a run") as caught:
        open_run(study.path)
    assert "goodfit train --recipe" in str(caught.value)


def test_a_damaged_file_of_a_study_says_how_it_is_mended(tmp_path: Path) -> None:
    study = gf.search(SPACE, trials=2, workers=1, confirm=0, out=tmp_path / "study")
    (study.path / "study.json").write_text("[]")
    with pytest.raises(GoodfitError, match="does not hold a StudyRecord") as caught:
        gf.load_study(study.path)
    assert f"goodfit resume {study.path}" in str(caught.value)
    gf.resume_study(study.path)
    assert gf.load_study(study.path).record.trials == study.record.trials


@pytest.mark.parametrize("strategy", ["random", "halving", "coarse-to-fine"])
def test_no_trial_is_trained_twice(strategy: str) -> None:
    space = SMALL.vary(activation=gf.choice("relu", "tanh"), hidden=gf.choice([4], [8]))
    study = gf.search(space, trials=40, strategy=strategy, workers=1, confirm=0)
    trained = [(*sorted(trial.params.values()), trial.stage) for trial in study.trials]
    assert len(trained) == len(set(trained)) <= 4 * len(study.record.stages)
    assert {one[:2] for one in trained} == {(h, a) for a in ("relu", "tanh") for h in HIDDEN}
    assert "no other values than these 4" in study.record.stages[0].reason


@pytest.mark.parametrize("strategy", ["random", "tpe"])
def test_a_seed_of_64_bits_draws(strategy: str) -> None:
    space = SMALL.model_copy(update={"seed": 2**40 + 1}).vary(lr=gf.loguniform(1e-4, 1e-1))
    study = gf.search(space, trials=2, strategy=strategy, workers=1, confirm=0)
    assert len({trial.params["optimizer.lr"] for trial in study.trials}) == 2


def test_the_best_few_are_no_copies_of_one() -> None:
    space = SMALL.vary(activation=gf.choice("relu", "tanh"))
    study = gf.search(space, trials=10, workers=1, confirm=3, confirm_seeds=1)
    params = [study.trials[one.number].params["net.activation"] for one in study.record.confirmed]
    assert sorted(params) == ["relu", "tanh"]


def _closed_with_unread_words(tmp_path: Path) -> tuple[Forks, Any]:
    """Return a worker's pipe whose other end closed, as a kill does, with words still in it."""
    group = group_of(SMALL, 1, tmp_path)
    queue(group, [SMALL])
    ours, theirs = Pipe()
    theirs.send_bytes(b"{}")
    ours.close()
    return Forks([(group, 1)], 1, 1, Watched()), theirs


def test_a_worker_is_told_that_its_parent_is_gone(tmp_path: Path) -> None:
    forks, pipe = _closed_with_unread_words(tmp_path)
    desk = _PipeDesk(pipe, forks.trials, Watched())
    with pytest.raises(ParentGone):
        desk.send({"ask": "more"})
    ours, theirs = Pipe()
    with pytest.raises(ParentGone):
        desk = _PipeDesk(theirs, forks.trials, Watched())
        theirs.send_bytes(b"{}")
        desk.send({"ask": "more"})
        ours.close()
        desk.next(forks.pairs[0][0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are threads here")
def test_a_worker_without_a_parent_ends_silently(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    forks, pipe = _closed_with_unread_words(tmp_path)
    process = os.fork()
    if process == 0:
        forks._be_worker(pipe, 0)
    assert os.waitpid(process, 0)[1] == 0
    assert capfd.readouterr().err == ""
