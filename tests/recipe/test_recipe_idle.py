"""Values that play no part are said: each rule fires where it should, and only there."""

from __future__ import annotations

from typing import Any

import pytest

import goodfit as gf
from goodfit.recipe import read, validate, write
from goodfit.recipe.idle import IDLE, idle_values

# The values; what makes them play a part; the words that are said.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "net.pieces": (
        {"net": {"pieces": 3}},
        {"net": {"activation": "maxout"}},
        'net.pieces = 3 plays no part, since net.activation is not "maxout".',
    ),
    "net.norm_place": (
        {"net": {"norm_place": "after"}},
        {"net": {"norm": "layer"}},
        'net.norm_place = "after" plays no part, since net.norm is "none".',
    ),
    "net.dropout_form": (
        {"net": {"dropout_form": "at-test"}},
        {"net": {"dropout": 0.2}},
        'net.dropout_form = "at-test" plays no part, since net.dropout is 0.',
    ),
    "augment.mix_alpha": (
        {"augment": {"mix_alpha": 0.4}},
        {"augment": {"mix": "mixup"}},
        "augment.mix_alpha = 0.4 plays no part, since no rows are mixed.",
    ),
    "augment.mix_probability": (
        {"augment": {"mix_probability": 0.5}},
        {"augment": {"mix": "mixup"}},
        'augment.mix_probability = 0.5 plays no part, since augment.mix is "none".',
    ),
    "augment.mix": (
        {"augment": {"mix": "mixup", "mix_probability": 0.0}},
        {"augment": {"mix_probability": 0.5}},
        'augment.mix = "mixup" plays no part, since augment.mix_probability is 0.',
    ),
    "augment.affine_probability": (
        {"augment": {"affine_probability": 0.5}},
        {"augment": {"shear": 5.0}},
        "augment.affine_probability = 0.5 plays no part, since augment has none of rotate,",
    ),
    "augment.crop_probability": (
        {"augment": {"crop_probability": 0.5}},
        {"augment": {"crop": 2}},
        "augment.crop_probability = 0.5 plays no part, since augment.crop is 0.",
    ),
    "augment.colour_probability": (
        {"augment": {"colour_probability": 0.5}},
        {"augment": {"hue": 0.1}},
        "augment.colour_probability = 0.5 plays no part, since augment has none of brightness,",
    ),
    "evaluate.margin": (
        {"evaluate": {"margin": 3}},
        {"evaluate": {"views": "flip-crops"}},
        "evaluate.margin = 3 plays no part, since evaluate.views has no crops.",
    ),
    "split.as_input": (
        {"split": {"as_input": True}},
        {"split": {"group": "patient"}},
        "split.as_input = true plays no part, since split.group and split.time name no column.",
    ),
    "optimizer.base_batch_size": (
        {"optimizer": {"base_batch_size": 64}},
        {"optimizer": {"scale_lr": "linear"}},
        'optimizer.base_batch_size = 64 plays no part, since optimizer.scale_lr is "none".',
    ),
    "early_stopping.patience": (
        {"early_stopping": {"enabled": False, "patience": 3}},
        {"early_stopping": {"enabled": True}},
        "early_stopping.patience = 3 plays no part, since early_stopping.enabled is false.",
    ),
    "milestones": (
        {"epochs": 10, "schedule": {"kind": "multi-step", "epochs": [5, 10, 20]}},
        {"epochs": 21},
        "10, 20 of schedule.epochs play no part, since the run has 10 epochs.",
    ),
    "step": (
        {"epochs": 1, "schedule": {"kind": "step", "every": 7}},
        {"epochs": 8},
        "schedule.every = 7 plays no part, since the run has 1 epoch.",
    ),
    "rise": (
        {"epochs": 3, "schedule": {"kind": "cyclical", "rise": 4.5}},
        {"epochs": 5},
        "The rate never comes up to optimizer.lr: schedule.rise is 4.5 epochs, and the run has 3.",
    ),
}


def merged(*tables: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"data": "digits", "net": {"kind": "mlp"}}
    for table in tables:
        for name, value in table.items():
            made[name] = {**made.get(name, {}), **value} if isinstance(value, dict) else value
    return made


@pytest.mark.parametrize("case", CASES)
def test_a_value_that_plays_no_part_is_said_and_its_healthy_twin_is_not(case: str) -> None:
    values, part, words = CASES[case]
    (said,) = idle_values(validate(merged(values)))
    assert said.startswith(words)
    assert idle_values(validate(merged(values, part))) == ()


def test_every_rule_has_a_case_and_names_a_field() -> None:
    assert {f"{rule.table}.{name}" for rule in IDLE for name in rule.names} <= set(CASES)


@pytest.mark.parametrize("net", ["mlp", "cnn", "resnet", "file:make"])
def test_defaults_are_not_said(net: str) -> None:
    recipe = validate({"data": "digits", "net": net, "epochs": 30})
    assert idle_values(recipe) == ()
    assert idle_values(recipe.model_copy(update={"net": None})) == ()


def test_a_recipe_with_every_default_filled_in_says_the_same(tmp_path: Any) -> None:
    recipe = validate(merged(CASES["net.pieces"][0], CASES["evaluate.margin"][0]))
    path = tmp_path / "recipe.toml"
    path.write_text(write(recipe), encoding="utf-8")
    assert len(idle_values(recipe)) == 2 and idle_values(read(path)) == idle_values(recipe)


def test_a_run_keeps_what_was_said() -> None:
    recipe = gf.Recipe(data="iris", net=gf.MLP(hidden=(4,), pieces=3), epochs=1)
    assert 'net.pieces = 3 plays no part, since net.activation is not "maxout".' in (
        gf.train(recipe).history.notes
    )
