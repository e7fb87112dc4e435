"""Parts that are made in Python are refused in the same words as those of a file."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from torch import nn

import goodfit as gf
from goodfit.errors import RecipeError
from goodfit.recipe.parts import Part, parts_of

WRONG: dict[str, tuple[Callable[..., Any], dict[str, Any], str, str]] = {
    "a value": (gf.MLP, {"init": "xavier3"}, "init: should be", "xavier"),
    "a field": (gf.OneCycle, {"warmup": 0.1}, 'OneCycle has no field "warmup"', "rise"),
    "a field of other kinds": (
        *(gf.AdamW, {"momentum": 0.9}, 'AdamW has no field "momentum"'),
        "These kinds have it: Momentum, MomentumLRInside, MomentumEMA, Nesterov, ",
    ),
    "a text for widths": (gf.MLP, {"hidden": "abc"}, "hidden: should be a list", "= [64, 64]."),
    "texts for widths": (gf.MLP, {"hidden": "32, 16"}, "hidden: should be a list", "= [32, 16]."),
    "one name for names": (gf.Prepare, {"ignore": "a"}, "ignore: should be", 'ignore = ["a"].'),
    "a module": (
        *(gf.Recipe, {"data": "wine", "net": nn.Linear(4, 2)}, "net: a recipe holds no module"),
        "gf.train(recipe, net=module)",
    ),
    "another module": (
        *(gf.Recipe, {"data": "wine", "penalty": nn.ReLU()}, "penalty: should be a table"),
        'penalty = { kind = "l2"',
    ),
    "a number": (gf.AdamW, {"lr": -1.0}, "lr: should be greater than 0", ""),
    "a rule": (
        *(gf.Split, {"validation": 0.6, "test": 0.6}, "split: validation + test must stay under 1"),
        "Make split.validation or split.test smaller.",
    ),
    "a choice": (gf.Split, {"group": "a", "time": "b"}, "not by both", "Leave one of them out."),
    "idle components": (
        *(gf.Prepare, {"components": 3}, "plays no part"),
        "Leave it out, or choose what it belongs to.",
    ),
    "idle hashes": (
        *(gf.Prepare, {"hash_size": 8}, "plays no part"),
        "Leave it out, or choose what it belongs to.",
    ),
    "milestones": (
        *(gf.MultiStep, {"epochs": (20, 10)}, "should rise"),
        "Give milestones in rising order.",
    ),
    "a bare name": (
        *(gf.Recipe, {"data": "digits", "net": "justname"}, 'of kind "justname"'),
        "package.module:factory",
    ),
    "nothing": (gf.Recipe, {}, 'The field "data" is missing', "data"),
    "a part within": (gf.Recipe, {"data": "digits", "net": "mpl"}, 'of kind "mpl"', "mlp"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_what_to_do(name: str) -> None:
    make, values, what, do = WRONG[name]
    with pytest.raises(RecipeError) as caught:
        make(**values)
    assert what in caught.value.what
    assert do in caught.value.do
    assert caught.value.do.count("Give a value of that type") == (name == "a number")
    assert "pydantic" not in str(caught.value)


@pytest.mark.parametrize("part", [gf.MLP(hidden=(3,)), gf.AdamW(lr=0.1), gf.Recipe(data="wine")])
def test_parts_are_copied_and_pickled_as_ever(part: Part) -> None:
    assert copy.deepcopy(part) == part == pickle.loads(pickle.dumps(part))
    assert type(part).model_validate(part.model_dump()) == part == part.model_copy()


def test_every_part_is_made_so() -> None:
    assert all(isinstance(kind, type(Part)) for kind in parts_of(Part))
