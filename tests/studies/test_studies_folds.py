"""Cross-validation: folds as rows, each the same as alone; the test part sealed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import goodfit as gf
from goodfit.cli import app
from goodfit.data import fit
from goodfit.errors import DataError, SearchError
from goodfit.records import CrossValidation
from goodfit.studies import folds

SMALL = {"epochs": 4, "net": gf.MLP(hidden=(16,), dropout=0.2)}


def recipe_of(name: str, **changes: Any) -> gf.Recipe:
    return gf.Recipe(data=name, **(SMALL | changes))


@pytest.mark.parametrize("name", ["iris", "diabetes", "digits"])
def test_a_fold_is_the_same_alone_as_beside_others(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = gf.Split(validation=0.2, test={"iris": 30, "diabetes": 42, "digits": 1397}[name])
    recipe = recipe_of(name, split=split)
    teams, found = folds._teams, []
    monkeypatch.setattr(folds, "_teams", lambda *of: found.extend(teams(*of)) or found)
    together = gf.cross_validate(recipe, folds=4)
    assert found == [[0, 1, 2, 3]]
    monkeypatch.setattr(folds, "_teams", lambda _, made: ([k] for k in range(len(made))))
    alone = gf.cross_validate(recipe, folds=4)
    assert len({scores.num_rows for scores in together.folds}) == 1
    for one, other in zip(together.folds, alone.folds, strict=True):
        assert one.values == pytest.approx(other.values, rel=2e-4, abs=1e-6)


def test_the_mean_and_its_standard_error() -> None:
    found = gf.cross_validate(recipe_of("iris"), folds=5)
    values = [scores.values["log_loss"] for scores in found.folds]
    assert found.mean["log_loss"] == pytest.approx(np.mean(values))
    spread = pd.Series(values).sem()
    assert found.standard_error["log_loss"] == pytest.approx(spread)
    assert sum(found.num_rows) == 150 - round(0.15 * 150)
    assert CrossValidation.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_the_test_part_is_in_no_fold() -> None:
    rng = np.random.default_rng(0)
    x, times = rng.normal(size=(120, 3)), np.arange(120.0)
    y = (x[:, 0] > 0).astype(int)
    other_x, other_y = x.copy(), y.copy()
    other_x[-20:], other_y[-20:] = 1e3, 1 - y[-20:]
    recipe = recipe_of("memory", split=gf.Split(test=20))
    found = [
        gf.cross_validate(recipe, folds=3, kind="plain", data=gf.Arrays(*data, times=times))
        for data in ((x, y), (other_x, other_y))
    ]
    assert found[0] == found[1]


def test_the_preparation_is_of_each_folds_training_part(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []

    def spy(dataset: Any, rows: np.ndarray, prepare: Any) -> Any:
        seen.append(rows)
        return fit(dataset, rows, prepare)

    monkeypatch.setattr(folds.data_stage, "fit", spy)
    found = gf.cross_validate(recipe_of("wine"), folds=3)
    of_folds = seen[-3:]
    total = sum(found.num_rows)
    assert [len(rows) + held for rows, held in zip(of_folds, found.num_rows, strict=True)] == (
        [total] * 3
    )
    assert len({tuple(rows) for rows in of_folds}) == 3


@pytest.mark.parametrize("by", ["groups", "times"])
def test_folds_by_groups_and_by_time_train(by: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(240, 3))
    data = gf.Arrays(x, (x[:, 0] > 0).astype(int), **{by: np.arange(240) // 8})
    found = gf.cross_validate(recipe_of("memory"), folds=3, data=data)
    assert found.kind == {"groups": "grouped", "times": "time"}[by]
    assert len(found.folds) == 3
    assert found.mean["accuracy"] > 0.6


def test_categories_that_a_fold_lacks_make_it_train_alone() -> None:
    frame = pd.DataFrame({"a": np.arange(60.0) % 7, "b": ["rare"] + ["x", "y"] * 29 + ["x"]})
    found = gf.cross_validate(recipe_of("memory"), folds=3, data=(frame, np.arange(60) % 2))
    assert len(found.folds) == 3


def test_impossible_folds_are_told() -> None:
    with pytest.raises(DataError, match="So many folds"):
        gf.cross_validate(recipe_of("iris"), folds=1)
    with pytest.raises(DataError, match="no such folds") as caught:
        gf.cross_validate(recipe_of("iris"), kind="stratifid")  # pyright: ignore
    assert caught.value.do == 'Did you mean "stratified"?'
    with pytest.raises(DataError, match="nothing to make grouped folds by"):
        gf.cross_validate(recipe_of("iris"), kind="grouped")


def test_the_command_prints_a_table_and_json() -> None:
    words = ["cross-validate", "iris", "--folds", "3", "--set", "epochs=2"]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0 and "stratified" in said.output and "mean" in said.output
    told = CliRunner().invoke(app, [*words, "--json"])
    record = CrossValidation.from_json(json.loads(told.output))
    assert len(record.folds) == 3


def test_the_command_leaves_recipe_record_and_page(tmp_path: Path) -> None:
    words = ["cross-validate", "iris", "--folds", "3", "--set", "epochs=2"]
    said = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "cv" / "iris")])
    folder = tmp_path / "cv" / "iris"
    assert said.exit_code == 0 and f"report  {folder / 'report.html'}" in said.output
    names = ["cross-validation.json", "recipe.toml", "report.html"]
    assert sorted(path.name for path in folder.iterdir()) == names
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert json.loads((folder / "cross-validation.json").read_text()) == told
    recipe = gf.recipe.read(folder / "recipe.toml")
    assert gf.cross_validate(recipe, folds=3) == CrossValidation.from_json(told)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "over 3 stratified folds; the test part is sealed" in page and "epochs = 2" in page


def test_a_folder_that_is_taken_is_told_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    monkeypatch.setattr(folds, "_train", lambda *_: pytest.fail("trained"))
    for taken in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(SearchError, match="is taken") as caught:
            gf.cross_validate(recipe_of("iris"), out=taken)
        assert caught.value.do == "Name another --out."
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_cross_validation_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="So many folds"):
        gf.cross_validate(recipe_of("iris"), folds=1, out=tmp_path / "cv")
    assert not (tmp_path / "cv").exists()
