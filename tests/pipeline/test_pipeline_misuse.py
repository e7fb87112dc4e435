"""What Python code gives by mistake to a public function: each is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import goodfit as gf
from goodfit.errors import GoodfitError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 5)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
XT, YT = torch.from_numpy(X), torch.from_numpy(Y)
IRIS = gf.Recipe(data="iris", epochs=1)
GIVEN = gf.Recipe(data="given", epochs=1)
SPACE = IRIS.vary(lr=gf.loguniform(1e-4, 1e-1))
CE = nn.CrossEntropyLoss()

NO_RECIPES: dict[str, tuple[Any, str, str]] = {
    "name": ("digits", "'digits'", 'gf.train(gf.Recipe(data="digits"))'),
    "file": (Path("r.toml"), "r.toml", 'gf.train(goodfit.recipe.read(Path("r.toml")))'),
    "dict": ({"data": "digits"}, "{'data': 'digits'}", "gf.Recipe(**values)"),
    "source": (gf.DataSource(path="iris"), "DataSource", "gf.Recipe(data=source)"),
    "space": (SPACE, "Space", "gf.search(space)"),
    "class": (gf.Recipe, "the class Recipe", "gf.Recipe(data="),
    "arrays": ((X, Y), "tuple", "data=(X, y)"),
}
NO_MODULES: dict[str, tuple[Any, str, str]] = {
    "class": (nn.Linear, "the class Linear", "net = Linear(...)"),
    "part": (gf.MLP(), "MLP", "gf.Recipe(..., net=gf.MLP(...))"),
    "name": ("mlp", "'mlp'", 'net="mlp"'),
    "factory": (lambda: nn.Linear(5, 2), "function", "Call it"),
    "number": (3, "int", "torch.nn.Module"),
}
NO_LOSSES: dict[str, tuple[Any, str, str]] = {
    "class": (nn.CrossEntropyLoss, "the class CrossEntropyLoss", "nn.CrossEntropyLoss()"),
    "name": ("cross_entropy", "'cross_entropy'", "nn.CrossEntropyLoss()"),
}
NO_BATCHES: dict[str, tuple[Any, str, str]] = {
    "pair": ((XT, YT), "2 tensors or arrays", "[(x, y)]"),
    "tensor": (XT, "Tensor", "DataLoader"),
    "none": (None, "NoneType", "DataLoader"),
}
NO_PATHS: dict[str, tuple[Any, str, str]] = {
    "none": (None, "NoneType", "runs/digits-1"),
    "recipe": (IRIS, "Recipe", "runs/digits-1"),
}
TAKES_MODULES: dict[str, Callable[[Any], object]] = {
    "check": lambda net: gf.check(net, CE, [(XT, YT)]),
    "suggest_lr": lambda net: gf.suggest_lr(net, CE, [(XT, YT)]),
    "gradient_check": lambda net: gf.gradient_check(net, CE, XT, YT),
    "watch": lambda net: gf.watch(net, []),
    "train": lambda net: gf.train(GIVEN, data=(X, Y), net=net),
    "check_recipe": lambda net: gf.check_recipe(GIVEN, data=(X, Y), net=net),
}
NET = nn.Linear(5, 2)
TAKES_LOSSES: dict[str, Callable[[Any], object]] = {
    "check": lambda loss: gf.check(NET, loss, [(XT, YT)]),
    "suggest_lr": lambda loss: gf.suggest_lr(NET, loss, [(XT, YT)]),
    "gradient_check": lambda loss: gf.gradient_check(NET, loss, XT, YT),
    "watch": lambda loss: gf.watch(NET, torch.optim.SGD(NET.parameters(), 0.1), loss),
}


def refused(call: Callable[[], object], given: str, do: str) -> GoodfitError:
    with pytest.raises(GoodfitError) as caught:
        call()
    assert given in str(caught.value.given) and do in caught.value.do
    return caught.value


@pytest.mark.parametrize("case", NO_RECIPES)
def test_what_is_no_recipe_is_refused_with_how_to_make_one(case: str) -> None:
    value, given, do = NO_RECIPES[case]
    error = refused(lambda: gf.train(value), given, do)
    assert error.what == "gf.train takes a recipe."


@pytest.mark.parametrize("name", ["cross_validate", "check_recipe"])
def test_each_function_of_a_recipe_names_itself(name: str) -> None:
    refused(lambda: getattr(gf, name)("iris"), "'iris'", f'gf.{name}(gf.Recipe(data="iris"))')


@pytest.mark.parametrize("function", TAKES_MODULES)
@pytest.mark.parametrize("case", NO_MODULES)
def test_what_is_no_module_is_refused(case: str, function: str) -> None:
    value, given, do = NO_MODULES[case]
    refused(lambda: TAKES_MODULES[function](value), given, do)


@pytest.mark.parametrize("function", TAKES_LOSSES)
@pytest.mark.parametrize("case", NO_LOSSES)
def test_what_is_no_loss_is_refused(case: str, function: str) -> None:
    value, given, do = NO_LOSSES[case]
    refused(lambda: TAKES_LOSSES[function](value), given, do)


@pytest.mark.parametrize("function", [gf.check, gf.suggest_lr], ids=["check", "suggest_lr"])
@pytest.mark.parametrize("case", NO_BATCHES)
def test_one_batch_is_no_batches(case: str, function: Callable[..., object]) -> None:
    value, given, do = NO_BATCHES[case]
    refused(lambda: function(NET, CE, value), given, do)


@pytest.mark.parametrize("name", ["load", "test", "resume", "diagnose"])
@pytest.mark.parametrize("case", NO_PATHS)
def test_what_is_no_path_is_refused(case: str, name: str) -> None:
    value, given, do = NO_PATHS[case]
    refused(lambda: getattr(gf, name)(value), given, do)


def test_a_run_in_place_of_its_path_is_sent_to_its_folder() -> None:
    run = gf.train(IRIS)
    for name in ("load", "test", "diagnose"):
        refused(lambda name=name: getattr(gf, name)(run), "Run", "run.folder.path")
    assert gf.load(run.folder.path).scores == run.scores


@pytest.mark.parametrize("folds", ["3", 2.5, 3.0, True])
def test_folds_are_a_whole_number(folds: Any) -> None:
    refused(lambda: gf.cross_validate(IRIS, folds=folds), f"folds = {folds!r}", "folds=5")


def test_folds_of_numpy_are_whole_numbers_too() -> None:
    folds: Any = np.int64(2)
    assert len(gf.cross_validate(IRIS, folds=folds).folds) == 2


def test_a_kind_of_folds_that_is_none_gets_the_known_ones() -> None:
    kind: Any = None
    with pytest.raises(GoodfitError) as caught:
        gf.cross_validate(IRIS, kind=kind)
    assert "stratified" in caught.value.do


@pytest.mark.parametrize(
    ("value", "given", "do"),
    [
        (IRIS, "Recipe", "gf.search(recipe.vary(lr=gf.loguniform("),
        ("s.toml", "'s.toml'", 'gf.search(gf.read_space(Path("s.toml")))'),
        ("iris", "'iris'", "recipe.vary("),
    ],
)
def test_what_is_no_space_is_refused(value: Any, given: str, do: str) -> None:
    refused(lambda: gf.search(value), given, do)


@pytest.mark.parametrize(
    ("name", "count"),
    [("trials", "5"), ("trials", 2.5), ("workers", "2"), ("confirm", "1"), ("rows", True)],
)
def test_counts_of_a_search_are_whole_numbers(name: str, count: Any, tmp_path: Path) -> None:
    asked: dict[str, Any] = {name: count, "out": tmp_path / "study"}
    refused(lambda: gf.search(SPACE, **asked), f"{name} = {count!r}", f"{name}=5")
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("name", ["load_study", "resume_study"])
def test_a_study_is_named_by_its_path(name: str) -> None:
    refused(lambda: getattr(gf, name)(None), "NoneType", "path")


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, None, "sgd"])
def test_what_is_no_optimiser_is_refused(optimizer: Any) -> None:
    refused(lambda: gf.watch(NET, optimizer), type(optimizer).__name__, "torch.optim.Optimizer")


def test_a_gradient_check_takes_arrays_and_names_rows_that_differ() -> None:
    x: Any = X[:8]
    y: Any = Y[:8]
    assert gf.gradient_check(NET, CE, x, y).verdict == "right"
    error = refused(lambda: gf.gradient_check(NET, CE, XT[:3], YT[:2]), "3 rows of x, 2 of y", "")
    assert "float64" not in error.what and "rows" in error.what


def test_a_gradient_check_blames_float64_only_where_the_dtype_is_to_blame() -> None:
    class Fixed(nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            return super().forward(input.float())

    error = refused(lambda: gf.gradient_check(nn.Linear(4, 2), CE, XT, YT), "Linear", "loss_fn(")
    assert "float64" not in error.what
    error = refused(lambda: gf.gradient_check(Fixed(5, 2), CE, XT[:2], YT[:2]), "Fixed", "dtype")
    assert "float64" in error.what
