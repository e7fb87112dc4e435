"""A signal at each place where a run can be asked to stop, and how it goes on."""

from __future__ import annotations

import re
import shutil
import signal
from pathlib import Path

import pytest
import torch
from pipeline_helpers import TINY, bits_of, tensors_of
from torch.utils.data import TensorDataset

import goodfit as gf
from goodfit.errors import Interrupted
from goodfit.runs import Journal, checkpoints

RECIPE = TINY.model_copy(update={"net": gf.MLP(hidden=(8,), norm="batch", dropout=0.2)})


class Signals(gf.Listener):
    """Sends itself a signal when it is told of one thing."""

    def __init__(self, when: str) -> None:
        self.when = when

    def on_card(self, card: object, sizes: object) -> None:
        self._send("card")

    def on_folder(self, path: object) -> None:
        self._send("folder")

    def on_verdicts(self, verdicts: object) -> None:
        self._send("verdicts")

    def _send(self, told: str) -> None:
        if told == self.when:
            signal.raise_signal(signal.SIGTERM)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict:
    return bits_of(gf.train(RECIPE, out=tmp_path_factory.mktemp("whole") / "run").folder.path)


def test_a_signal_while_loading_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match="SIGTERM; nothing was written yet") as caught:
        gf.train(RECIPE, out=tmp_path / "run", listener=Signals("card"))
    assert caught.value.do == "Start it again." and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("when", ["folder", "verdicts"])
def test_a_signal_before_the_first_step_loses_nothing(
    when: str, tmp_path: Path, unbroken: dict
) -> None:
    with pytest.raises(Interrupted, match="SIGTERM; no step was lost") as caught:
        gf.train(RECIPE, out=tmp_path / "run", listener=Signals(when))
    assert caught.value.do == f"Go on with: goodfit resume {tmp_path / 'run'}"
    with pytest.raises(Interrupted):
        gf.resume(tmp_path / "run", listener=Signals(when))
    run = gf.resume(tmp_path / "run")
    assert bits_of(tmp_path / "run") == unbroken and run.info.num_resumes == 0


def signal_at(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """Let the signal come while an epoch's row is written."""
    append = Journal.append

    def watched(journal: Journal, row: dict) -> None:
        append(journal, row)
        if (row["kind"], row.get("epoch")) == ("epoch", epoch):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Journal, "append", watched)


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_signal_amid_training_saves_it(
    epoch: int, tmp_path: Path, unbroken: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, pytest.raises(Interrupted, match="after step") as caught:
        signal_at(patched, epoch)
        gf.train(RECIPE, out=tmp_path / "run")
    step = int(re.findall(r"after step (\d+); everything is saved", caught.value.what)[0])
    saved = checkpoints.load_latest(tmp_path / "run" / "checkpoints")
    assert saved is not None and saved.step == step == 4 * epoch
    run = gf.resume(tmp_path / "run")
    assert bits_of(tmp_path / "run") == unbroken
    assert run.info.num_resumes == 1 and run.info.executor_reason.startswith("compiling would")


def test_a_signal_in_the_last_epoch_comes_too_late_to_matter(
    tmp_path: Path, unbroken: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work is done: what is left to do is to write it down, or to resume and do so."""
    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        signal_at(patched, 3)
        gf.train(RECIPE, out=tmp_path / "run")
    gf.resume(tmp_path / "run")
    assert bits_of(tmp_path / "run") == unbroken


def test_the_time_before_an_interruption_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        signal_at(patched, 2)
        gf.train(RECIPE, out=tmp_path / "run")
    saved = checkpoints.load_latest(tmp_path / "run" / "checkpoints")
    assert saved is not None and saved.state["train_s"] > 0.0
    run = gf.resume(tmp_path / "run")
    assert run.info.train_s > saved.state["train_s"]
    assert run.info.checkpoint_s > saved.state["checkpoint_s"] > 0.0


def test_an_interrupted_run_without_a_folder_is_kept_where_the_message_says(
    unbroken: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, pytest.raises(Interrupted) as caught:
        signal_at(patched, 2)
        gf.train(RECIPE)
    path = Path(caught.value.do.removeprefix("Go on with: goodfit resume "))
    gf.resume(path)
    assert bits_of(path) == unbroken
    shutil.rmtree(path.parent)


def test_a_run_of_datasets_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(0)
    rows = TensorDataset(torch.randn(90, 4, generator=generator), torch.arange(90) % 3)
    whole = gf.train(RECIPE, batches=rows, validation=rows)
    with monkeypatch.context() as patched, pytest.raises(Interrupted, match="after step"):
        signal_at(patched, 1)
        gf.train(RECIPE, batches=rows, validation=rows, out=tmp_path / "run")
    torch.manual_seed(5)
    run = gf.resume(tmp_path / "run", batches=rows, validation=rows)
    assert run.info.num_resumes == 1 and run.history.steps.loss == whole.history.steps.loss
    assert tensors_of(run.folder.best) == tensors_of(whole.folder.best)
