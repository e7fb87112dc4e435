"""The run folder: created whole, opened with care, named by number."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from runs_helpers import names_in

from goodfit.errors import RunError
from goodfit.runs import RunFolder, atomic, create, default_path, open_run

RECIPE = 'data = "digits"\n'


def test_a_new_run_holds_its_recipe_and_opens(tmp_path: Path) -> None:
    run = create(tmp_path / "runs" / "digits-1", recipe=RECIPE)
    assert run.recipe.read_text() == RECIPE
    assert open_run(run.path) == run


def test_an_empty_folder_may_become_a_run(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert create(tmp_path / "out", recipe=RECIPE).recipe.exists()


def test_what_a_killed_creation_left_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / "out" / "checkpoints").mkdir(parents=True)
    (tmp_path / "out" / ".lock").touch()
    (tmp_path / "out" / ".recipe.toml.1f2e3d4c.tmp").touch()
    run = create(tmp_path / "out", recipe=RECIPE)
    assert names_in(run.path) == [".lock", "checkpoints", "recipe.toml"]


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    run = create(tmp_path / "digits-1", recipe=RECIPE)
    with pytest.raises(RunError, match="holds a run already") as caught:
        create(run.path, recipe="other")
    assert f"goodfit resume {run.path}" in caught.value.do and "--out" in caught.value.do
    assert run.recipe.read_text() == RECIPE


@pytest.mark.parametrize("name", ["thesis.tex", "checkpoints/thesis.tex"])
def test_a_folder_with_other_files_is_not_touched(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("years of work")
    with pytest.raises(RunError, match="holds other files already"):
        create(tmp_path, recipe=RECIPE)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]


def test_a_file_is_no_place_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(RunError, match="is a file"):
        create(tmp_path / "out", recipe=RECIPE)
    with pytest.raises(RunError, match="A part of the path is a file"):
        create(tmp_path / "out" / "digits-1", recipe=RECIPE)


def test_a_creation_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "write_all", fail)
    with pytest.raises(RunError, match="No space is left"):
        create(tmp_path / "runs" / "deep" / "digits-1", recipe=RECIPE)
    assert names_in(tmp_path) == []


def test_a_creation_that_fails_keeps_the_empty_folder_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", fail)
    (tmp_path / "out").mkdir()
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path / "out", recipe=RECIPE)
    assert names_in(tmp_path) == ["out"] and names_in(tmp_path / "out") == []


def test_of_two_that_create_the_same_run_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = create(tmp_path / "digits-1", recipe=RECIPE)
    exists = Path.exists
    looks = iter([False])  # the second looked before the first wrote

    def stale(path: Path) -> bool:
        return next(looks, True) if path == first.recipe else exists(path)

    monkeypatch.setattr(Path, "exists", stale)
    monkeypatch.setattr(Path, "iterdir", lambda path: iter(()))
    with pytest.raises(RunError, match="holds a run already"):
        create(first.path, recipe="other")
    assert first.recipe.read_text() == RECIPE and first.lock_file.is_file()


def test_a_misspelt_run_gets_the_nearest_name(tmp_path: Path) -> None:
    create(tmp_path / "digits-1", recipe=RECIPE)
    create(tmp_path / "wine-1", recipe=RECIPE)
    with pytest.raises(RunError, match="There is no run folder") as caught:
        open_run(tmp_path / "digit-1")
    assert 'did you mean "digits-1"?' in caught.value.do


def test_where_there_is_no_run_at_all_the_advice_is_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        open_run(tmp_path / "runs" / "digits-1")
    assert "goodfit train" in caught.value.do


def test_a_folder_that_is_no_run_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"it has no recipe.toml and no checkpoints"):
        open_run(tmp_path)
    (tmp_path / "recipe.toml").touch()
    with pytest.raises(RunError, match=r"it has no checkpoints"):
        open_run(tmp_path)


def test_the_folder_of_all_runs_lists_them(tmp_path: Path) -> None:
    for name in ("digits-1", "digits-2"):
        create(tmp_path / name, recipe=RECIPE)
    with pytest.raises(RunError) as caught:
        open_run(tmp_path)
    assert caught.value.do == "Name one of the runs in it: digits-1, digits-2"


def test_a_file_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "report.html").touch()
    with pytest.raises(RunError, match="is a file, not a run folder"):
        open_run(tmp_path / "report.html")


def test_a_name_that_the_system_refuses_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="File name too long"):
        open_run(tmp_path / ("x" * 300))
    with pytest.raises(RunError, match="File name too long"):
        create(tmp_path / ("x" * 300), recipe=RECIPE)


def test_the_next_number_is_above_every_one_in_use(tmp_path: Path) -> None:
    assert default_path("digits", tmp_path) == tmp_path / "digits-1"
    for name in ("digits-2", "digits-9", "digits-10", "digits-x", "other-77", "digits"):
        (tmp_path / name).mkdir()
    assert default_path("digits", tmp_path) == tmp_path / "digits-11"
    assert default_path("a+b", tmp_path) == tmp_path / "a+b-1"


def test_every_place_has_a_name_of_its_own() -> None:
    run = RunFolder(Path("r"))
    places = [name for name in vars(RunFolder) if isinstance(getattr(run, name), Path)]
    names = [getattr(run, name).name for name in places]
    assert len(names) == 16 and len(set(names)) == 16
