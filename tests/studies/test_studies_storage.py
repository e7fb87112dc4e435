"""What a storage that cannot be used says: its own remedy for each reason, and no password."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from studies_helpers import SETTINGS, SMALL, SPACE

import goodfit as gf
from goodfit.errors import SearchError
from goodfit.studies.folder import make_study, open_study
from goodfit.studies.storage import Mirror, open_optuna_study
from goodfit.studies.storage_errors import JOURNAL, SQLITE, masked, storage_failed
from goodfit.studies.wave import Asked, Progress


def refused(url: str) -> str:
    """Return what is said of a URL."""
    with pytest.raises(SearchError) as caught:
        open_optuna_study(url, "first", metric_up=True)
    return str(caught.value)


@pytest.mark.parametrize("url", ["foo://bar", "nourl", "nonsense://", "redis://localhost:6379/0"])
def test_an_unknown_kind_names_those_that_are_known(url: str) -> None:
    told = refused(url)
    assert "sqlite:///PATH, journal://PATH, postgresql://" in told
    assert "locks" not in told and "resume" not in told


@pytest.mark.parametrize("head", ["sqlite:///", "journal://"])
def test_a_missing_folder_is_to_be_made(head: str, tmp_path: Path) -> None:
    told = refused(f"{head}{tmp_path}/none/study.db")
    assert f"mkdir -p {tmp_path}/none" in told and "locks" not in told
    assert "is a folder" in refused(f"{head}{tmp_path}")


def test_a_missing_driver_names_its_package() -> None:
    missing = ModuleNotFoundError("No module named 'psycopg2'", name="psycopg2")
    error = ImportError("Failed to import DB access module")
    error.__cause__ = missing
    assert "pip install psycopg2-binary" in str(storage_failed("postgresql://h/d", error))


def test_a_file_of_another_kind_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("these are notes\n" * 99)
    assert "holds something else" in refused(f"sqlite:///{tmp_path}/notes.db")


def test_a_locked_file_is_to_be_let_go(tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "held.db", isolation_level=None)
    holder.execute("create table t (x)")
    holder.execute("begin exclusive")
    try:
        assert "Close what locks it" in refused(f"sqlite:///{tmp_path}/held.db")
    finally:
        holder.close()


def test_only_a_storage_that_fails_midway_speaks_of_trials_that_are_done() -> None:
    error = OperationalError("select", {}, Exception("connection refused"))
    told = str(storage_failed("postgresql://h/d", error, midway=True))
    assert "trials.jsonl" in told and "server" in told
    assert "trials.jsonl" not in str(storage_failed("postgresql://h/d", error))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3 cr/e@t@host/db",
        "foo://me:s3 cr/e@t@host/db",
        "mysql://host/db?user=me&password=s3 cr/e@t&charset=utf8",
    ],
)
def test_no_password_is_repeated(url: str) -> None:
    assert "***" in masked(url) and "s3 cr" not in masked(url) and "e@t" not in masked(url)
    told = str(storage_failed(url, ValueError(f"cannot open {url}")))
    assert "s3 cr" not in told and "host/db" in told


def test_a_study_shows_no_password(tmp_path: Path) -> None:
    study = gf.search(SPACE, trials=2, confirm=0, workers=1, out=tmp_path / "study")
    assert study.storage not in repr(study)


def test_a_trial_in_optuna_has_its_own_times(tmp_path: Path) -> None:
    began = time.time()
    study = gf.search(SPACE, trials=3, confirm=0, workers=1, out=tmp_path / "study")
    ended = time.time()
    for ours, theirs in zip(study.trials, study.optuna().get_trials(), strict=True):
        assert theirs.datetime_start is not None and theirs.datetime_complete is not None
        lasted = theirs.datetime_complete.timestamp() - theirs.datetime_start.timestamp()
        # Rows of one tile share its time, so that a trial's own seconds are less.
        assert lasted >= 0.9 * ours.seconds > 0
        assert began <= theirs.datetime_start.timestamp()
        assert theirs.datetime_complete.timestamp() <= ended


def test_a_trial_of_an_earlier_version_has_no_times(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    mirror = Mirror(open_optuna_study(url, "first", metric_up=True), SPACE, url)
    params = {"optimizer.lr": 1e-3, "optimizer.weight_decay": 1e-3}
    mirror.add([Progress(Asked(0, params, SMALL), condition="failed", why="too small")])
    mirror.close()
    (trial,) = open_optuna_study(url, "first", metric_up=True).get_trials()
    assert trial.datetime_start is not None and trial.datetime_start.timestamp() > 1e9


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_password_is_for_its_owner_only(tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, storage="postgresql://me:secret@host/db")
    made = make_study(tmp_path / "study", space="", settings=settings)
    assert made.settings.stat().st_mode & 0o077 == 0
    assert open_study(made.path)[1] == settings


class _Removes(gf.studies.Silent):
    """Removes a file while trials are trained."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_epoch(self, progress: Progress) -> None:
        self.path.unlink(missing_ok=True)


@pytest.mark.parametrize("head", [SQLITE, JOURNAL])
def test_a_storage_that_is_removed_midway_is_missed(head: str, tmp_path: Path) -> None:
    file = tmp_path / "all.db"
    options = {"confirm": 0, "workers": 1, "storage": f"{head}{file}", "out": tmp_path / "study"}
    with pytest.raises(SearchError, match="was removed or replaced") as caught:
        gf.search(SPACE, trials=3, teller=_Removes(file), **options)
    assert "goodfit resume writes them" in str(caught.value)
    study = gf.resume_study(tmp_path / "study")
    assert file.exists() and len(study.optuna().get_trials()) == 3


@pytest.mark.parametrize("words", ["DELETE FROM trials", "DELETE FROM studies"])
def test_a_storage_that_lost_rows_says_what_to_do(words: str, tmp_path: Path) -> None:
    study = gf.search(SPACE, trials=2, confirm=0, workers=1, out=tmp_path / "study")
    file = study.path / "study.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(words)
        connection.commit()
    with pytest.raises(SearchError, match="cannot be used") as caught:
        gf.resume_study(study.path)
    assert "remove it" in str(caught.value)
    file.unlink()
    assert len(gf.resume_study(study.path).optuna().get_trials()) == 2
