"""Distributions, spaces and parameters used wrongly in Python: each error says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from goodfit.errors import RecipeError
from goodfit.recipe import (
    MLP,
    AdamW,
    Cosine,
    IntegerRange,
    LogUniform,
    Momentum,
    Recipe,
    Uniform,
    choice,
    integer,
    layers,
    loguniform,
    space_of,
    uniform,
)

MADE: dict[str, tuple[Callable[[], object], str, str]] = {
    "swapped": (lambda: uniform(2, 1), "are swapped", "low = 1.0, high = 2.0"),
    "equal": (lambda: integer(3, 3), "are equal", "Write the value itself, 3"),
    "zero": (lambda: loguniform(0, 1), "no zero", "above 0"),
    "negative": (lambda: integer(-1, 4, log=True), "no zero", "above 0"),
    "infinite": (lambda: loguniform(1, float("inf")), "finite", "finite"),
    "a text": (lambda: uniform("a", 1), "low of uniform", "type"),  # type: ignore[arg-type]
    "too large": (lambda: integer(1, 2**63), "high of integer: should be less", "type"),
    "in its class": (lambda: LogUniform(low=1, high=1), "are equal", "value itself"),
    "in another": (lambda: IntegerRange(low=2, high=1), "are swapped", "low = 1"),
    "in a third": (lambda: Uniform(low=2, high=1), "are swapped", "low = 1"),
    "no choice": (lambda: choice(), "choice of nothing", "two options"),
    "a list for options": (lambda: choice([1, 2]), "choice of one", "more options"),
    "nothing": (lambda: choice(None, 1), "None is no option", "Name"),
    "fixed layers": (lambda: layers(2, 64), "nothing to search", "list of widths"),
    "negative layers": (lambda: layers(integer(-1, 2), 64), "depth of layers is 0 to", "between"),
    "very many layers": (lambda: layers(integer(1, 10**6), 64), "0 to 1,000", "between"),
    "layers of flags": (lambda: layers(choice(True, False), 64), "whole numbers", "integer"),
    "layers of texts": (lambda: layers(choice("a", "b"), 64), "whole numbers", "integer"),
    "a wrong table": (
        lambda: choice(1, {"distribution": "unifrm"}),
        'no distribution "unifrm"',
        '"uniform"',
    ),
}


@pytest.mark.parametrize("case", MADE)
def test_a_wrong_distribution_is_told_in_python(case: str) -> None:
    make, what, do = MADE[case]
    with pytest.raises(RecipeError) as caught:
        make()
    assert what in caught.value.what and do in caught.value.do


RECIPE = Recipe(data="digits", net=MLP(), optimizer=Momentum())
VARY: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown name": ({"lrr": uniform(1, 2)}, 'no field "lrr"', '"lr"'),
    "a name of another kind": (
        {"betas": uniform(0, 0.9)},
        'no field "betas"',
        "These kinds of optimizer have it: adam, adamw.",
    ),
    "a place of another kind": (
        {"net.channels": choice((8,), (16,))},
        'no field "net.channels"',
        "These kinds of net have it: cnn, resnet.",
    ),
    "an unknown place": (
        {"optimizer.lrr": uniform(1, 2)},
        'no field "optimizer.lrr"',
        "optimizer.lr",
    ),
    "an ambiguous name": (
        {"kind": choice("a", "b")},
        'the name "kind"',
        "net.kind, optimizer.kind, penalty.kind, clip.kind, schedule.kind",
    ),
    "a value": ({"lr": 0.1}, '"lr" was given a value', "lr=choice"),
    "a list": ({"hidden": (8, 8)}, '"hidden" was given a value', "hidden=choice"),
    "a recipe's part": ({"schedule": Cosine()}, '"schedule" was given a value', "choice"),
    "a part and its field": (
        {"lr": uniform(0.1, 1), "optimizer": choice(AdamW(), Momentum())},
        '"optimizer.lr" is searched twice',
        "into that of optimizer",
    ),
    "one field by two names": (
        {"lr": uniform(0.1, 1), "optimizer.lr": uniform(0.1, 1)},
        '"optimizer.lr" is searched twice',
        "",
    ),
    "a forbidden place": ({"test": uniform(0.1, 0.2)}, 'nothing in "split"', "one value"),
    "the seed": ({"seed": integer(0, 9)}, 'nothing in "seed"', "one value"),
    "a wrong end": ({"lr": uniform(0, 1)}, "optimizer.lr: should be greater", "range"),
    "nothing": ({}, "no distribution in it", "optimizer.lr"),
}


@pytest.mark.parametrize("case", VARY)
def test_what_a_recipe_cannot_vary_is_told(case: str) -> None:
    varied, what, do = VARY[case]
    with pytest.raises(RecipeError) as caught:
        RECIPE.vary(**varied)
    assert what in caught.value.what and do in caught.value.do


SPACE = space_of(
    {
        "data": "digits",
        "batch_size": integer(8, 16),
        "net": {"activation": choice("relu", "tanh")},
        "optimizer": choice({"kind": "sgd", "lr": uniform(0.1, 1)}, {"kind": "adamw"}),
    }
)
GOOD = {
    "batch_size": 8,
    "net.activation": "relu",
    "optimizer": "sgd",
    "optimizer.sgd.lr": 0.5,
}
PARAMS = {
    "missing": ({"batch_size": 8}, '"net.activation" is missing', "choice of relu, tanh"),
    "unknown": ({"lr": 3}, 'no parameter "lr"', "optimizer"),
    "not needed": (
        {"optimizer": "adamw"},
        '"optimizer.sgd.lr" does not count here',
        "It needs optimizer = sgd",
    ),
    "no option": ({"net.activation": "tan"}, "has no option 'tan'", '"tanh"'),
    "no whole number": ({"batch_size": 8.5}, '"batch_size" is not of its kind', "from 8 to 16"),
    "a flag": ({"batch_size": True}, '"batch_size" is not of its kind', ""),
    "a text": ({"optimizer.sgd.lr": "a"}, '"optimizer.sgd.lr" is not of its kind', "uniform"),
    "out of bounds": ({"optimizer.sgd.lr": -1.0}, "optimizer.lr: should be greater", "range"),
}


@pytest.mark.parametrize("case", PARAMS)
def test_wrong_parameters_are_told(case: str) -> None:
    changed, what, do = PARAMS[case]
    params = changed if case == "missing" else {**GOOD, **changed}
    with pytest.raises(RecipeError) as caught:
        SPACE.recipe(params)
    assert what in caught.value.what and do in caught.value.do


NARROWED = {
    "unknown": ({"batchsize": (1, 2)}, 'no parameter "batchsize"', '"batch_size"'),
    "a choice": ({"net.activation": (0, 1)}, "is a choice and has no ends", "ranges only"),
    "swapped": ({"batch_size": (9, 8)}, "are swapped", "low = 8"),
    "equal": ({"optimizer.sgd.lr": (0.5, 0.5)}, "are equal", "value itself"),
    "infinite": ({"batch_size": (float("inf"), float("inf"))}, "finite", "finite"),
    "no number": ({"optimizer.sgd.lr": (float("nan"), 1.0)}, "finite", "finite"),
}


@pytest.mark.parametrize("case", NARROWED)
def test_wrong_new_ends_are_told(case: str) -> None:
    ranges, what, do = NARROWED[case]
    with pytest.raises(RecipeError) as caught:
        SPACE.narrowed(ranges)
    assert what in caught.value.what and do in caught.value.do


def test_a_distribution_in_a_part_is_told_where_it_goes() -> None:
    searched: dict[str, Any] = {"lr": uniform(0.1, 1), "norm": choice("none", "batch")}
    for part, name in ((AdamW, "lr"), (MLP, "norm")):
        with pytest.raises(RecipeError) as caught:
            part(**{name: searched[name]})
        assert f"recipe.vary({name}=...)" in caught.value.do
        assert f'{{"kind": ..., "{name}": ...}}' in caught.value.do
    with pytest.raises(RecipeError) as caught:
        AdamW(lr="high")  # pyright: ignore[reportArgumentType]
    assert "vary" not in caught.value.do


@pytest.mark.parametrize("points", [0, -1, 10_001])
def test_a_wrong_number_of_points_is_told(points: int) -> None:
    for wanted in (SPACE.grid, SPACE.grid_size):
        with pytest.raises(RecipeError, match="1 to 10,000 points"):
            wanted(points)
