"""Views in a run: scores, predictions and the sealed test part are means over views."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pipeline_helpers import expected_scores, raw_data, rows_of
from typer.testing import CliRunner

import goodfit as gf
from goodfit.cli import app
from goodfit.report import words

RECIPE = gf.Recipe(
    data="digits",
    net=gf.MLP(hidden=(16,)),
    epochs=2,
    evaluate=gf.Evaluate(views="flip"),
    engine=gf.Engine(mode="eager"),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> gf.Run:
    return gf.train(RECIPE, out=tmp_path_factory.mktemp("views") / "run")


def part(run: gf.Run, name: str) -> tuple[np.ndarray, np.ndarray]:
    x, y = raw_data("digits")
    rows = rows_of(run.folder.path, name)
    return x[rows], y[rows]


def test_scores_are_those_of_predictions_over_the_same_views(run: gf.Run) -> None:
    x, y = part(run, "validation")
    assert run.scores.views == "flip"
    assert run.scores.values == pytest.approx(expected_scores(run, x, y), rel=1e-5)
    each = [run.predict_proba(image, views="none") for image in (x, x[..., ::-1].copy())]
    np.testing.assert_allclose(run.predict_proba(x), sum(each) / 2.0, atol=1e-6)
    assert not np.allclose(each[0], each[1], atol=0.1)
    assert "270 rows, 2 views of each" in words.headline(gf.commands.pipeline.contents(run))


def test_a_mirror_image_gets_the_same_prediction(run: gf.Run) -> None:
    x, _ = part(run, "validation")
    mirrored = x[..., ::-1].copy()
    np.testing.assert_array_equal(run.predict_proba(x), run.predict_proba(mirrored))
    plain = (run.predict(x, views="none"), run.predict(mirrored, views="none"))
    assert (plain[0] != plain[1]).mean() > 0.1


def test_training_knows_nothing_of_views(run: gf.Run) -> None:
    plain = gf.train(RECIPE.model_copy(update={"evaluate": gf.Evaluate()}))
    assert plain.history.epochs == run.history.epochs
    assert plain.scores.views == "none" and plain.scores.values != run.scores.values


def test_the_test_part_is_opened_over_views_of_ones_choice(tmp_path: Path) -> None:
    made = gf.train(RECIPE, out=tmp_path / "run")
    command = ["test", str(tmp_path / "run"), "--views", "flip-crops", "--json"]
    told = json.loads(CliRunner().invoke(app, command, catch_exceptions=False).output)["test"]
    assert told["views"] == "flip-crops"
    x, y = part(made, "test")
    right = (made.predict(x, views="flip-crops") == y).mean()
    assert told["values"]["accuracy"] == pytest.approx(right)


def test_wrong_views_leave_the_test_part_sealed(run: gf.Run) -> None:
    wrong: Any = "flips"
    with pytest.raises(gf.RecipeError, match='There are no views "flips"') as caught:
        gf.test(run.folder.path, views=wrong)
    assert caught.value.do == 'Did you mean "flip"?'
    assert not run.folder.scores_test.exists()


def test_views_of_a_table_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    recipe = gf.Recipe(data="wine", epochs=1)
    with pytest.raises(gf.RecipeError, match="Only images have flips"):
        gf.train(
            recipe.model_copy(update={"evaluate": gf.Evaluate(views="flip")}), out=tmp_path / "run"
        )
    assert not (tmp_path / "run").exists()
    table = gf.train(recipe)
    with pytest.raises(gf.RecipeError, match="Only images have flips"):
        table.predict(raw_data("wine")[0], views="crops")


def test_folds_are_scored_over_views() -> None:
    recipe = RECIPE.model_copy(update={"split": gf.Split(test=1397), "epochs": 1})
    found = gf.cross_validate(recipe, folds=2)
    plain = gf.cross_validate(recipe.model_copy(update={"evaluate": gf.Evaluate()}), folds=2)
    assert {scores.views for scores in found.folds} == {"flip"}
    assert found.mean["log_loss"] != plain.mean["log_loss"]
