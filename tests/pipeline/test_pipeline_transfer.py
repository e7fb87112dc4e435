"""Runs that begin with the weights of others: what moves, what stays, what is told."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from pipeline_helpers import bits_of, raw_data
from torch import Tensor

import goodfit as gf
from goodfit.diagnosis.numbers import finite
from goodfit.errors import GoodfitError, Interrupted, NetError, RunError
from goodfit.runs import Journal, checkpoints

NET = gf.CNN(channels=(4, 6), dropout=0.1)
BASE = gf.Recipe(data="digits", net=NET, epochs=2, batch_size=128)
NORMS = ("weight_norm", "grad_norm", "update_norm")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> gf.Run:
    return gf.train(BASE, out=tmp_path_factory.mktemp("source") / "run")


def state_of(run: gf.Run) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in run.module.net.state_dict().items()}


def moved(**values: object) -> gf.Recipe:
    transfer = gf.Transfer.model_validate(values)
    return BASE.model_copy(update={"transfer": transfer, "seed": 3, "epochs": 3})


@pytest.mark.parametrize("mode", ["traced", "eager"])
def test_frozen_layers_keep_their_bits_and_their_averages(source: gf.Run, mode: str) -> None:
    recipe = moved(source=str(source.folder.path), freeze_first=1)
    recipe = recipe.model_copy(update={"engine": gf.Engine(mode=mode)})  # pyright: ignore[reportArgumentType]
    run = gf.train(recipe)
    assert run.info.executor == mode
    before, after = state_of(source), state_of(run)
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same >= {"1.weight", "2.weight", "2.bias", "2.running_mean", "2.running_var"}
    assert "2.num_batches_tracked" in same
    assert not same & {"5.weight", "6.running_mean", "10.weight", "10.bias"}


def test_layers_wake_at_their_epoch(source: gf.Run, tmp_path: Path) -> None:
    recipe = moved(source=str(source.folder.path), freeze_first=1, unfreeze_epoch=2)
    stopped = recipe.model_copy(update={"epochs": 2})
    before = state_of(source)
    for each, wakes in ((stopped, False), (recipe, True)):
        run = gf.train(each, out=tmp_path / str(wakes))
        told = "\n".join(run.history.notes)
        assert ("unfreeze_epoch = 2, and the run has 2 epochs" in told) != wakes
        last = checkpoints.load_latest(run.folder.checkpoints)
        assert last is not None
        w, size = last.tensors["w"][0], before["1.weight"].numel()
        assert torch.equal(w[:size], before["1.weight"].flatten()) != wakes
        average = last.tensors["buffer.2.running_mean"][0]
        assert torch.equal(average, before["2.running_mean"]) != wakes


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> gf.Recipe:
    """Return a recipe that begins from a run most of whose weights are in the first layer."""
    recipe = BASE.model_copy(update={"net": gf.MLP(hidden=(32, 16)), "batch_size": 32})
    path = tmp_path_factory.mktemp("wide") / "run"
    gf.train(recipe.model_copy(update={"epochs": 1}), out=path)
    return recipe.model_copy(update={"transfer": gf.Transfer(source=str(path)), "seed": 3})


@pytest.mark.parametrize(
    ("values", "wakes"),
    [
        ({"freeze_first": 1}, False),
        ({"freeze_first": 1, "unfreeze_epoch": 1}, True),
        ({"freeze_first": 1, "unfreeze_epoch": 5}, False),
        ({"lr_scale": {"1": 0.0}}, False),
    ],
    ids=["to the end", "for one of two epochs", "for longer than the run", "at a rate of 0"],
)
def test_no_rule_speaks_of_what_is_frozen(values: dict, wakes: bool, wide: gf.Recipe) -> None:
    assert wide.transfer is not None
    transfer = wide.transfer.model_copy(update=values)
    run = gf.train(wide.model_copy(update={"transfer": transfer}))
    first, second = (layer for layer in run.history.looks.layers if layer.num_weights > 500)
    assert all(finite(getattr(second, norm)).size for norm in NORMS)
    frozen = np.array(run.history.looks.step) <= (run.history.steps_per_epoch if wakes else 1e9)
    for norm in NORMS:
        assert np.array_equal(np.isnan(getattr(first, norm)), frozen)
    told = {f.rule: f.where for f in run.findings}
    assert not told.keys() & {"update-ratio-low", "gradient-vanishing", "lr-too-low"}
    assert first.name not in told.values()


def test_a_batch_norm_that_is_held_is_not_stale(source: gf.Run) -> None:
    run = gf.train(moved(source=str(source.folder.path), freeze_first=1, unfreeze_epoch=2))
    held, free = (np.array(lay.norm_gap) for lay in run.history.looks.layers if "Norm" in lay.kind)
    frozen = np.array(run.history.looks.step) <= 2 * run.history.steps_per_epoch
    assert np.array_equal(np.isnan(held), frozen)
    assert not np.isnan(free).any()


def test_a_transfer_that_is_interrupted_ends_in_the_same_bits_without_its_source(
    source: gf.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = source.save(tmp_path / "old")
    recipe = moved(
        source=str(copied), freeze=["1", "2"], unfreeze_epoch=2, lr_scale={"5": 0.3, "1": 0.1}
    )
    whole = bits_of(gf.train(recipe, out=tmp_path / "whole").folder.path)
    append = Journal.append

    def watched(journal: Journal, row: dict) -> None:
        append(journal, row)
        if (row["kind"], row.get("epoch")) == ("epoch", 1):
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(Journal, "append", watched)
        gf.train(recipe, out=tmp_path / "run")
    copied.rename(tmp_path / "gone")
    resumed = gf.resume(tmp_path / "run")
    assert bits_of(tmp_path / "run") == whole
    assert any(note.startswith("Weights taken over") for note in resumed.history.notes)


@pytest.mark.parametrize(
    ("values", "taken", "frozen"),
    [
        ({}, "all.", ""),
        (
            {"layers": ["1", "2.weight"], "freeze_first": 1},
            "1, 2.weight; not these: 2.bias, 2.running_mean, 2.running_var,"
            " 2.num_batches_tracked, 5, 6, 11.",
            "Frozen to the end: 1, 2 (44 of 522 weights).",
        ),
        (
            {"layers": ["1", "2"], "freeze": ["1", "5"], "unfreeze_epoch": 1},
            "1, 2; not these: 5, 6, 11.",
            "Frozen for 1 epoch: 1, 5 (252 of 522 weights).",
        ),
    ],
    ids=["all", "some", "for a while"],
)
def test_the_report_says_what_was_taken_over_and_what_is_frozen(
    values: dict, taken: str, frozen: str, source: gf.Run
) -> None:
    place = str(source.folder.path)
    run = gf.train(moved(source=place, **values).model_copy(update={"epochs": 2}))
    told = [note for note in run.history.notes if note.startswith(("Weights", "Frozen"))]
    assert told == [f"Weights taken over from {place}: {taken}", *([frozen] if frozen else [])]
    page = run.folder.report.read_text(encoding="utf-8")
    assert all(note in page for note in told)


def test_another_output_layer_is_not_taken_over(source: gf.Run) -> None:
    x, y = raw_data("digits")
    recipe = moved(source=str(source.folder.path)).model_copy(update={"epochs": 1})
    run = gf.train(recipe, data=(x[y < 4], y[y < 4]))
    (told,) = (note for note in run.history.notes if note.startswith("Weights"))
    assert told.endswith(": 1, 2, 5, 6; not these: 11.")


def test_a_file_of_weights_is_a_source(source: gf.Run, tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(state_of(source), file)
    by_run = gf.train(moved(source=str(source.folder.path)))
    by_file = gf.train(moved(source=str(file)))
    pairs = zip(state_of(by_run).values(), state_of(by_file).values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.index_fill(0, torch.tensor(0), math.nan), "5.weight: 36 of 216"),
        (lambda w: w / 0.0, "5.weight: 216 of 216"),
        (lambda w: (100 * w).int(), "5.weight is int32"),
    ],
    ids=["nan", "infinite", "whole numbers"],
)
def test_weights_that_are_no_numbers_are_refused(
    change: Callable[[Tensor], Tensor], words: str, source: gf.Run, tmp_path: Path
) -> None:
    state = state_of(source)
    file = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(state | {"5.weight": change(state["5.weight"])}, file)
    with pytest.raises(NetError) as caught:
        gf.train(moved(source=str(file)), out=tmp_path / "run")
    assert str(caught.value.given) == words
    assert not (tmp_path / "run").exists()
    gf.train(moved(source=str(file), layers=["1", "2"]).model_copy(update={"epochs": 1}))


def test_weights_of_half_precision_are_taken_over(source: gf.Run, tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    state = {k: t.half() if t.is_floating_point() else t for k, t in state_of(source).items()}
    safetensors.torch.save_file(state, file)
    run = gf.train(moved(source=str(file), freeze_first=1).model_copy(update={"epochs": 1}))
    assert torch.equal(state_of(run)["1.weight"], state["1.weight"].float())


def test_trials_of_a_search_begin_from_it_and_keep_what_is_frozen(source: gf.Run) -> None:
    recipe = moved(source=str(source.folder.path), freeze_first=2).model_copy(update={"epochs": 1})
    study = gf.search(recipe.vary(lr=gf.choice(0.001, 0.01)), trials=2, workers=1)
    assert [trial.state for trial in study.trials] == ["done"] * 2
    alone = gf.train(recipe.model_copy(update={"optimizer": gf.AdamW(lr=0.01)}))
    found = next(t for t in study.trials if t.params["optimizer.lr"] == 0.01)
    expected = alone.history.epochs.validation_loss
    assert found.validation_loss == pytest.approx(expected, rel=1e-3)


def test_folds_begin_from_it(tmp_path: Path) -> None:
    """At a rate of next to nothing a fold scores what its start does."""
    base = gf.Recipe(data="digits", net=gf.MLP(hidden=(16,)), epochs=6)
    gf.train(base, out=tmp_path / "learned")
    still = base.model_copy(update={"optimizer": gf.AdamW(lr=1e-9), "epochs": 1})
    begun = still.model_copy(update={"transfer": gf.Transfer(source=str(tmp_path / "learned"))})
    scores = [gf.cross_validate(each, folds=3).mean["accuracy"] for each in (begun, still)]
    assert scores[0] > 0.85
    assert scores[1] < 0.4


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ({"source": "nowhere"}, RunError, "Name a run folder, or a .safetensors file"),
        ({"source": "{run}", "layers": ["x"]}, NetError, 'begins with "x"'),
        ({"source": "{run}", "freeze_first": 3}, NetError, "Every layer is frozen"),
        ({"source": "{pickle}"}, RunError, "a pickle (.pt, .pth) is not read"),
    ],
)
def test_what_does_not_work_is_said_before_a_folder_is_made(
    values: dict, kind: type[GoodfitError], words: str, source: gf.Run, tmp_path: Path
) -> None:
    torch.save({}, tmp_path / "weights.pt")
    places = {"{run}": str(source.folder.path), "{pickle}": str(tmp_path / "weights.pt")}
    values = {**values, "source": places.get(values["source"], values["source"])}
    with pytest.raises(kind) as caught:
        gf.train(moved(**values), out=tmp_path / "run")
    assert words in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["best.safetensors", "checkpoints/step-*.safetensors"])
def test_the_file_of_a_run_is_told_by_its_folder(
    name: str, source: gf.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = source.folder.path
    monkeypatch.chdir(run.parent)
    file = next(Path(run.name).glob(name))
    with pytest.raises(RunError, match="This is the weights file of a run") as caught:
        gf.train(moved(source=str(file)), out=tmp_path / "run")
    assert caught.value.given == file
    assert caught.value.do.endswith(f'transfer.source = "{run}".')
    alone = tmp_path / "copied.safetensors"
    alone.write_bytes(file.read_bytes())
    with pytest.raises(RunError, match="This is the weights file of a run") as caught:
        gf.train(moved(source=str(alone)))
    assert caught.value.do == "Name the run's folder, whose recipe says what they are."


def test_another_network_is_told_with_its_shapes(source: gf.Run) -> None:
    other = moved(source=str(source.folder.path)).model_copy(
        update={"net": gf.CNN(channels=(4, 5))}
    )
    with pytest.raises(NetError, match="do not fit this network") as caught:
        gf.train(other)
    assert "5.weight is [6, 4, 3, 3] there, [5, 4, 3, 3] here" in str(caught.value.given)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"unfreeze_epoch": 2}, "Set freeze_first or freeze."),
        ({"layer_decay": 0.5, "lr_scale": {"1": 0.1}}, "Leave one of them out."),
    ],
)
def test_wrong_tables_are_told(table: dict, words: str) -> None:
    with pytest.raises(GoodfitError) as caught:
        gf.recipe.validate({"data": "digits", "transfer": {"source": "x", **table}})
    assert caught.value.do == words


def test_a_recipe_with_a_transfer_comes_back_from_its_text(tmp_path: Path) -> None:
    recipe = moved(source="a/run", freeze=["1", "2"], unfreeze_epoch=1, lr_scale={"5.weight": 0.3})
    file = tmp_path / "recipe.toml"
    file.write_text(gf.recipe.write(recipe), encoding="utf-8")
    assert gf.recipe.read(file) == recipe
