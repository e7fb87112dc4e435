"""Augmented runs: the same bits again, traced as eagerly, in a search as alone; clean elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import goodfit as gf

MIXED = gf.Augment(crop=1, rotate=10.0, brightness=0.2, erase=0.2, mix="cutmix")
RECIPE = gf.Recipe(
    data="digits",
    net=gf.MLP(hidden=(16,), dropout=0.2),
    batch_size=64,
    epochs=2,
    augment=MIXED,
    engine=gf.Engine(mode="traced"),
)


def weights(run: gf.Run) -> np.ndarray:
    return torch.cat([p.detach().flatten() for p in run.module.parameters()]).numpy()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> gf.Run:
    return gf.train(RECIPE, out=tmp_path_factory.mktemp("augmented") / "run")


def test_the_same_recipe_gives_the_same_bits(run: gf.Run) -> None:
    again = gf.train(RECIPE)
    np.testing.assert_array_equal(weights(again), weights(run))
    plain = gf.train(RECIPE.model_copy(update={"augment": gf.Augment()}))
    assert not np.array_equal(weights(plain), weights(run))


def test_traced_is_as_eager(run: gf.Run) -> None:
    assert run.info.executor == "traced"
    eager = gf.train(RECIPE.model_copy(update={"engine": gf.Engine(mode="eager")}))
    np.testing.assert_allclose(weights(eager), weights(run), atol=1e-4)


def test_the_history_knows_that_targets_are_mixed(run: gf.Run) -> None:
    setting = run.history.setting
    assert setting.mixed_targets and setting.floor_loss is not None
    # Nine tenths of all pairs differ, and a uniform share costs half a nat in the mean.
    assert setting.floor_loss == pytest.approx(0.45, abs=0.01)


def test_rows_of_a_search_train_as_alone(tmp_path: Path) -> None:
    space = RECIPE.vary(lr=gf.choice(0.001, 0.01))
    study = gf.search(space, trials=2, strategy="grid", confirm=0, rows=2, workers=1)
    for trial in study.trials:
        optimizer = gf.AdamW(lr=trial.params["optimizer.lr"])
        alone = gf.train(RECIPE.model_copy(update={"optimizer": optimizer}))
        assert trial.metric == pytest.approx(alone.history.epochs.metric, abs=0.012)


def test_cutmix_of_a_table_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    recipe = gf.Recipe(data="wine", augment=gf.Augment(mix="cutmix"), epochs=1)
    with pytest.raises(gf.RecipeError, match="Only images can be flipped"):
        gf.train(recipe, out=tmp_path / "run")


def test_a_table_learns_from_mixed_rows() -> None:
    recipe = gf.Recipe(data="wine", augment=gf.Augment(mix="mixup", mix_alpha=0.2), epochs=12)
    assert gf.train(recipe).scores.values["accuracy"] > 0.85
