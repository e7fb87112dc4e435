"""What Python code gives for a recipe or a space: anything else is refused, with what to do."""

from __future__ import annotations

from pathlib import Path

from ..errors import RecipeError
from .inputs import DataSource
from .schema import Recipe
from .space import Space


def given_recipe(value: object, call: str) -> None:
    """Refuse what is no recipe where ``call``, as "gf.train", takes one.

    Raises:
        RecipeError: says how a recipe is made of what was given, where that can be told.

    Example:
        >>> given_recipe("digits", "gf.train")
        Traceback (most recent call last):
        goodfit.errors.RecipeError: gf.train takes a recipe.
          given: 'digits'
          to do: Write gf.train(gf.Recipe(data="digits")).
    """
    if not isinstance(value, Recipe):
        raise RecipeError(f"{call} takes a recipe.", given=_shown(value), do=_remedy(value, call))


def given_space(value: object, call: str) -> None:
    """Refuse what is no space where ``call``, as "gf.search", takes one.

    Raises:
        RecipeError: says how a space is made of what was given.

    Example:
        >>> given_space(Recipe(data="iris"), "gf.search")
        Traceback (most recent call last):
        goodfit.errors.RecipeError: gf.search takes a space: a recipe with distributions in it.
          given: Recipe
          to do: Write gf.search(recipe.vary(lr=gf.loguniform(1e-4, 1e-1))).
    """
    if isinstance(value, Space):
        return
    made = "recipe.vary(lr=gf.loguniform(1e-4, 1e-1))"
    if isinstance(value, str | Path) and str(value).endswith(".toml"):
        made = f'gf.read_space(Path("{value}"))'
    raise RecipeError(
        f"{call} takes a space: a recipe with distributions in it.",
        given=_shown(value),
        do=f"Write {call}({made}).",
    )


def _remedy(value: object, call: str) -> str:
    if isinstance(value, str | Path):
        made = f'gf.Recipe(data="{value}")'
        if str(value).endswith(".toml"):
            made = f'goodfit.recipe.read(Path("{value}"))'
        return f"Write {call}({made})."
    if isinstance(value, Space):
        return f"Write gf.search(space) to train many, or {call} with one recipe of it."
    if isinstance(value, DataSource):
        return f"Write {call}(gf.Recipe(data=source))."
    if isinstance(value, dict):
        return f"Write {call}(gf.Recipe(**values))."
    return f'Write {call}(gf.Recipe(data="digits")); arrays are given beside it: data=(X, y).'


def _shown(value: object) -> str:
    if isinstance(value, str | dict | Path):
        return repr(value)
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
