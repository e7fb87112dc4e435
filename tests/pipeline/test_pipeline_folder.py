"""A run in its folder: saved, loaded, tested once, taken, locked, damaged, and short of space."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pipeline_helpers import TINY, bits_of, expected_scores, newest_checkpoint, raw_data, rows_of

import goodfit as gf
from goodfit import pipeline
from goodfit.errors import GoodfitError, RunError

INPUTS, TARGET = raw_data("iris")
LONGER = TINY.model_copy(update={"epochs": 40})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> gf.Run:
    return gf.train(TINY, out=tmp_path_factory.mktemp("runs") / "iris-1")


@pytest.fixture
def copied(finished: gf.Run, tmp_path: Path) -> Path:
    """A copy of the finished run, to be changed."""
    return Path(shutil.copytree(finished.folder.path, tmp_path / "copied"))


# Saved and loaded


def test_a_loaded_run_is_the_run(finished: gf.Run) -> None:
    loaded = gf.load(finished.folder.path)
    for name in ("recipe", "card", "sizes", "history", "verdicts", "scores", "info", "preparation"):
        assert getattr(loaded, name) == getattr(finished, name)
    assert loaded.test_scores is None and loaded.findings == finished.findings


def test_a_loaded_run_predicts_the_same_bits(finished: gf.Run) -> None:
    loaded = gf.load(finished.folder.path)
    assert np.array_equal(loaded.predict_proba(INPUTS), finished.predict_proba(INPUTS))
    assert np.array_equal(loaded.predict(INPUTS), finished.predict(INPUTS))


def test_a_run_without_a_folder_is_saved_whole(tmp_path: Path) -> None:
    run = gf.train(TINY)
    saved = run.save(tmp_path / "kept" / "iris")
    assert saved == tmp_path / "kept" / "iris" and bits_of(saved) == bits_of(run.folder.path)
    assert [path.name for path in saved.parent.iterdir()] == ["iris"]
    assert np.array_equal(gf.load(saved).predict(INPUTS), run.predict(INPUTS))


def test_a_run_is_not_saved_over_anything(finished: gf.Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(RunError, match="something at this path"):
            finished.save(path)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_that_cannot_be_saved_is_told_and_leaves_nothing(
    finished: gf.Run, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="was not written"):
        finished.save(tmp_path / "file" / "iris")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_report_is_written_where_one_likes(finished: gf.Run, tmp_path: Path) -> None:
    written = finished.report(tmp_path / "pages" / "mine.html")
    page = written.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and "iris" in page
    assert written.read_bytes() == finished.folder.report.read_bytes()


def test_the_report_is_made_again_from_the_folder(copied: Path) -> None:
    (copied / "report.html").unlink()
    assert pipeline.report(copied) == copied / "report.html"
    assert "Accuracy" in (copied / "report.html").read_text(encoding="utf-8")


# The sealed part


def test_the_test_part_is_opened_once_and_scored_by_scikit_learn(copied: Path) -> None:
    rows = rows_of(copied, "test")
    tested = gf.test(copied)
    expected = expected_scores(tested, INPUTS.iloc[rows], TARGET[rows])
    assert tested.test_scores is not None and tested.test_scores.num_rows == len(rows)
    assert tested.test_scores.values == pytest.approx(expected, rel=1e-5)
    assert json.loads((copied / "scores-test.json").read_text())["scores"]["part"] == "test"
    with pytest.raises(RunError, match="was opened before, at 20") as caught:
        gf.test(copied)
    assert "no longer be an honest test" in caught.value.do


def test_a_tested_run_shows_its_test_scores_ever_after(copied: Path) -> None:
    before = (copied / "report.html").read_text(encoding="utf-8")
    tested = gf.test(copied)
    assert gf.load(copied).test_scores == tested.test_scores
    assert gf.resume(copied).test_scores == tested.test_scores
    page = (copied / "report.html").read_text(encoding="utf-8")
    assert "the test part is sealed" in before and "the test part is sealed" not in page


def test_test_rows_take_no_part_in_training(finished: gf.Run, copied: Path) -> None:
    """Nonsense in the test rows of the data changes no bit of what was learned."""
    spoilt = INPUTS.to_numpy().copy()
    run = gf.train(TINY, data=(spoilt, TARGET))
    spoilt[rows_of(run.folder.path, "test")] += 1000.0
    again = gf.train(TINY, data=(spoilt, TARGET))
    kept = ("tensors", "history", "preparation.json", "scores-validation.json", "split.safetensors")
    before, after = bits_of(run.folder.path), bits_of(again.folder.path)
    assert {name: before[name] for name in kept} == {name: after[name] for name in kept}


# Taken, not a run, not finished


def test_a_folder_that_holds_a_run_is_not_overwritten(copied: Path) -> None:
    before = bits_of(copied)
    with pytest.raises(RunError, match="holds a run already") as caught:
        gf.train(TINY, out=copied)
    assert f"goodfit resume {copied}" in caught.value.do and bits_of(copied) == before


def test_a_folder_with_other_things_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="other files"):
        gf.train(TINY, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("command", [gf.load, gf.resume, gf.test, pipeline.report])
def test_what_is_no_run_is_told(command: Callable, tmp_path: Path, finished: gf.Run) -> None:
    with pytest.raises(RunError, match="no run folder"):
        command(tmp_path / "none")
    with pytest.raises(RunError, match=r"not a run folder: it has no recipe\.toml"):
        command(tmp_path)
    with pytest.raises(RunError, match="is a file"):
        command(finished.folder.recipe)
    with pytest.raises(RunError) as caught:
        command(finished.folder.path.parent / "irsi-1")
    assert '"iris-1"' in caught.value.do


@pytest.mark.parametrize("command", [gf.load, gf.test, pipeline.report])
def test_an_unfinished_run_is_told_how_to_finish(command: Callable, tmp_path: Path) -> None:
    class Killer(gf.Listener):
        def on_verdicts(self, verdicts: object) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gf.train(TINY, out=tmp_path / "run", listener=Killer())
    with pytest.raises(RunError, match="not finished") as caught:
        command(tmp_path / "run")
    assert caught.value.do == f"Finish it first: goodfit resume {tmp_path / 'run'}"


# A second process

HOLD = """
import sys, time
from pathlib import Path
from goodfit.runs import open_run
with open_run(Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(copied: Path) -> Iterator[tuple[Path, int]]:
    command = [sys.executable, "-c", HOLD, str(copied)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        yield copied, process.pid
        process.communicate()


def test_a_run_that_another_process_trains_is_left_alone(held: tuple[Path, int]) -> None:
    path, pid = held
    before = bits_of(path)
    for command in (gf.resume, gf.test):
        with pytest.raises(RunError, match=f"is being trained by process {pid} ") as caught:
            command(path)
        assert "Wait until it ends" in caught.value.do
    assert bits_of(path) == before and not (path / "scores-test.json").exists()
    assert gf.load(path).history.stopped == "budget"


# Damage


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3] ^= 0xFF
    path.write_bytes(bytes(data))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def other(path: Path) -> None:
    path.write_text('["something else"]')


DAMAGES = [
    (name, damage)
    for name in (
        *("card.json", "drawn.json", "sizes.json", "preparation.json"),
        *("info.json", "verdicts.json"),
    )
    for damage in (cut, empty, other)
]
DAMAGES += [("recipe.toml", empty), ("recipe.toml", other), ("scores-validation.json", cut)]
DAMAGES += [("best.safetensors", damage) for damage in (cut, flip, empty, other)]


@pytest.mark.parametrize(
    ("name", "damage"), DAMAGES, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_damaged_file_is_named_when_the_run_is_loaded(
    name: str, damage: Callable[[Path], None], copied: Path
) -> None:
    damage(copied / name)
    with pytest.raises(GoodfitError) as caught:
        gf.load(copied)
    assert name in str(caught.value) and caught.value.do


@pytest.mark.parametrize("damage", [cut, empty, other], ids=lambda damage: damage.__name__)
def test_a_damaged_split_is_named_and_nothing_is_tested(
    damage: Callable[[Path], None], copied: Path
) -> None:
    damage(copied / "split.safetensors")
    for command in (gf.resume, gf.test):
        with pytest.raises(RunError, match="split") as caught:
            command(copied)
        assert "split.safetensors" in str(caught.value) and caught.value.do
    assert not (copied / "scores-test.json").exists()


REMADE = [("best.safetensors", flip), ("scores-validation.json", cut), ("info.json", empty)]


@pytest.mark.parametrize(
    ("name", "damage"), REMADE, ids=lambda value: getattr(value, "__name__", value)
)
def test_resume_makes_again_what_comes_after_training(
    name: str, damage: Callable[[Path], None], copied: Path, finished: gf.Run
) -> None:
    damage(copied / name)
    run = gf.resume(copied)
    assert bits_of(copied) == bits_of(finished.folder.path)
    assert np.array_equal(run.predict_proba(INPUTS), finished.predict_proba(INPUTS))


def test_resuming_a_finished_run_changes_no_record(copied: Path, finished: gf.Run) -> None:
    run = gf.resume(copied)
    assert bits_of(copied) == bits_of(finished.folder.path)
    assert run.history == finished.history and run.info.num_resumes == 0
    assert run.info.train_s == pytest.approx(finished.info.train_s, abs=0.1)
    assert run.info.executor_reason == finished.info.executor_reason


@pytest.mark.parametrize("name", ["split.safetensors", "preparation.json", "card.json"])
def test_resume_makes_again_what_is_known_of_the_data(
    name: str, copied: Path, finished: gf.Run
) -> None:
    """As after a kill between two of these files; the split is the last that is written."""
    for later in ("split.safetensors", name):
        (copied / later).unlink(missing_ok=True)
    gf.resume(copied)
    assert bits_of(copied) == bits_of(finished.folder.path)


@pytest.mark.parametrize("damage", [cut, flip, empty], ids=lambda damage: damage.__name__)
def test_a_damaged_checkpoint_is_passed_over_with_a_word(
    damage: Callable[[Path], None], copied: Path, finished: gf.Run
) -> None:
    newest = newest_checkpoint(copied)
    damage(newest)
    run = gf.resume(copied)
    assert bits_of(copied) == bits_of(finished.folder.path)
    [*_, note] = run.history.notes
    assert newest.name in note and note.endswith("the checkpoint before it is used.")
    assert gf.load(copied).history.notes == run.history.notes


def test_when_all_checkpoints_are_damaged_the_way_out_is_told(copied: Path) -> None:
    for path in (copied / "checkpoints").iterdir():
        flip(path)
    with pytest.raises(RunError, match="Every checkpoint of the run is damaged") as caught:
        gf.resume(copied)
    assert "Train the run again from its recipe.toml" in caught.value.do


def test_a_history_that_lost_rows_is_told(copied: Path) -> None:
    cut(copied / "history.jsonl")
    with pytest.raises(RunError, match=r"history\.jsonl has lost rows") as caught:
        gf.resume(copied)
    assert "bytes, at least" in str(caught.value.given) and caught.value.do


# Full disks

FULL = """
import os, resource, signal, sys
from pathlib import Path
import goodfit as gf
from goodfit import pipeline
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[2])
class Limit(gf.Listener):
    def on_verdicts(self, verdicts):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
recipe = gf.Recipe(data="iris", net=gf.MLP(hidden=(8,)), epochs=40, batch_size=32)
try:
    gf.train(recipe, out=sys.argv[1], listener=Limit())
except gf.RunError as error:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    print(error)
    run = gf.resume(sys.argv[1])
    print("resumed", run.history.stopped, len(run.history.epochs.epoch))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file sizes")
@pytest.mark.parametrize("limit", [10, 2_000, 40_000])
def test_a_file_that_cannot_grow_stops_the_run_which_then_goes_on(
    limit: int, tmp_path: Path, finished: gf.Run
) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path / "run"), str(limit)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
    assert "larger than the system allows" in result.stdout and "ulimit -f" in result.stdout
    assert "resumed budget 40" in result.stdout
    whole = gf.train(LONGER, out=tmp_path / "whole")
    assert bits_of(tmp_path / "run") == bits_of(whole.folder.path)


def test_the_two_last_checkpoints_are_kept_and_the_last_is_the_end(finished: gf.Run) -> None:
    steps = sorted(path.name for path in finished.folder.checkpoints.iterdir())
    assert steps == ["step-000000000.safetensors", "step-000000012.safetensors"]
    assert newest_checkpoint(finished.folder.path).name == steps[-1]
