"""What can be explained beside rules and members of families."""

from __future__ import annotations

import tomllib

import pytest

import goodfit as gf
from goodfit.errors import GoodfitError
from goodfit.explaining import FAMILIES, explain
from goodfit.nets import ACTIVATIONS
from goodfit.recipe import Recipe
from goodfit.recipe.fields import all_fields, fields_of
from goodfit.recipe.refusing import models_of


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gradient-check", "(L(w + h) - L(w - h)) / 2h"),
        ("finite-difference-descent", "``2 P``"),
        ("warmup", "``lr * (t + 1) / w``"),
        ("scale_lr", "``lr B / B0``"),
        ("decay_on", "no norm and no bias"),
        ("transfer", "unfreeze_epoch"),
        ("mlp", "``[N, outputs]``"),
    ],
)
def test_formula_and_words_are_told(name: str, told: str) -> None:
    assert told in explain(name)


def test_known_names_are_told_once() -> None:
    with pytest.raises(GoodfitError) as caught:
        explain("zzzzzz")
    names = caught.value.do.removeprefix("Known are: ").split(", ")
    assert len(names) == len(set(names)) > 100


def test_every_field_of_every_table_of_a_recipe_is_explained() -> None:
    for table, field in Recipe.model_fields.items():
        assert len(explain(table)) > 60, table
        for kind in models_of(field.annotation):
            for name in set(kind.model_fields) - {"kind"}:
                assert len(explain(name)) > 60, f"{table}.{name}"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dropout", "dropout"),
        ("early-stopping", "patience"),
        ("patience", "patience"),
        ("group", "stay in one part"),
        ("epochs", "ceil(N / batch_size)"),
        ("layer-norm", "moments within one example"),
        ("impute", "median"),
        ("mix_alpha", "alpha"),
        ("own", "input_shape"),
        ("crops", "crops"),
    ],
)
def test_names_of_a_recipe_are_told_by_their_tables(name: str, told: str) -> None:
    assert told in explain(name)


@pytest.mark.parametrize("field", all_fields(), ids=lambda field: f"{field.path} {field.kinds}")
def test_every_field_says_what_it_is_its_range_and_its_default(field) -> None:
    assert field.description.endswith(".") and len(field.description) > 15
    assert field.values
    assert "; default " in field.line or field.line.endswith("must be given.")
    assert field.line in explain(field.path) and field.line in explain(field.name)
    assert field.line in explain(field.path.replace("_", "-"))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("lr", "A number over 0; default 0.1 (sgd)"),
        ("weight_decay", "0.01 (adamw)"),
        ("betas", "optimizer.betas (adam, adamw): "),
        ("eps", "1e-10 (adagrad), 1e-08 (rmsprop, adam, adamw)"),
        ("net.norm", '"none" (mlp), "batch" (cnn, resnet)'),
        ("prepare.hash_size", "A whole number from 2; default none"),
        ("optimizer.betas", "each a number from 0 and under 1; default [0.9, 0.999]"),
        ("seed", "A whole number from 0 and under 2^63; default 0."),
        ("augment.crop", "; default 0."),
        ("schedule.cooldown", "; default 0."),
        ("transfer.lr_scale", "; default {}."),
        ("split.test", "A share over 0 and under 1, or a whole number of rows from 1"),
        ("augment.rotate", "degrees"),
        ("optimizer", "- optimizer.lr: "),
    ],
)
def test_ranges_and_defaults_are_those_of_the_declaration(name: str, told: str) -> None:
    assert told in explain(name)


def test_a_default_that_is_told_is_the_one_that_a_part_is_made_with() -> None:
    """Read as TOML, it is the field's value; tables, which tell a kind, and none apart."""
    for field in all_fields():
        models = models_of(Recipe.model_fields[field.table].annotation) if field.table else [Recipe]
        tables = {model.model_fields["kind"].default: model for model in models if field.kinds}
        for place, told in enumerate(field.defaults):
            model = tables[field.kinds[place]] if field.kinds else models[0]
            info = model.model_fields[field.name]
            if info.is_required() or models_of(info.annotation):
                continue
            held = info.get_default(call_default_factory=True, validated_data={})
            read = None if told == "none" else tomllib.loads(f"value = {told}")["value"]
            assert (tuple(read) if isinstance(read, list) else read) == held, field.line


def test_defaults_and_bounds_that_are_told_are_those_that_hold() -> None:
    """Read back from the line, a default is what a table has, and a bound is refused."""
    patience = next(field for field in fields_of("early_stopping") if field.name == "patience")
    assert f"default {gf.EarlyStopping().patience}." in patience.line and "from 1" in patience.line
    with pytest.raises(GoodfitError):
        gf.EarlyStopping(patience=0)


@pytest.mark.parametrize(
    ("name", "meanings"),
    [
        ("norm", ["norm (clipping)", "norm (a field of a recipe's net)"]),
        ("momentum", ["momentum (an optimiser)", "momentum (a field of a recipe's optimizer)"]),
        ("rise", ["schedule.rise (cyclical): ", "schedule.rise (one-cycle): "]),
        ("patience", ["recipe's schedule)", "recipe's early_stopping)"]),
        ("alpha", ["optimizer.alpha (rmsprop)", "penalty.alpha (elastic)"]),
        ("scale", ["scale (an augmentation)", "scale (a field of a recipe's prepare)"]),
    ],
)
def test_a_name_with_several_meanings_is_told_with_all(name: str, meanings: list[str]) -> None:
    text = explain(name)
    assert all(meaning in text for meaning in meanings)


def test_a_dotted_name_is_told_by_its_table_alone() -> None:
    assert "clipping" not in explain("net.norm") and "prepare.scale" not in explain("augment.scale")
    assert "(an optimiser)" in explain("optimizer.adamw")


@pytest.mark.parametrize("name", ["rotate", "shear", "scale", "translate"])
def test_parts_of_the_affine_map_say_first_what_they_do(name: str) -> None:
    first = explain(name).split("\n\n")[1]
    assert first.startswith(f"augment.{name}: ")
    assert ("degrees" in first) == (name in ("rotate", "shear"))


@pytest.mark.parametrize("name", ["step", "multi-step", "exponential"])
def test_schedules_tell_formula_unit_and_source(name: str) -> None:
    text = explain(name)
    assert "gamma" in text and "**" in text and "without unit" in text
    assert "notes n3, learning rate schedules" in " ".join(text.lower().split())


def test_optimisers_and_activations_tell_shapes() -> None:
    assert all("Any shape" in explain(name) for name in FAMILIES["an optimiser"])
    assert all("Any shape" in explain(name) or "[N, " in explain(name) for name in ACTIVATIONS)


def test_dropout_and_backpropagation_tell_their_formulas() -> None:
    assert "x * (noise >= rate) / (1 - rate)" in explain("dropout")
    assert "dL/dw_i" in explain("backpropagation")
    assert "central" not in explain("backpropagation")
    assert "(folds)" in explain("k-fold")


def test_examples_call_only_what_a_user_can_call() -> None:
    private = ("Wanted(", "Sample(", "hashing(", "Maxout(", "learning_rates(", "rng")
    for name in {name for family in FAMILIES.values() for name in family}:
        example = explain(name).partition("Example:")[2]
        assert not [word for word in private if word in example], name
    assert ">>> found = gradient_check(" in explain("gradient-check")


def test_a_dotted_name_that_is_unknown_gets_the_nearest() -> None:
    with pytest.raises(GoodfitError) as caught:
        explain("optimizer.lrr")
    assert caught.value.do == 'Did you mean "optimizer.lr"?'
