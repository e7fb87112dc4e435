"""A run looks at itself: what stands in its history, what the rules say, how a NaN came about."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from pipeline_helpers import TINY
from torch import Tensor, nn

import goodfit as gf
from goodfit.errors import DataError, RunError
from goodfit.records import Finding

SHORT = gf.Recipe(data="digits", net=gf.MLP(hidden=(32,)), epochs=6, seed=1)


def sound(run: gf.Run) -> list[str]:
    return [finding.rule for finding in run.findings if finding.severity != "info"]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> gf.Run:
    return gf.train(SHORT, out=tmp_path_factory.mktemp("healthy") / "run")


def test_a_history_holds_what_the_rules_need(healthy: gf.Run) -> None:
    looks, setting, epochs = healthy.history.looks, healthy.history.setting, healthy.history.epochs
    assert looks.step[:4] == (1, 2, 9, 10) and all(value > 0 for value in looks.weight_norm)
    assert {"Linear", "ReLU"} <= {layer.kind for layer in looks.layers}
    assert setting.loss_kind == "cross-entropy" and setting.num_classes == 10
    assert setting.chance_loss == pytest.approx(math.log(10), abs=0.01)
    assert setting.num_train == healthy.sizes.train and setting.optimizer == "adamw"
    assert all(math.isfinite(value) for value in epochs.clean_loss)


def test_clean_rows_are_training_rows_in_evaluation_mode(healthy: gf.Run) -> None:
    last = healthy.history.epochs
    assert last.clean_loss[-1] < last.validation_loss[-1] and last.clean_metric[-1] > 0.95


def test_a_healthy_run_has_no_warning(healthy: gf.Run) -> None:
    assert sound(healthy) == []


def test_the_findings_file_is_what_the_run_says(healthy: gf.Run) -> None:
    stored = json.loads((healthy.folder.path / "findings.json").read_text())
    assert [one["rule"] for one in stored] == [finding.rule for finding in healthy.findings]


def test_a_rate_that_is_far_too_high_is_named() -> None:
    recipe = SHORT.model_copy(update={"optimizer": gf.AdamW(lr=30.0)})
    # AdamW's decay is lr * weight_decay a step: it is named with right too, and comes later.
    assert sound(gf.train(recipe))[0] == "lr-too-high"


def test_an_early_word_is_said_once_while_training() -> None:
    class Told(gf.Listener):
        early_word = True

        def __init__(self) -> None:
            self.said: list[Finding] = []

        def on_finding(self, finding: Finding) -> None:
            self.said.append(finding)

    told = Told()
    recipe = SHORT.model_copy(update={"optimizer": gf.AdamW(lr=30.0), "epochs": 8})
    gf.train(recipe, listener=told)
    rules = [finding.rule for finding in told.said]
    assert "lr-too-high" in rules and len(rules) == len(set(rules))
    assert all(finding.severity != "info" for finding in told.said)


class Logarithm(nn.Module):
    """Takes the logarithm of a number that training drives below 0."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.last = nn.Linear(8, 3)
        self.level = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.first(x))) + torch.log(self.level)


def test_the_operation_that_made_a_nan_is_named() -> None:
    x = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64) + (x[:, 1] > 0)
    net = Logarithm()
    with torch.no_grad():
        net.level.fill_(-0.1)
    recipe = gf.Recipe(data="mine", epochs=4, seed=0)
    run = gf.train(recipe, data=(x, y), net=net)
    found = run.history.autopsy
    assert run.history.stopped == "not-finite" and found is not None
    assert (found.culprit, found.operation, found.step) == ("forward", "log", 1)
    assert "negative" in found.because
    [finding] = [f for f in run.findings if f.rule == "loss-not-finite"]
    assert "log" in f"{finding.meaning} {finding.remedy} {finding.where}"


def test_a_nan_late_in_a_run_is_found_by_playing_it_again(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(256, 6)).astype(np.float32)
    recipe = gf.Recipe(
        data="mine",
        net=gf.MLP(hidden=(16,), dropout=0.2),
        optimizer=gf.SGD(lr=1e12),
        schedule=gf.OneCycle(),
        epochs=4,
        batch_size=16,
    )
    run = gf.train(recipe, data=(x, x[:, 0].astype(np.float64)), out=tmp_path / "run")
    found = run.history.autopsy
    assert run.history.stopped == "not-finite" and found is not None and found.step > 1
    lost = [
        s for s, x in zip(run.history.steps.step, run.history.steps.loss, strict=True) if x != x
    ]
    assert not lost or found.step <= lost[0]
    assert found.module or found.culprit in ("loss", "gradient")


# On their own


def test_check_recipe_makes_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    checked = gf.check_recipe(TINY)
    assert len(checked.verdicts) > 20 and not list(tmp_path.iterdir())
    assert not [finding for finding in checked if finding.severity != "info"]


def test_check_recipe_finds_what_is_wrong_with_the_data() -> None:
    x = np.random.default_rng(0).normal(size=(200, 4))
    recipe = gf.Recipe(data="mine", prepare=gf.Prepare(scale="none"))
    checked = gf.check_recipe(recipe, data=(1e5 * x, (x[:, 0] > 0).astype(np.int64)))
    assert "input-out-of-scale" in [finding.rule for finding in checked]


def test_diagnose_reads_a_run_as_the_run_reads_itself(healthy: gf.Run) -> None:
    found = gf.diagnose(healthy.folder.path)
    assert found.findings == healthy.findings
    assert len(found.verdicts) == len(healthy.verdicts) + len(healthy.diagnosis)
    np.testing.assert_equal(
        found.history.to_json(), healthy.history.to_json() | {"steps_per_epoch": 0}
    )


def test_diagnose_reads_a_watched_history(healthy: gf.Run, tmp_path: Path) -> None:
    (tmp_path / "h.json").write_text(json.dumps(healthy.history.to_json()))
    assert gf.diagnose(tmp_path / "h.json").verdicts == healthy.diagnosis
    assert gf.diagnose(healthy.history).verdicts == healthy.diagnosis


def test_diagnose_says_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "h.json").write_text("{}")
    with pytest.raises(DataError, match=r"no history that watch\.save wrote"):
        gf.diagnose(tmp_path / "h.json")
    with pytest.raises(RunError, match="nothing at this path"):
        gf.diagnose(tmp_path / "none")
