"""A recipe as TOML: all of it is in the file, and the file gives the same recipe again."""

from __future__ import annotations

import ast
import inspect
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from pydantic import BaseModel, ValidationError
from recipe_strategies import FAMILIES, member_of, recipes

from goodfit.errors import RecipeError
from goodfit.recipe import (
    CNN,
    MLP,
    AdamW,
    Clip,
    DataSource,
    Net,
    Optimizer,
    OwnNet,
    Penalty,
    Recipe,
    Schedule,
    read,
    validate,
    write,
)

UNIONS = {
    "clip": Clip,
    "net": Net,
    "optimizer": Optimizer,
    "penalty": Penalty,
    "schedule": Schedule,
}
MEMBERS = [(family, kind) for family, kinds in FAMILIES.items() for kind in kinds]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recipes") / "recipe.toml"


def read_back(recipe: Recipe, file: Path) -> Recipe:
    file.write_text(write(recipe), encoding="utf-8")
    return read(file)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_strategies_know_every_member_of_a_family(family: str) -> None:
    union = get_args(UNIONS[family])[0]
    assert set(FAMILIES[family]) == set(get_args(union))


@given(recipe=recipes)
def test_a_recipe_comes_back_from_its_file_as_it_was(recipe: Recipe, file: Path) -> None:
    assert read_back(recipe, file) == recipe


@pytest.mark.parametrize("family", FAMILIES)
def test_the_file_of_a_read_recipe_is_the_same_text(family: str, file: Path) -> None:
    @given(member=member_of(FAMILIES[family]))
    def check(member: BaseModel) -> None:
        recipe = Recipe.model_validate({"data": "digits", family: member})
        assert write(read_back(recipe, file)) == file.read_text(encoding="utf-8")

    check()


@pytest.mark.parametrize("value", [5e-324, 2.2250738585072014e-308, 1e-7, 0.1, 1e16, 1.7e308])
def test_a_rate_keeps_its_bits(value: float, file: Path) -> None:
    back = read_back(Recipe(data="digits", optimizer=AdamW(lr=value)), file)
    assert back.optimizer.lr.hex() == value.hex()


@pytest.mark.parametrize(
    "path",
    ["häuser ü.csv", 'a "quoted" one.csv', "back\\slash.csv", "line\nbreak.csv", "😀.csv", "\x7f"],
)
def test_any_path_comes_back(path: str, file: Path) -> None:
    assert read_back(Recipe(data=DataSource(path=path)), file).data.path == path


@pytest.mark.parametrize(("family", "kind"), MEMBERS)
def test_each_field_of_each_kind_stands_in_the_text(family: str, kind: type[BaseModel]) -> None:
    recipe = Recipe.model_validate({"data": "digits", family: kind()})
    table = tomllib.loads(write(recipe))[family]
    values = {name: _plain(getattr(kind(), name)) for name in kind.model_fields}
    assert {name: value for name, value in values.items() if value is not None} == table


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def test_the_text_of_a_recipe_shows_every_default() -> None:
    assert tomllib.loads(write(Recipe(data="digits", net=MLP()))) == {
        "data": {"path": "digits"},
        "task": "auto",
        "seed": 0,
        "split": {"validation": 0.15, "test": 0.15, "stratify": True, "as_input": False},
        "prepare": {
            "scale": "standardise",
            "missing_category": "zeros",
            "indicator": False,
            "encode": "one-hot",
            "dates": "ignore",
            "ignore": [],
        },
        "augment": {
            **dict.fromkeys(("horizontal_flip", "vertical_flip", "rotate", "shear"), 0.0),
            **dict.fromkeys(("scale", "translate", "brightness", "contrast", "erase"), 0.0),
            "saturation": 0.0,
            "hue": 0.0,
            "crop": 0,
            **dict.fromkeys((f"{part}_probability" for part in ("affine", "crop", "colour")), 1.0),
            "mix": "none",
            "mix_alpha": 1.0,
            "mix_probability": 1.0,
        },
        "net": {
            "kind": "mlp",
            "hidden": [64, 64],
            "activation": "relu",
            "pieces": 2,
            "norm": "none",
            "norm_place": "before",
            "dropout": 0.0,
            "dropout_form": "inverted",
            "init": "torch",
            "output_bias": "init",
        },
        "optimizer": {
            "kind": "adamw",
            "lr": 0.002,
            "betas": [0.9, 0.999],
            "eps": 1e-8,
            "weight_decay": 0.01,
            "bias_correction": True,
            "decay_on": "weights",
            "scale_lr": "none",
            "base_batch_size": 32,
        },
        "penalty": {"kind": "none"},
        "clip": {"kind": "none"},
        "schedule": {"kind": "cosine", "floor": 0.0, "warmup": 0.05},
        "early_stopping": {"enabled": True, "patience": 10, "min_delta": 0.0, "monitor": "auto"},
        "evaluate": {"views": "none", "margin": 2},
        "engine": {"mode": "auto"},
    }


@pytest.mark.parametrize(("family", "kind"), MEMBERS)
def test_a_recipe_cannot_be_changed(family: str, kind: type[BaseModel]) -> None:
    recipe = Recipe.model_validate({"data": "digits", family: kind()})
    for part in (recipe, getattr(recipe, family), recipe.data, recipe.split, recipe.engine):
        for name in type(part).model_fields:
            with pytest.raises(ValidationError, match="frozen"):
                setattr(part, name, 1)


def test_equal_recipes_are_equal_and_others_are_not() -> None:
    assert Recipe(data="digits") == Recipe(data=DataSource(path="digits"))
    assert Recipe(data="digits") != Recipe(data="digits", seed=1)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("[net]\nhidden = [8]", "mlp"), ("[net]\nkind = 'cnn'", "cnn")],
)
def test_a_table_without_a_kind_means_the_default(text: str, kind: str, file: Path) -> None:
    file.write_text(f'data = "digits"\n{text}\n', encoding="utf-8")
    net = read(file).net
    assert net is not None and net.kind == kind


def test_a_file_with_a_byte_order_mark_is_read(file: Path) -> None:
    file.write_text('\ufeffdata = "digits"\n', encoding="utf-8")
    assert read(file).data.path == "digits"


def test_the_recipe_of_the_design_page_is_read(file: Path) -> None:
    file.write_text(DESIGN, encoding="utf-8")
    recipe = read(file)
    assert isinstance(recipe.net, MLP) and recipe.net.hidden == (64, 64)
    assert (recipe.optimizer.kind, recipe.optimizer.lr) == ("adamw", 0.01)
    assert recipe.schedule.kind == "cosine" and recipe.schedule.warmup == 0.05
    assert (recipe.batch_size, recipe.epochs, recipe.early_stopping.patience) == (32, 30, 10)


DESIGN = """\
data = "digits"
batch_size = 32
epochs = 30
seed = 0
[net]
kind = "mlp"
hidden = [64, 64]
activation = "relu"
[optimizer]
kind = "adamw"
lr = 0.01
weight_decay = 0.01
[schedule]
kind = "cosine"
warmup = 0.05
[early_stopping]
patience = 10
"""


def test_type_checkers_see_every_field_in_the_constructor() -> None:
    [checked] = [
        node
        for node in ast.walk(ast.parse(inspect.getsource(Recipe)))
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    ]
    assert [argument.arg for argument in checked.args.kwonlyargs] == list(Recipe.model_fields)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("clip.limit=0", "clip.limit: should be greater than 0"),
        ("schedule={kind='multi-step', epochs=[5, 5]}", "should rise, each epoch once"),
        ("schedule={kind='warm-restarts', mult=0}", "should be greater than or equal to 1"),
        ("clip={kind='percentil'}", 'no clip of kind "percentil"'),
        ("penalty={kind='l1', strength=-1}", "penalty.strength: should be greater"),
    ],
)
def test_wrong_updates_are_told(said: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        validate({"data": "digits"}, [said])


def test_the_readmes_recipe_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    text = page.split("## A recipe")[1].split("```toml\n")[1].split("```")[0]
    file = tmp_path / "recipe.toml"
    file.write_text(text, encoding="utf-8")
    assert read(file).net == CNN(channels=(32, 64), init="he-normal")


@pytest.mark.parametrize(("family", "kind"), MEMBERS)
def test_a_name_alone_is_a_table_with_its_defaults(family: str, kind: str) -> None:
    named, table = ({"data": "digits", family: value} for value in (kind, {"kind": kind}))
    try:
        expected = Recipe.model_validate(table)
    except ValidationError:
        with pytest.raises(ValidationError):
            Recipe.model_validate(named)
    else:
        assert Recipe.model_validate(named) == expected


def test_an_import_path_is_an_own_network(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text('data = "digits"\nnet = "my_package.my_file:make_net"\n', encoding="utf-8")
    assert read(file).net == OwnNet(make="my_package.my_file:make_net")
