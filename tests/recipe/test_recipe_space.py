"""Spaces: names of parameters, conditions, grids, new ends, and recipes that vary."""

from __future__ import annotations

import itertools
import math
import random
import time
from pathlib import Path
from typing import Any

import pytest

from goodfit.errors import RecipeError
from goodfit.recipe import (
    CNN,
    LARGEST_GRID,
    MLP,
    SGD,
    Adam,
    AdamW,
    Constant,
    Cosine,
    Momentum,
    OneCycle,
    Range,
    Recipe,
    Space,
    check_grid,
    choice,
    integer,
    layers,
    loguniform,
    read_space,
    space_of,
    uniform,
    write_space,
)

FILE = """\
data = "digits"
epochs = 5

[net]
hidden = { distribution = "layers", depth = { distribution = "integer", low = 1, high = 3 }, width = 16 }
activation = { distribution = "choice", options = ["relu", "tanh"] }

[optimizer]
distribution = "choice"

[[optimizer.options]]
kind = "adamw"
lr = { distribution = "loguniform", low = 1e-4, high = 1e-1 }
betas = [{ distribution = "uniform", low = 0.8, high = 0.95 }, 0.999]

[[optimizer.options]]
kind = "momentum"
lr = { distribution = "loguniform", low = 1e-3, high = 1 }
momentum = { distribution = "uniform", low = 0.8, high = 0.95 }
"""  # noqa: E501 an inline table is one line
NAMES = [
    "net.hidden.depth",
    "net.activation",
    "optimizer",
    "optimizer.adamw.lr",
    "optimizer.adamw.betas.0",
    "optimizer.momentum.lr",
    "optimizer.momentum.momentum",
]
DIGITS = Recipe(data="digits")
SHARED = {"net.hidden.depth": 2, "net.activation": "tanh"}
WITH_ADAMW = {
    **SHARED,
    "optimizer": "adamw",
    "optimizer.adamw.lr": 0.01,
    "optimizer.adamw.betas.0": 0.9,
}
WITH_MOMENTUM = {
    **SHARED,
    "optimizer": "momentum",
    "optimizer.momentum.lr": 0.1,
    "optimizer.momentum.momentum": 0.85,
}


@pytest.fixture
def space(tmp_path: Path) -> Space:
    file = tmp_path / "space.toml"
    file.write_text(FILE)
    return read_space(file)


def ends(space: Space, name: str) -> tuple[float, float]:
    found = space.parameters[name].distribution
    assert isinstance(found, Range)
    return found.low, found.high


def test_the_parameters_have_the_names_of_their_places(space: Space) -> None:
    assert list(space.parameters) == NAMES
    assert space.parameters["optimizer.momentum.lr"].place == "optimizer.lr"
    assert space.parameters["optimizer.momentum.lr"].condition == (("optimizer", "momentum"),)
    assert space.parameters["net.activation"].condition == ()


def test_parameters_become_recipes(space: Space) -> None:
    adamw, momentum = space.recipe(WITH_ADAMW), space.recipe(WITH_MOMENTUM)
    assert adamw.net == momentum.net == MLP(hidden=(16, 16), activation="tanh")
    assert adamw.optimizer == AdamW(lr=0.01, betas=(0.9, 0.999))
    assert momentum.optimizer == Momentum(lr=0.1, momentum=0.85)
    assert adamw.epochs == 5


def test_only_what_counts_is_asked_for_and_the_choice_first(space: Space) -> None:
    asked = []

    def ask(name: str, found: object) -> Any:
        asked.append(name)
        return WITH_MOMENTUM[name]

    assert space.suggest(ask) == WITH_MOMENTUM
    assert asked == list(space.active(WITH_MOMENTUM)) == list(WITH_MOMENTUM)


def test_before_a_choice_is_made_nothing_inside_of_it_counts(space: Space) -> None:
    assert space.active({}) == ("net.hidden.depth", "net.activation", "optimizer")


def test_the_base_is_what_is_fixed(space: Space) -> None:
    assert space.base == {"data": "digits", "epochs": 5, "net": {}}


def test_the_fixed_recipe_has_the_middle_of_each_range(space: Space) -> None:
    recipe = space.fixed_recipe()
    assert isinstance(recipe.net, MLP) and recipe.net.hidden == (16, 16)
    assert isinstance(recipe.optimizer, AdamW)
    assert recipe.optimizer.lr == pytest.approx(math.sqrt(1e-4 * 1e-1))
    assert recipe.optimizer.betas[0] == pytest.approx(0.875)


def test_assignments_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text(FILE)
    space = read_space(
        file,
        [
            "epochs=2",
            "net.hidden=[8]",
            "net.dropout={ distribution = 'uniform', low = 0, high = 0.5 }",
        ],
    )
    assert space.base["epochs"] == 2 and space.base["net"] == {"hidden": [8]}
    assert ends(space, "net.dropout") == (0.0, 0.5) and "net.hidden.depth" not in space.parameters


def test_an_assignment_moves_one_end_and_heals_a_wrong_one(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text('data = "digits"\n[optimizer]\nlr = {distribution="loguniform", low=0, high=1}')
    assert ends(read_space(file, ["optimizer.lr.low=0.1"]), "optimizer.lr") == (0.1, 1.0)


def test_values_in_python_are_those_of_the_file(space: Space) -> None:
    same = space_of(
        {
            "data": "digits",
            "epochs": 5,
            "net": {"activation": choice("relu", "tanh"), "hidden": layers(integer(1, 3), 16)},
            "optimizer": choice(
                {
                    "kind": "adamw",
                    "lr": loguniform(1e-4, 0.1),
                    "betas": (uniform(0.8, 0.95), 0.999),
                },
                {"kind": "momentum", "lr": loguniform(1e-3, 1), "momentum": uniform(0.8, 0.95)},
            ),
        }
    )
    assert same == space and list(same.parameters) == list(space.parameters)


def test_the_order_of_the_names_is_not_that_of_the_writing() -> None:
    lr, rate = uniform(0.1, 0.2), uniform(0.0, 0.5)
    one = space_of({"data": "digits", "optimizer": {"lr": lr}, "net": {"dropout": rate}})
    other = space_of({"net": {"dropout": rate}, "optimizer": {"lr": lr}, "data": "digits"})
    assert list(one.parameters) == list(other.parameters) == ["net.dropout", "optimizer.lr"]


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        ((16, 32), (16, 32)),
        (([8, 8], [64]), ("[8, 8]", "[64]")),
        ((AdamW(), SGD()), ("adamw", "sgd")),
        ((0.0, uniform(0.1, 0.5)), (0.0, "uniform")),
        (([], layers(integer(1, 2), 8)), ("[]", "layers")),
        (({"patience": 5}, {"patience": 9}), ("patience=5", "patience=9")),
        (
            ({"kind": "sgd", "lr": 0.1}, {"kind": "sgd", "lr": uniform(0.1, 1)}, {"kind": "adam"}),
            ("sgd-1", "sgd-2", "adam"),
        ),
    ],
)
def test_options_have_unique_plain_labels(options: tuple, labels: tuple) -> None:
    assert choice(*options).labels == labels


def test_a_choice_of_a_value_or_a_range() -> None:
    space = DIGITS.vary(dropout=choice(0.0, uniform(0.1, 0.5)))
    assert list(space.parameters) == ["net.dropout", "net.dropout.uniform"]
    net = space.recipe({"net.dropout": "uniform", "net.dropout.uniform": 0.3}).net
    assert isinstance(net, MLP) and net.dropout == 0.3
    assert space.recipe({"net.dropout": 0.0}).net == MLP()


def test_the_kind_alone_can_be_searched() -> None:
    kinds = choice("sgd", "adamw", "adam")
    space = space_of({"data": "digits", "optimizer": {"kind": kinds, "lr": loguniform(1e-3, 1)}})
    found = space.recipe({"optimizer.kind": "adam", "optimizer.lr": 0.5}).optimizer
    assert found == Adam(lr=0.5)


def test_numbers_that_behave_as_numbers_are_taken() -> None:
    numpy = pytest.importorskip("numpy")
    space = DIGITS.vary(batch_size=choice(*numpy.array([16, 32])), lr=loguniform(0.1, 1))
    params = {"batch_size": numpy.int64(32), "optimizer.lr": numpy.float32(0.5)}
    assert space.recipe(params).batch_size == 32 and "16" in write_space(space)


def test_a_grid_is_every_combination() -> None:
    space = DIGITS.vary(
        lr=loguniform(1e-4, 1e-1), dropout=uniform(0, 0.5), batch_size=integer(16, 256, log=True)
    )
    expected = itertools.product(
        [16, 64, 256], [0.0, 0.25, 0.5], [1e-4, pytest.approx(math.sqrt(1e-5)), 1e-1]
    )
    names = ("batch_size", "net.dropout", "optimizer.lr")
    assert list(space.grid(3)) == [dict(zip(names, values, strict=True)) for values in expected]
    assert space.grid_size(3) == 27


def test_few_whole_numbers_and_all_options_stand_in_a_grid() -> None:
    space = DIGITS.vary(
        hidden=layers(integer(1, 4), choice(8, 16)), activation=choice("relu", "tanh")
    )
    assert {params["net.hidden.depth"] for params in space.grid(5)} == {1, 2, 3, 4}
    assert space.grid_size(5) == len(list(space.grid(5))) == 16
    assert space.grid_size(1) == len(list(space.grid(1))) == 4


def test_a_grid_takes_options_each_with_its_own(space: Space) -> None:
    assert space.grid_size(2) == 2 * 2 * (4 + 4)
    assert [params["optimizer"] for params in space.grid(2)].count("momentum") == 16


def test_a_grid_of_many_is_begun_at_once_and_counted_without_it() -> None:
    space = DIGITS.vary(lr=loguniform(1e-4, 1), dropout=uniform(0, 0.5), weight_decay=uniform(0, 1))
    assert next(space.grid(10_000))["net.dropout"] == 0.0
    assert space.grid_size(10_000) == 10**12


def test_a_grid_that_is_too_large_is_refused_with_the_way_out() -> None:
    space = DIGITS.vary(lr=loguniform(1e-4, 1), dropout=uniform(0, 0.5), weight_decay=uniform(0, 1))
    check_grid(space, 21)
    with pytest.raises(RecipeError, match="1,000,000 points; at most 10,000") as caught:
        check_grid(space, 100)
    assert "at most 21 points" in caught.value.do and "random" in caught.value.do
    assert space.grid_size(21) <= LARGEST_GRID < space.grid_size(22)


def test_a_grid_of_too_many_options_cannot_be_made_smaller_by_points() -> None:
    options = choice(*range(1, 102))
    space = DIGITS.vary(batch_size=options, patience=options, lr=loguniform(1e-4, 1))
    with pytest.raises(RecipeError, match="51,005 points") as caught:
        check_grid(space, 5)
    assert caught.value.do == "Search at random with a number of trials."


def test_new_ends_may_lie_outside_of_the_old_ones(space: Space) -> None:
    wider = space.narrowed({"optimizer.adamw.lr": (1e-6, 10.0), "net.hidden.depth": (2, 9)})
    assert ends(wider, "optimizer.adamw.lr") == (1e-6, 10.0)
    assert ends(wider, "net.hidden.depth") == (2, 9)
    assert ends(wider, "optimizer.momentum.lr") == (1e-3, 1.0)
    assert list(wider.parameters) == NAMES


@pytest.mark.parametrize(
    ("net", "varied", "asked", "kept"),
    [
        (None, {"dropout": uniform(0.2, 0.6)}, (-1.0, 1.2), (0.0, 0.8)),
        (None, {"dropout": uniform(0.2, 0.6)}, (0.9, 1.0), (0.9, 0.95)),
        (None, {"lr": loguniform(0.01, 1)}, (0.0, 2), (0.005, 2)),
        (None, {"lr": uniform(0.01, 1)}, (-1.0, 2), (0.005, 2)),
        (None, {"weight_decay": uniform(0.01, 1)}, (-1.0, 2), (0.0, 2)),
        (None, {"weight_decay": loguniform(0.01, 1)}, (-1.0, 2), (0.005, 2)),
        (None, {"batch_size": integer(8, 16)}, (-3.5, 20.5), (1, 21)),
        (None, {"batch_size": integer(8, 16, log=True)}, (0, 9), (1, 9)),
        (None, {"batch_size": integer(8, 16)}, (9, 9), (9, 10)),
        (None, {"hidden": layers(integer(1, 3), 8)}, (-1, 4), (0, 4)),
        (None, {"hidden": layers(integer(1, 3), 8)}, (999.5, 2_000), (999, 1_000)),
        (None, {"hidden": layers(integer(1, 3), 8)}, (1_000, 1_000), (999, 1_000)),
        (CNN(), {"channels": layers(integer(1, 3), 8)}, (-1, 4), (1, 4)),
        (CNN(), {"channels": layers(2, integer(4, 8))}, (-1, 4), (1, 4)),
    ],
)
def test_new_ends_stay_legal(net: Any, varied: dict, asked: tuple, kept: tuple) -> None:
    space = Recipe(data="digits", net=net).vary(**varied)
    [name] = space.parameters
    assert ends(space.narrowed({name: asked}), name) == pytest.approx(kept)


def test_a_pair_of_betas_is_bounded_too() -> None:
    space = DIGITS.vary(betas=(uniform(0.8, 0.9), 0.999))
    narrowed = space.narrowed({"optimizer.betas.0": (-1, 2)})
    assert ends(narrowed, "optimizer.betas.0") == pytest.approx((0.0, 0.95))


def test_a_trial_of_a_wider_space_can_be_made_in_a_narrower_one() -> None:
    space = DIGITS.vary(lr=loguniform(1e-4, 1))
    narrowed = space.narrowed({"optimizer.lr": (1e-3, 1e-2)})
    params = {"optimizer.lr": 0.5}
    assert narrowed.recipe(params) == space.recipe(params)


def test_random_points_of_two_equal_spaces_are_the_same(space: Space, tmp_path: Path) -> None:
    (tmp_path / "again.toml").write_text(write_space(space))

    def ask(generator: random.Random) -> Any:
        return lambda _, found: (
            generator.uniform(found.low, found.high)
            if hasattr(found, "low") and isinstance(found.low, float)
            else generator.choice(getattr(found, "labels", (1, 2, 3)))
        )

    again = read_space(tmp_path / "again.toml")
    assert [space.suggest(ask(random.Random(i))) for i in range(20)] == [
        again.suggest(ask(random.Random(i))) for i in range(20)
    ]


VARIED = {
    "lr": ("optimizer.lr", loguniform(1e-4, 1)),
    "weight_decay": ("optimizer.weight_decay", loguniform(1e-4, 1)),
    "momentum": ("optimizer.momentum", uniform(0.5, 0.9)),
    "dropout": ("net.dropout", uniform(0, 0.5)),
    "activation": ("net.activation", choice("relu", "elu")),
    "norm": ("net.norm", choice("none", "batch")),
    "hidden": ("net.hidden", choice([8], [8, 8])),
    "batch_size": ("batch_size", integer(8, 64)),
    "schedule": ("schedule", choice(Cosine(), OneCycle(), Constant())),
    "warmup": ("schedule.warmup", uniform(0, 0.2)),
    "patience": ("early_stopping.patience", integer(2, 9)),
    "optimizer.lr": ("optimizer.lr", loguniform(1e-4, 1)),
    "optimizer": ("optimizer", choice(SGD(), AdamW())),
    "net": ("net", choice(MLP(), CNN())),
}


@pytest.mark.parametrize("net", [None, MLP(hidden=(8,))])
@pytest.mark.parametrize("name", VARIED)
def test_a_recipe_varies_by_short_names(name: str, net: MLP | None) -> None:
    recipe = Recipe(data="digits", net=net, optimizer=Momentum(lr=0.3), epochs=7)
    place, distribution = VARIED[name]
    space = recipe.vary(**{name: distribution})
    assert list(space.parameters) == [place]
    fixed = space.fixed_recipe()
    assert (fixed.epochs, fixed.data) == (7, recipe.data)
    assert place.startswith(("net", "hidden")) or fixed.net == net
    assert place.startswith("optimizer") or fixed.optimizer == recipe.optimizer


def test_a_recipe_without_a_net_varies_the_default_one() -> None:
    space = DIGITS.vary(hidden=layers(integer(1, 2), 8))
    assert space.recipe({"net.hidden.depth": 2}).net == MLP(hidden=(8, 8))
    assert DIGITS.vary(lr=uniform(0.1, 1)).fixed_recipe().net is None


def test_a_choice_of_many_options_is_checked_in_seconds() -> None:
    nets = choice(*(MLP(hidden=(width,)) for width in range(1, 1001)))
    began = time.process_time()
    space = Recipe(data="digits").vary(net=nets, lr=loguniform(1e-4, 0.1))
    assert space.grid_size(5) == 5000
    # Measured 2 s, and more than 50 s where labels were made anew for each option.
    assert time.process_time() - began < 20.0
