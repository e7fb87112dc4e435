"""What can be explained beside rules and members of families."""

from __future__ import annotations

import pytest

from goodfit.errors import GoodfitError
from goodfit.explaining import explain
from goodfit.recipe import Recipe
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
