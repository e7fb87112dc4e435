"""Columns that are left out by name: in training, in what is stored, and for new rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import goodfit as gf
from goodfit.errors import DataError


def table(path: Path, num: int = 600) -> Path:
    """Write a table whose column ``leak`` is the target, and ``id`` numbers its rows."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(num, 2))
    y = np.where(x[:, 0] + 0.3 * draw.normal(size=num) > 0, "yes", "no")
    columns = {"a": x[:, 0], "b": x[:, 1], "leak": (y == "yes") * 1.0, "id": np.arange(num), "y": y}
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def recipe(path: Path, *ignored: str) -> gf.Recipe:
    """A short run on that table."""
    source = gf.DataSource(path=str(path), target="y")
    return gf.Recipe(data=source, prepare=gf.Prepare(ignore=ignored), epochs=2)


def test_columns_are_left_out_and_said_so_and_new_rows_need_not_have_them(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv")
    run = gf.train(recipe(path, "leak", "id"), out=tmp_path / "run")
    kinds = {column.name: column.kind for column in run.card.columns}
    assert kinds == {"a": "numeric", "b": "numeric", "leak": "ignored", "id": "ignored"}
    assert not {"target-leak", "identifier-column"} & {finding.rule for finding in run.findings}
    assert any("prepare.ignore" in note for note in run.card.notes)
    rows = pd.read_csv(path).drop(columns="y")
    loaded = gf.load(tmp_path / "run")
    with_them, without = loaded.predict(rows), loaded.predict(rows[["b", "a"]])
    assert list(with_them) == list(without)
    changed = loaded.predict(rows.assign(leak=1.0 - rows["leak"], id=7))
    assert list(changed) == list(without)


def test_the_same_table_with_them_warns_and_says_how_to_leave_them_out(tmp_path: Path) -> None:
    run = gf.train(recipe(table(tmp_path / "t.csv")))
    leak = next(finding for finding in run.findings if finding.rule == "target-leak")
    assert "prepare.ignore" in leak.remedy


def test_a_name_that_the_table_has_not_gets_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such input column") as caught:
        gf.train(recipe(table(tmp_path / "t.csv"), "leek"))
    assert "leak" in caught.value.do
    with pytest.raises(DataError, match="no such input column"):
        gf.train(recipe(table(tmp_path / "t.csv"), "y"))


def test_a_list_that_leaves_nothing_is_given_whole_and_to_be_shortened(tmp_path: Path) -> None:
    names = [f"reading {place}" for place in range(7)]
    path = tmp_path / "t.csv"
    numbers = np.random.default_rng(0).normal(size=(40, 7))
    pd.DataFrame(numbers, columns=names).assign(y=np.arange(40) % 2).to_csv(path, index=False)
    with pytest.raises(DataError, match="No column of the table is left") as caught:
        gf.train(recipe(path, *names))
    assert caught.value.do == "Shorten prepare.ignore."
    assert all(f'"{name}"' in str(caught.value.given) for name in names)
    pd.read_csv(path).assign(unit="mg").to_csv(path, index=False)
    with pytest.raises(DataError, match="No column of the table is left") as caught:
        gf.train(recipe(path, *names))
    assert 'Column "unit" is ignored: it has one value only.' in str(caught.value.given)


def test_arrays_have_no_columns_to_leave_out() -> None:
    with pytest.raises(DataError, match="Only a table"):
        gf.train(gf.Recipe(data="digits", prepare=gf.Prepare(ignore=("a",))))
