"""Augmented runs: the same bits again, traced as eagerly, in a search as alone; clean elsewhere."""

from __future__ import annotations

import base64
import io
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pipeline_helpers import bits_of, raw_data, rows_of
from torch import nn
from torch.nn import functional

import goodfit as gf
from goodfit.data import Augmentation, augmentation_of
from goodfit.engine import Noise, Problem, make_population
from goodfit.nets import Dropout, layout_of
from goodfit.optim import rule_for
from goodfit.pipeline.material import spread
from goodfit.records import Gallery
from goodfit.runs import Journal

MIXED = gf.Augment(
    crop=1,
    rotate=10.0,
    brightness=0.2,
    erase=0.2,
    affine_probability=0.5,
    colour_probability=0.5,
    mix="cutmix",
)
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


def test_a_run_stopped_amid_an_epoch_goes_on_to_the_same_bits(
    run: gf.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, told = Journal.append, []

    def stopping(journal: Journal, row: dict[str, Any]) -> None:
        append(journal, row)
        if row["kind"] == "look" and 20 < row["step"][-1] < 40 and not told:
            told.append(row["step"])
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched, pytest.raises(gf.Interrupted):
        patched.setattr(Journal, "append", stopping)
        gf.train(RECIPE, out=tmp_path / "run")
    assert gf.resume(tmp_path / "run").info.num_resumes == 1
    assert bits_of(tmp_path / "run") == bits_of(run.folder.path)


def test_clean_rows_and_validation_see_no_augmentation(run: gf.Run) -> None:
    """The best epoch's losses are those of the kept weights on the rows as they are."""
    x, y = raw_data("digits")
    validation, train = (rows_of(run.folder.path, name) for name in ("validation", "train"))
    clean = spread(torch.from_numpy(train), len(validation)).numpy()
    found, best = run.history.epochs, (run.history.best_epoch or 0) - 1
    for rows, loss in ((validation, found.validation_loss), (clean, found.clean_loss)):
        output = run.module(torch.from_numpy(x[rows])).detach()
        wanted = functional.cross_entropy(output, torch.from_numpy(y[rows]))
        assert loss[best] == pytest.approx(float(wanted), rel=1e-5)


def draws(**settings: Any) -> list[torch.Tensor]:
    """Return the noise of a step of a network with dropout, on 6 images."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), Dropout(0.5)).train()
    rule = rule_for(gf.Recipe(data="digits"), net)
    augmentation = augmentation_of(
        *(gf.Augment(**settings),), input_kind="image", shape=(1, 8, 8), num_classes=4, bounded=True
    )
    data = (torch.zeros(6, 1, 8, 8), torch.zeros(6, dtype=torch.long))
    problem = Problem(
        *(net, layout_of(net), functional.cross_entropy, rule, 1, nn.Identity()),
        augment=augmentation,
    )
    return Noise(problem, make_population([net], rule), data, [3]).draw(5, (torch.arange(6),))


def test_a_draw_is_of_its_change_alone_whatever_else_is_on() -> None:
    (dropout,) = draws()
    crop, mix, last = draws(crop=2, mix="mixup")
    assert torch.equal(last, dropout)
    flip, same_crop, same_mix, mask, last = draws(horizontal_flip=0.5, crop=2, mix="cutmix")
    assert torch.equal(last, dropout) and torch.equal(same_crop, crop)
    assert torch.equal(same_mix, mix)
    firsts = [u.flatten()[0].item() for u in (dropout, crop, mix, flip, mask)]
    assert len(set(firsts)) == 5


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
    assert not (tmp_path / "run").exists()


def test_a_table_learns_from_mixed_rows() -> None:
    recipe = gf.Recipe(data="wine", augment=gf.Augment(mix="mixup", mix_alpha=0.2), epochs=12)
    assert gf.train(recipe).scores.values["accuracy"] > 0.85


def test_folds_of_images_are_augmented_as_raw_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPE.model_copy(update={"epochs": 1, "split": gf.Split(test=1397)})
    change, seen = Augmentation.__call__, set()

    def watched(self: Augmentation, x: torch.Tensor, *rest: Any) -> Any:
        seen.add(x.dtype)
        return change(self, x, *rest)

    monkeypatch.setattr(Augmentation, "__call__", watched)
    found = gf.cross_validate(recipe, folds=2)
    plain = gf.cross_validate(recipe.model_copy(update={"augment": gf.Augment()}), folds=2)
    assert seen == {torch.uint8} and found.mean["log_loss"] > plain.mean["log_loss"]


# What the report tells


def galleries(run: gf.Run) -> list[Gallery]:
    assert run.drawn is not None
    return [part for part in run.drawn.parts if isinstance(part, Gallery)]


def pixels(png_base64: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png_base64))), np.float64)


def test_the_report_shows_training_images_before_and_after(run: gf.Run) -> None:
    _, gallery = galleries(run)
    before, after = gallery.pictures
    assert (gallery.title, len(before), len(after)) == ("Augmentation", 8, 8)
    raw = raw_data("digits")[0][rows_of(run.folder.path, "train"), 0].astype(np.float64)
    for png in before:
        # Drawn so that the darkest and lightest of the eight are black and white.
        assert (np.abs(raw * 255.0 / 16.0 - pixels(png)).max((1, 2)) <= 1.0).any()
    assert sum(a != b for a, b in zip(before, after, strict=True)) >= 7
    page = run.folder.report.read_text(encoding="utf-8")
    assert all(png in page for png in (*before, *after))
    assert "changed anew at each step (rotate 10.0, crop 1," in page


def test_without_augmentation_nothing_of_it_is_shown() -> None:
    run = gf.train(RECIPE.model_copy(update={"augment": gf.Augment(), "epochs": 1}))
    assert len(galleries(run)) == 1
    page = run.folder.report.read_text(encoding="utf-8")
    assert "changed anew" not in page and "as trained on" not in page


def test_the_report_of_a_table_says_that_rows_are_mixed() -> None:
    recipe = gf.Recipe(data="wine", augment=gf.Augment(mix="mixup"), epochs=1)
    run = gf.train(recipe)
    assert galleries(run) == []
    assert "(mix mixup), and no others" in run.folder.report.read_text(encoding="utf-8")


@pytest.mark.parametrize(("channels", "num"), [(3, 1), (5, 0)])
def test_images_of_loaders_are_shown_where_they_are_pictures(channels: int, num: int) -> None:
    x = torch.rand(12, channels, 6, 6, generator=torch.Generator().manual_seed(0))
    batches = [(x, torch.arange(12) % 2)]
    recipe = RECIPE.model_copy(update={"augment": gf.Augment(crop=1), "epochs": 1})
    run = gf.train(recipe, batches=batches, validation=batches)
    assert (len(galleries(run)) if run.drawn else 0) == num
    assert "(crop 1), and no others" in run.folder.report.read_text(encoding="utf-8")
