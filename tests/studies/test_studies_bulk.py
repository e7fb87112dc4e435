"""Many trials at once into SQLite: the same study as by Optuna's own add_trial."""

from __future__ import annotations

import math
from pathlib import Path

import optuna
import pytest
import sqlalchemy
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from goodfit.studies.bulk import bulk_of
from goodfit.studies.storage import open_optuna_study

DISTRIBUTIONS = {
    "lr": FloatDistribution(1e-4, 1.0, log=True),
    "width": IntDistribution(4, 64, log=True),
    "kind": CategoricalDistribution(["adam", "sgd"]),
}


def trials() -> list[FrozenTrial]:
    """Return a finished trial, one that was dropped, one that failed, odd numbers inside."""
    done = optuna.trial.create_trial(
        params={"lr": 0.1, "width": 8, "kind": "sgd"},
        distributions=DISTRIBUTIONS,
        value=0.75,
        intermediate_values={1: 0.5, 2: math.nan, 3: math.inf, 4: -math.inf},
        user_attrs={"why": "Grüße", "seconds": 0.25, "best_epoch": None},
    )
    dropped = optuna.trial.create_trial(
        state=TrialState.PRUNED,
        value=0.5,
        params={"lr": 1.0},
        distributions={"lr": DISTRIBUTIONS["lr"]},
    )
    return [done, dropped, optuna.trial.create_trial(state=TrialState.FAIL)]


def study_in(path: Path) -> optuna.Study:
    return open_optuna_study(f"sqlite:///{path}", "first", metric_up=True)


def told(study: optuna.Study) -> list[str]:
    """Return trials as text: a value that is not a number equals itself there."""
    return [repr(trial) for trial in study.get_trials()]


def test_a_bulk_is_what_add_trial_gives(tmp_path: Path) -> None:
    one, many = study_in(tmp_path / "one.db"), study_in(tmp_path / "many.db")
    given = trials()
    for trial in given:
        one.add_trial(trial)
    bulk = bulk_of(many)
    assert bulk is not None
    bulk.add(given[:1])
    bulk.add(given[1:])
    assert told(many) == told(one)
    reopened = study_in(tmp_path / "many.db")
    assert told(reopened) == told(one)
    assert reopened.best_value == 0.75


def test_a_second_study_in_the_same_file_keeps_its_own_numbers(tmp_path: Path) -> None:
    first = study_in(tmp_path / "both.db")
    other = open_optuna_study(f"sqlite:///{tmp_path / 'both.db'}", "other", metric_up=True)
    for study in (first, other):
        bulk = bulk_of(study)
        assert bulk is not None
        bulk.add(trials())
    assert [trial.number for trial in other.get_trials()] == [0, 1, 2]
    assert [trial.number for trial in first.get_trials()] == [0, 1, 2]


def test_nothing_is_half_written(tmp_path: Path, monkeypatch) -> None:
    study = study_in(tmp_path / "torn.db")
    bulk = bulk_of(study)
    assert bulk is not None
    torn = trials()
    torn[1].user_attrs["bad"] = {1, 2}
    with pytest.raises(TypeError):
        bulk.add(torn)
    assert study.get_trials() == []


def test_another_form_of_tables_or_another_storage_is_left_to_optuna(tmp_path: Path) -> None:
    assert bulk_of(optuna.create_study()) is None
    study = study_in(tmp_path / "later.db")
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'later.db'}")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = 'v9'"))
    assert bulk_of(study) is None
