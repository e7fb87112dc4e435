"""The [prepare] table: what it takes, and what it refuses."""

from __future__ import annotations

import pytest

from goodfit.errors import RecipeError
from goodfit.recipe import Prepare, Recipe, validate, write


@pytest.mark.parametrize("components", [1, 20, 0.95])
def test_components_are_a_number_or_a_share(components: float) -> None:
    recipe = validate({"data": "digits"}, ["prepare.scale=pca", f"prepare.components={components}"])
    assert recipe.prepare.components == components
    assert type(recipe.prepare.components) is type(components)
    assert f"components = {components}" in write(recipe)


@pytest.mark.parametrize("components", ["0", "-3", "1.0", "1.5", "0.0", "true", '"all"', "[2]"])
def test_other_components_are_refused(components: str) -> None:
    with pytest.raises(RecipeError, match="whole number of components from 1, or a share"):
        validate({"data": "digits"}, ["prepare.scale=pca", f"prepare.components={components}"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("components=3", 'components plays no part with scale = "standardise"'),
        (
            "hash_size=8",
            'hash_size plays no part with encode = "one-hot", only with "hash", "auto"',
        ),
        ("eps=0.1", 'only with "whiten", "zca"'),
        ('pca_of="covariance"', 'only with "pca", "whiten", "zca"'),
    ],
)
def test_what_would_be_ignored_is_refused(given: str, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        validate({"data": "digits"}, [f"prepare.{given}"])
    assert told in caught.value.what
    assert caught.value.do == "Leave it out, or choose what it belongs to."


def test_a_misspelt_way_gets_the_nearest() -> None:
    with pytest.raises(RecipeError) as caught:
        validate({"data": "digits"}, ["prepare.scale=whitten"])
    assert "whiten" in caught.value.do


def test_the_default_is_what_it_was() -> None:
    assert Recipe(data="digits").prepare == Prepare(scale="standardise")
