"""Clipping and plateaus in whole runs: history, an interruption, rows of a search."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
from pipeline_helpers import TINY, bits_of

import goodfit as gf
from goodfit.errors import Interrupted
from goodfit.runs import Journal

PLATEAU = gf.OnPlateau(patience=0, factor=0.5, threshold=0.3)
RECIPE = TINY.model_copy(
    update={
        "clip": gf.ClipPercentile(share=0.5),
        "schedule": PLATEAU,
        "epochs": 6,
        "penalty": gf.L1(strength=1e-4),
    }
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> gf.Run:
    return gf.train(RECIPE, out=tmp_path_factory.mktemp("whole") / "run")


def test_the_rate_falls_on_a_plateau_of_validation(whole: gf.Run) -> None:
    history = whole.history
    rates = np.asarray(history.steps.lr).reshape(6, -1)
    assert (rates == rates[:, :1]).all(), "a rate changed within an epoch"
    lr, best, expected = RECIPE.optimizer.lr, np.inf, []
    for loss in history.epochs.validation_loss:
        expected.append(lr)
        lr, best = (lr, loss) if loss < 0.7 * best else (lr * 0.5, best)
    assert rates[:, 0].tolist() == pytest.approx(expected) and len(set(expected)) > 1


def test_the_history_says_how_often_gradients_were_cut(whole: gf.Run) -> None:
    tally, norms = whole.history.tallies["clipped"], whole.history.steps.grad_norm
    assert whole.history.clipped and tally.of == len(norms)
    limits = [np.percentile(norms[max(0, i - 256) : i], 50) for i in range(16, len(norms))]
    assert tally.happened == sum(n > at for n, at in zip(norms[16:], limits, strict=True)) > 0


def test_a_run_that_is_not_clipped_says_nothing() -> None:
    history = gf.train(TINY.model_copy(update={"epochs": 1})).history
    assert not history.clipped and "clipped" not in history.tallies


@pytest.mark.parametrize("epoch", [2, 4])
def test_an_interrupted_run_ends_in_the_same_bits(
    epoch: int, whole: gf.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Journal.append

    def watched(journal: Journal, row: dict) -> None:
        append(journal, row)
        if (row["kind"], row.get("epoch")) == ("epoch", epoch):
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(Journal, "append", watched)
        gf.train(RECIPE, out=tmp_path / "run")
    gf.resume(tmp_path / "run")
    assert bits_of(tmp_path / "run") == bits_of(whole.folder.path)


def test_each_row_of_a_search_has_its_own_plateau_and_limit() -> None:
    space = RECIPE.vary(lr=gf.choice(1e-3, 3e-2), share=gf.choice(0.5, 0.9))
    study = gf.search(space, trials=4, strategy="grid", workers=1)
    assert len(study.trials) == 4
    for trial in study.trials:
        alone = gf.train(space.recipe(trial.params))
        expected = alone.history.epochs.validation_loss
        assert trial.validation_loss == pytest.approx(expected, rel=1e-3), trial.params
