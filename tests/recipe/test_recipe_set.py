"""Single values given as ``--set NAME=VALUE``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from goodfit.errors import RecipeError
from goodfit.recipe import CNN, SGD, Recipe, read, validate

BASE = {"data": "digits", "net": {"kind": "mlp"}}


NESTEROVS = "have it: momentum, momentum-lr-inside, momentum-ema, nesterov, nesterov-rewritten, nes"


def followed(recipe: Recipe, path: str) -> Any:
    value: Any = recipe
    for name in path.split("."):
        value = getattr(value, name)
    return value


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("seed=7", 7),
        (" seed = 7 ", 7),
        ("seed=0x10", 16),
        ("seed=1_000", 1000),
        ("optimizer.lr=0.01", 0.01),
        ("optimizer.lr=1e-3", 1e-3),
        ("optimizer.lr=1", 1.0),
        ("optimizer.betas=[0.8, 0.9]", (0.8, 0.9)),
        ("net.hidden=[]", ()),
        ("net.hidden=[32, 16]", (32, 16)),
        ("net.activation=tanh", "tanh"),
        ('net.activation="tanh"', "tanh"),
        ("net.activation='tanh'", "tanh"),
        ("early_stopping.enabled=false", False),
        ("split.stratify=false", False),
        ("engine.threads=2", 2),
        ("task=regression", "regression"),
        ("data.path=my houses.csv", "my houses.csv"),
        ("data.path=/a/b=c.csv", "/a/b=c.csv"),
        ("data.target=price", "price"),
        ("data.target='3'", "3"),
    ],
)
def test_a_value_is_set(assignment: str, value: object) -> None:
    recipe = validate(BASE, [assignment])
    assert followed(recipe, assignment.partition("=")[0].strip()) == value


def test_all_else_stays_as_it_was() -> None:
    before = validate(BASE)
    changed = validate(BASE, ["optimizer.lr=0.5"])
    assert changed.optimizer.lr == 0.5 and changed.optimizer.weight_decay == 0.01
    assert changed.model_copy(update={"optimizer": before.optimizer}) == before


def test_a_whole_table_is_set() -> None:
    recipe = validate(BASE, ['optimizer={ kind = "sgd", lr = 0.3 }', "net.kind=cnn"])
    assert recipe.optimizer == SGD(lr=0.3) and recipe.net == CNN()


def test_a_source_that_is_a_name_takes_a_target() -> None:
    recipe = validate({"data": "houses.csv"}, ["data.target=price"])
    assert (recipe.data.path, recipe.data.target) == ("houses.csv", "price")


def test_a_source_replaces_a_table() -> None:
    recipe = validate({"data": {"path": "houses.csv", "target": "price"}}, ["data=iris"])
    assert (recipe.data.path, recipe.data.target) == ("iris", None)


def test_the_last_of_two_wins() -> None:
    assert validate(BASE, ["seed=1", "seed=2"]).seed == 2


def test_what_was_given_stays_untouched() -> None:
    given = {"data": "digits", "optimizer": {"lr": 0.1}}
    validate(given, ["optimizer.lr=0.2", "data.target=x"])
    assert given == {"data": "digits", "optimizer": {"lr": 0.1}}


def test_assignments_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text('data = "digits"\nseed = 3\n[optimizer]\nlr = 0.1\n')
    recipe = read(file, ["optimizer.lr=0.2"])
    assert (recipe.seed, recipe.optimizer.lr) == (3, 0.2)


@pytest.mark.parametrize(
    ("assignment", "what", "given", "do"),
    [
        ("optimizer.lrr=1", 'no field "optimizer.lrr"', "optimizer.lrr = 1", '"lr"'),
        ("optimiser.lr=1", 'no field "optimiser"', "{'lr': 1}", '"optimizer"'),
        ("optimizer.lr=fast", "optimizer.lr: should be a valid number", "'fast'", "type"),
        ("optimizer.kind=adm", 'no optimizer of kind "adm"', "optimizer.kind", '"adam"'),
        ("optimizer=3", "optimizer: should be a table", "3", 'kind = "adamw"'),
        ("seed.x=1", "seed: should be a valid integer", "{'x': 1}", "type"),
        ("data.path.x=1", "data.path: should be a valid string", "{'x': 1}", "type"),
        ("split.test=0.9", "must stay under 1", "0.9", "smaller"),
        ("split.test=0.9x", "split.test: should be a valid number", "'0.9x'", "type"),
        ("seed=", "seed: should be a valid integer", "''", "type"),
        ("seed=1\nepochs=2", "seed: should be a valid integer", "epochs=2", "type"),
        ("data.target=3", "data.target: should be a valid string", "3", "type"),
        ("optimizer.momentum=0.9", 'adamw has no field "optimizer.momentum"', "0.9", NESTEROVS),
        ("net.channels=[3]", 'mlp has no field "net.channels"', "[3]", "have it: cnn, resnet."),
        ("penalty.alpha=1", 'l2 has no field "penalty.alpha"', "1", "have it: elastic."),
        ("net.hidden=abc", "net.hidden: should be a list", "'abc'", "'net.hidden=[64, 64]'"),
        ("net.hidden=64,32", "net.hidden: should be a list", "64,32", "'net.hidden=[64, 32]'"),
        ("optimizer.betas=0.9", "should be a list", "0.9", "'optimizer.betas=[0.9, 0.999]'"),
        ("prepare.ignore=[a,b]", "should be a list", "[a,b]", """'prepare.ignore=["a", "b"]'"""),
    ],
)
def test_a_wrong_assignment_is_named(assignment: str, what: str, given: str, do: str) -> None:
    with pytest.raises(RecipeError) as caught:
        validate(BASE, ["engine.mode=eager", assignment])
    error = caught.value
    assert error.what.startswith(f"--set {assignment}: ") and what in error.what
    assert given in str(error.given) and do in error.do


def test_a_field_of_other_kinds_is_told_whichever_assignment_named_the_kind() -> None:
    with pytest.raises(RecipeError, match=r'one-cycle has no field "schedule\.warmup"') as caught:
        validate(BASE, ["schedule=one-cycle", "schedule.warmup=0.1"])
    assert "These kinds have it: constant, step, multi-step," in caught.value.do
    assert "one-cycle has: div, final_div, kind, rise." in caught.value.do


@pytest.mark.parametrize(
    "assignment",
    ["net.hidden=abc", "prepare.ignore=[a,b c,d]", "optimizer.betas=1", "net.hidden=7"],
)
def test_the_list_that_is_advised_is_taken(assignment: str) -> None:
    with pytest.raises(RecipeError) as caught:
        validate(BASE, [assignment])
    command = shlex.split(caught.value.do.removesuffix("."))
    assert command[-2] == "--set" and validate(BASE, command[-1:])


@pytest.mark.parametrize("assignment", ["optimizer.lr", "=3", " = 3", ""])
def test_what_is_no_assignment_is_told_how_to_write_one(assignment: str) -> None:
    with pytest.raises(RecipeError, match="NAME=VALUE") as caught:
        validate(BASE, [assignment])
    assert caught.value.given == assignment and "--set optimizer.lr=0.01" in caught.value.do


def test_an_error_of_the_file_is_not_blamed_on_an_assignment(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text('data = "digits"\n[optimizer]\nlr = -1\n')
    with pytest.raises(RecipeError) as caught:
        read(file, ["optimizer.weight_decay=0.1", "seed=3"])
    assert caught.value.what.startswith(f"{file}, line 3: optimizer.lr")


@pytest.mark.parametrize(
    ("values", "overrides"),
    [
        ({"data": "digits"}, ["net=cnn", "net.channels=[4, 8]"]),
        ({"data": "digits", "net": "cnn"}, ["net.channels=[4, 8]"]),
    ],
)
def test_a_name_keeps_its_kind_when_a_field_is_set(
    values: dict[str, object], overrides: list[str]
) -> None:
    assert validate(values, overrides).net == CNN(channels=(4, 8))


def test_the_assignment_nearest_to_what_is_wrong_is_blamed() -> None:
    with pytest.raises(RecipeError, match=r"^--set net.norm=bath: "):
        validate({"data": "digits"}, ["net=mlp", "net.norm=bath", "net.init=torch"])
