"""Recipes as TOML files: read, with assignments made, and written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from ..errors import RecipeError
from .parts import kinds_first, named
from .refusing import explain
from .schema import Recipe
from .space_walk import below, items_of


def read(
    path: Path, overrides: Iterable[str] = (), defaults: Mapping[str, Any] | None = None
) -> Recipe:
    """Read a recipe file; ``overrides`` are ``"optimizer.lr=0.01"`` assignments.

    Raises:
        RecipeError: the file is missing, is no TOML, or holds a wrong name or value.
    """
    values, text = read_values(path)
    return validate({**(defaults or {}), **values}, overrides, file=path, text=text)


def read_values(path: Path) -> tuple[dict[str, Any], str]:
    """Return what a TOML file holds, and its text, or say why it cannot be read."""
    text = _read_text(path)
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(
            f"{path} is not valid TOML.", given=str(error), do="Correct the named line."
        ) from None


# What may be given by its name alone.
_NAMED = ("data", "net", "optimizer", "schedule", "clip", "penalty")


def write(recipe: Recipe) -> str:
    """Return the recipe as TOML text, every field shown but those that are None.

    Example:
        >>> print(write(Recipe(data="iris")).splitlines()[0])
        task = "auto"
    """
    return tomli_w.dumps(kinds_first(recipe.model_dump(mode="json", exclude_none=True)))


def validate(
    values: Mapping[str, Any],
    overrides: Iterable[str] = (),
    *,
    file: Path | None = None,
    text: str = "",
) -> Recipe:
    """Make a recipe of plain values and assignments, or say what is wrong with them."""
    merged, given_by = merge(values, overrides)
    try:
        return Recipe.model_validate(merged)
    except ValidationError as error:
        if searched := _first_searched(merged):
            raise RecipeError(
                f"{searched} has a distribution: this is a space of recipes, not one.",
                given=file or searched,
                do=f"Search it: goodfit search {file or 'SPACE'}, or write one value there.",
            ) from None
        raise explain(error, Recipe, given_by, file, text) from None


def _first_searched(value: Any, name: str = "") -> str:
    """Return the dotted name of the first table that is a distribution; "" where none is."""
    if isinstance(value, dict) and "distribution" in value:
        return name
    found = (_first_searched(inner, below(name, key)) for key, inner in items_of(value))
    return next(filter(None, found), "")


def merge(
    values: Mapping[str, Any], overrides: Iterable[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values with assignments made, and which assignment gave each changed name."""
    merged = dict(values)
    given_by: dict[str, str] = {}
    for assignment in overrides:
        path, value = _parse_assignment(assignment)
        assign(merged, path.split("."), value)
        given_by[path] = f"--set {assignment}"
    return merged, given_by


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        problem = "There is no such recipe file."
    except IsADirectoryError:
        problem = "The recipe is a folder, not a file."
    except UnicodeDecodeError:
        problem = "The recipe is not UTF-8 text."
    except OSError as error:
        problem = f"The recipe cannot be read: {error.strerror}."
    raise RecipeError(problem, given=path, do="Name a TOML file that can be read.")


def _parse_assignment(assignment: str) -> tuple[str, Any]:
    path, equals, raw = assignment.partition("=")
    if not equals or not path.strip():
        raise RecipeError(
            "--set takes NAME=VALUE.", given=assignment, do="Write, say, --set optimizer.lr=0.01"
        )
    try:
        values = tomllib.loads(f"value = {raw}")
    except tomllib.TOMLDecodeError:
        values = {}
    # A text with a line break could hold more than the value; it is taken as it stands.
    return path.strip(), values["value"] if len(values) == 1 else raw.strip()


def assign(values: dict[str, Any], path: list[str], value: Any) -> None:
    """Set the value at a path of names; tables on the way are copied."""
    head, *rest = path
    if not rest:
        values[head] = value
        return
    inner = values.get(head)
    if isinstance(inner, str) and head in _NAMED:
        inner = {"path": inner} if head == "data" else named(inner)
    copy = dict(inner) if isinstance(inner, dict) else {}
    assign(copy, rest, value)
    values[head] = copy
