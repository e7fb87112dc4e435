"""A network of one's own: it is trained as a copy, and told what does not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from pipeline_helpers import TINY, raw_data
from torch import Tensor, nn

import goodfit as gf
from goodfit.errors import NetError, RunError


class Twofold(nn.Module):
    """Goes one way or the other, by the data: this cannot be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.one(x) if x.sum() > 0 else self.other(x)


class Pair(nn.Module):
    """Gives two tensors, as some networks do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.layer(x), x


class Sized(nn.Module):
    """A network with a buffer, by the number of its inputs."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.register_buffer("ones", torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) * self.get_buffer("ones").mean()


def mlp() -> nn.Sequential:
    torch.manual_seed(0)
    layers = (nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
    return nn.Sequential(*layers)


class Trained(NamedTuple):
    net: nn.Sequential
    before: dict[str, Tensor]
    run: gf.Run


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    net = mlp()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    recipe = TINY.model_copy(update={"epochs": 12})
    return Trained(net, before, gf.train(recipe, net=net, out=tmp_path_factory.mktemp("o") / "own"))


def test_the_module_that_was_given_stays_as_it_was(own: Trained) -> None:
    after = own.net.state_dict()
    assert after.keys() == own.before.keys()
    assert all(torch.equal(after[name], own.before[name]) for name in after)
    assert own.net.training and all(p.grad is None for p in own.net.parameters())
    assert type(own.net[3]) is nn.Dropout


def test_the_trained_module_is_of_the_same_class_and_was_trained(own: Trained) -> None:
    trained = own.run.module.net
    assert isinstance(trained, nn.Sequential) and trained is not own.net
    assert [type(layer) for layer in trained] == [type(layer) for layer in own.net]
    assert trained.state_dict().keys() == own.before.keys()
    after = trained.state_dict()
    assert all(not torch.equal(after[name], own.before[name]) for name in after)
    assert own.run.scores.values["accuracy"] > 0.6


def test_its_network_alone_predicts_as_the_run_does(own: Trained) -> None:
    """Standardised by hand with the training rows' numbers, without any code of goodfit."""
    inputs, _ = raw_data("iris")
    values = inputs.to_numpy(np.float64)
    preparation = json.loads(own.run.folder.preparation.read_text(encoding="utf-8"))
    columns = preparation["inputs"]["numeric"]
    centre, scale = (np.array([c[name] for c in columns]) for name in ("centre", "scale"))
    with torch.no_grad():
        outputs = own.run.module.net(torch.from_numpy((values - centre) / scale).float())
    named = np.asarray(own.run.card.classes)[outputs.numpy().argmax(axis=1)]
    assert np.array_equal(named, own.run.predict(inputs))


def test_the_recipe_says_that_the_network_came_from_python(own: Trained) -> None:
    assert own.run.recipe.net == gf.OwnNet(make="")
    assert "Linear(in_features=4" in own.run.info.net
    assert own.run.info.num_parameters == sum(p.numel() for p in own.net.parameters())


def test_a_run_of_ones_own_network_is_loaded_with_it(own: Trained) -> None:
    inputs, _ = raw_data("iris")
    loaded = gf.load(own.run.folder.path, net=mlp())
    assert np.array_equal(loaded.predict_proba(inputs), own.run.predict_proba(inputs))
    with pytest.raises(NetError, match="given in Python") as caught:
        gf.load(own.run.folder.path)
    assert "goodfit.load(path, net=...)" in caught.value.do


@pytest.mark.parametrize(
    "net", [nn.Linear(4, 3), Sized(2), nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 3))]
)
def test_weights_of_another_network_are_refused(net: nn.Module, own: Trained) -> None:
    with pytest.raises(RunError, match="another network than this one") as caught:
        gf.load(own.run.folder.path, net=net)
    assert "weights here" in str(caught.value.given) and "began with" in caught.value.do
    with pytest.raises(RunError, match="began with another network") as caught:
        gf.resume(own.run.folder.path, net=net)
    assert "in the checkpoint" in str(caught.value.given)


def test_a_buffer_of_another_shape_is_refused(tmp_path: Path) -> None:
    gf.train(TINY, net=Sized(2), out=tmp_path / "run")
    with pytest.raises(RunError, match="another network") as caught:
        gf.load(tmp_path / "run", net=Sized(3))
    assert "no fitting ones" in str(caught.value.given)


def test_a_network_that_cannot_be_traced_trains_eagerly_and_the_run_says_so(
    tmp_path: Path,
) -> None:
    recipe = TINY.model_copy(update={"epochs": 20, "optimizer": gf.AdamW(lr=0.05)})
    run = gf.train(recipe, net=Twofold(), out=tmp_path / "run")
    assert run.info.executor == "eager" and "cannot be traced" in run.info.executor_reason
    assert run.scores.values["accuracy"] > 0.6
    again = gf.resume(tmp_path / "run", net=Twofold())
    assert again.info.executor_reason == run.info.executor_reason


WRONG_NETS = {
    "its first layer": (nn.Linear(7, 3), "mat1 and mat2", "[32, 4]", "first layer"),
    "too few outputs": (nn.Linear(4, 2), "something else", "[32, 2] for a batch of 32", "[32, 3]"),
    "too many outputs": (nn.Linear(4, 5), "something else", "[32, 5]", "[32, 3]"),
    "a vector": (
        nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)),
        "something else",
        "[32] for a batch",
        "a score for each class",
    ),
    "a pair": (Pair(), "something else", "tuple", "[32, 3]"),
    "doubles": (nn.Linear(4, 3).double(), "same dtype", "torch.float32", "such inputs"),
    "lazy layers": (nn.LazyLinear(3), "lazy layers", "LazyLinear", "net(x)"),
    "images": (nn.Conv2d(1, 3, 3), "Expected 3D", "[32, 4]", "first layer"),
    "no weights": (nn.Linear(4, 3).requires_grad_(False), "no parameters", "frozen", "requires"),
}


@pytest.mark.parametrize("threads", [None, 1])
@pytest.mark.parametrize("case", WRONG_NETS)
def test_a_network_that_does_not_fit_is_told_in_words(
    case: str, threads: int | None, tmp_path: Path
) -> None:
    net, what, given, do = WRONG_NETS[case]
    recipe = TINY.model_copy(update={"engine": gf.Engine(threads=threads)})
    with pytest.raises(NetError) as caught:
        gf.train(recipe, net=net, out=tmp_path / "run")
    error = caught.value
    assert what in error.what and given in str(error.given) and do in error.do
    assert not (tmp_path / "run").exists()


def test_one_output_for_each_row_is_not_spread_over_a_column(tmp_path: Path) -> None:
    """``[N]`` against ``[N, 1]`` would broadcast to ``[N, N]`` and train on nonsense."""
    flat = nn.Sequential(nn.Linear(10, 1), nn.Flatten(0))
    with pytest.raises(NetError, match="something else") as caught:
        gf.train(TINY.model_copy(update={"data": gf.DataSource(path="diabetes")}), net=flat)
    assert "[32, 1]" in caught.value.do


def test_batch_norm_cannot_have_batches_of_one_row(tmp_path: Path) -> None:
    recipe = TINY.model_copy(update={"batch_size": 1, "net": gf.MLP(hidden=(4,), norm="batch")})
    with pytest.raises(NetError, match="Batch norm learns nothing") as caught:
        gf.train(recipe, out=tmp_path / "run")
    assert "batch_size to 2 or more" in caught.value.do and not (tmp_path / "run").exists()


def test_batch_norm_of_ones_own_gets_a_remedy_that_it_can_follow() -> None:
    with pytest.raises(NetError, match="Batch norm learns nothing") as caught:
        gf.train(TINY.model_copy(update={"batch_size": 1}), net=mlp())
    assert "net.norm" not in caught.value.do and "nn.LayerNorm" in caught.value.do


class Failing(nn.Linear):
    """Fails on every batch, in a line of its own."""

    def forward(self, input: Tensor) -> Tensor:
        raise ValueError("boom")


def test_a_network_of_ones_own_that_fails_is_told_with_file_and_line() -> None:
    with pytest.raises(NetError) as caught:
        gf.train(TINY, net=Failing(4, 3))
    line = 1 + Path(__file__).read_text(encoding="utf-8").split("\n").index(
        '        raise ValueError("boom")'
    )
    assert caught.value.what.endswith(f"ValueError: boom ({__file__}, line {line})")


def test_a_last_batch_of_one_row_is_left_out_so_that_batch_norm_works() -> None:
    net = gf.MLP(hidden=(4,), norm="batch")
    run = gf.train(TINY.model_copy(update={"batch_size": 15, "net": net, "epochs": 1}))
    assert run.sizes.train == 106 == 7 * 15 + 1
    assert run.history.steps_per_epoch == 7


def test_a_batch_larger_than_the_data_is_all_of_it() -> None:
    run = gf.train(TINY.model_copy(update={"batch_size": 5000, "epochs": 2}))
    assert run.recipe.batch_size == run.sizes.train == 106
    assert run.history.steps.step == (1, 2)
