"""What holds in every space: its points are recipes, and its file gives the same space again."""

from __future__ import annotations

import json
import math
import pickle
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from recipe_space_strategies import spaces

from goodfit.recipe import (
    Choice,
    Distribution,
    IntegerRange,
    LogUniform,
    Range,
    Recipe,
    Space,
    read_space,
    space_of,
    write_space,
)

few = settings(max_examples=40)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spaces") / "space.toml"


def drawn(data: st.DataObject, found: Distribution) -> Any:
    """Draw any value of a distribution."""
    if isinstance(found, Choice):
        return data.draw(st.sampled_from(found.labels))
    return data.draw(numbers_in(found))


def numbers_in(found: Range) -> st.SearchStrategy:
    """Draw between the ends of a range."""
    if isinstance(found, IntegerRange):
        return st.integers(found.low, found.high)
    return st.floats(found.low, found.high)


def at_place(recipe: Recipe, place: str) -> Any:
    """Follow a dotted place into a recipe; depth and width are those of a list."""
    value: Any = recipe
    for name in place.split("."):
        if isinstance(value, tuple):
            found = {"depth": len(value), "width": value[0] if value else None}
            value = found[name] if name in found else value[int(name)]
        else:
            value = getattr(value, name)
    return value


@given(space=spaces())
@few
def test_a_space_comes_back_from_its_file_as_it_was(space: Space, file: Path) -> None:
    file.write_text(write_space(space), encoding="utf-8")
    back = read_space(file)
    assert back == space
    assert list(back.parameters) == list(space.parameters)
    assert write_space(back) == write_space(space)


@given(space=spaces(), data=st.data())
@few
def test_any_values_that_were_asked_for_give_the_recipe_that_has_them(
    space: Space, data: st.DataObject
) -> None:
    params = space.suggest(lambda name, found: drawn(data, found))
    recipe = space.recipe(params)
    assert tuple(params) == space.active(params)
    for name, value in params.items():
        parameter = space.parameters[name]
        if not isinstance(parameter.distribution, Choice):
            assert at_place(recipe, parameter.place) == value


@given(space=spaces(), points=st.integers(1, 3))
@few
def test_each_point_of_a_grid_is_a_recipe_and_none_comes_twice(space: Space, points: int) -> None:
    first = list(islice(space.grid(points), 100))
    for params in first:
        assert isinstance(space.recipe(params), Recipe)
        assert tuple(params) == space.active(params)
    assert len({json.dumps(params) for params in first}) == len(first)
    if space.grid_size(points) < 2_000:
        assert sum(1 for _ in space.grid(points)) == space.grid_size(points)


@given(space=spaces())
@few
def test_the_fixed_values_are_those_of_every_recipe(space: Space) -> None:
    recipe, base = space.fixed_recipe(), Recipe.model_validate(space.base)
    for name in ("data", "task", "seed", "split", "prepare", "engine", "epochs"):
        assert getattr(recipe, name) == getattr(base, name)
    for params in islice(space.grid(2), 10):
        assert space.recipe(params).split == base.split


@given(space=spaces(), data=st.data())
@few
def test_parameters_survive_json_and_a_space_survives_pickling(
    space: Space, data: st.DataObject
) -> None:
    params = space.suggest(lambda name, found: drawn(data, found))
    back = json.loads(json.dumps(params))
    assert back == params and space.recipe(back) == space.recipe(params)
    assert pickle.loads(pickle.dumps(space)) == space


@given(space=spaces(), data=st.data())
@few
def test_a_narrowed_space_has_the_ends_asked_for_or_legal_ones(
    space: Space, data: st.DataObject
) -> None:
    ranges = {
        name: found.distribution
        for name, found in space.parameters.items()
        if isinstance(found.distribution, Range)
    }
    assume(ranges)
    name = data.draw(st.sampled_from(sorted(ranges)))
    low, high = sorted(data.draw(st.lists(numbers_in(ranges[name]), min_size=2, max_size=2)))
    assume(low < high)
    narrowed = space.narrowed({name: (low, high)}).parameters
    found = narrowed.pop(name).distribution
    assert isinstance(found, Range) and (found.low, found.high) == (low, high)
    others = space.parameters
    others.pop(name)
    assert {key: one.distribution for key, one in narrowed.items() if key in ranges} == {
        key: one.distribution for key, one in others.items() if key in ranges
    }


ends = st.floats(-1e6, 1e6, allow_subnormal=False)
BOUNDED = {
    "optimizer.lr": (0.0, math.inf),
    "optimizer.momentum": (0.0, 1.0),
    "net.dropout": (0.0, 1.0),
    "batch_size": (1, math.inf),
    "net.hidden.depth": (0, 1_000),
    "net.hidden.width": (1, math.inf),
    "schedule.rise": (0.0, 1.0),
}
SPACE = space_of(
    {
        "data": "digits",
        "batch_size": IntegerRange(low=16, high=64, log=True),
        "net": {
            "hidden": {
                "distribution": "layers",
                "depth": IntegerRange(low=1, high=4),
                "width": IntegerRange(low=8, high=32),
            },
            "dropout": {"distribution": "uniform", "low": 0.1, "high": 0.5},
        },
        "optimizer": {
            "kind": "momentum",
            "lr": LogUniform(low=1e-3, high=1e-1),
            "momentum": {"distribution": "uniform", "low": 0.5, "high": 0.9},
        },
        "schedule": {
            "kind": "one-cycle",
            "rise": {"distribution": "uniform", "low": 0.2, "high": 0.4},
        },
    }
)


@given(
    name=st.sampled_from(sorted(BOUNDED)),
    ends=st.tuples(ends, ends),
)
@few
def test_ends_anywhere_are_kept_where_the_recipe_allows_them(
    name: str, ends: tuple[float, float]
) -> None:
    least, most = BOUNDED[name]
    assume(least < ends[1] and ends[0] < ends[1] and ends[0] < most - 1e-9)
    found = SPACE.narrowed({name: ends}).parameters[name].distribution
    assert isinstance(found, Range) and least <= found.low < found.high <= most
