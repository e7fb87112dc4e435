"""Spaces made of files, of values, and of recipes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel

from ..errors import RecipeError, nearest
from .distributions_make import parsed
from .distributions_plain import Searched, has_searched, plain
from .fields import all_fields
from .parts import Part, parts_of
from .schema import Recipe
from .space import Space
from .space_checks import Source, check_tree
from .toml import assign, merge, read_values


def read_space(path: Path, overrides: Iterable[str] = ()) -> Space:
    """Read the space of a search from a TOML file; ``overrides`` are assignments as for a recipe.

    Raises:
        RecipeError: the file is missing, is no TOML, holds a wrong name or value, a range that
            its field does not allow, or nothing to search.
    """
    values, text = read_values(path)
    return space_of(values, overrides, file=path, text=text)


def space_of(
    values: Mapping[str, Any],
    overrides: Iterable[str] = (),
    *,
    file: Path | None = None,
    text: str = "",
) -> Space:
    """Make a space of values as a file or Python holds them, and of assignments.

    Example:
        >>> lr = {"distribution": "loguniform", "low": 1e-4, "high": 1e-1}
        >>> list(space_of({"data": "digits", "optimizer": {"lr": lr}}).parameters)
        ['optimizer.lr']

    Raises:
        RecipeError: a name or value is wrong, a range has values that its field does not allow,
            or there is nothing to search.
    """
    merged, given_by = merge(_as_tables(plain(values)), overrides)
    source = Source(given_by, file, text)
    tree = parsed(_in_order(merged), place=source.place)
    check_tree(tree, source)
    return Space(tree)


def write_space(space: Space) -> str:
    """Return the space as TOML text that ``read_space`` reads back.

    Example:
        >>> from goodfit.recipe import uniform
        >>> print(write_space(space_of({"data": "digits", "net": {"dropout": uniform(0, 0.5)}})))
        data = "digits"
        <BLANKLINE>
        [net.dropout]
        distribution = "uniform"
        low = 0.0
        high = 0.5
        <BLANKLINE>
    """
    return tomli_w.dumps(_as_tables(space.tree))


def _as_tables(value: Any) -> Any:
    """Return plain values with each distribution as the table that stands for it."""
    if isinstance(value, Searched):
        value = {name: inner for name, inner in value}  # noqa: C416 a model yields its fields
    if isinstance(value, dict):
        return {name: _as_tables(inner) for name, inner in value.items()}
    return [_as_tables(inner) for inner in value] if isinstance(value, list | tuple) else value


def _in_order(value: Any) -> Any:
    """Return tables with their fields in the schema's order, so that equal spaces ask alike."""
    if isinstance(value, list):
        return [_in_order(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    models = (Recipe, *parts_of(Part))
    known = list(dict.fromkeys(name for model in models for name in model.model_fields))
    first = [name for name in known if name in value]
    return {name: _in_order(value[name]) for name in dict.fromkeys((*first, *value))}


def vary(recipe: Recipe, /, **distributions: Any) -> Space:
    """Return the space of this recipe with distributions in the place of some of its fields.

    A field goes by its own name where only one field of this recipe has it (``lr``, ``dropout``,
    ``hidden``), else by its dotted place: ``recipe.vary(**{"schedule.warmup": ...})``.

    Example:
        >>> from goodfit.recipe import choice, loguniform
        >>> space = Recipe(data="digits").vary(lr=loguniform(1e-4, 1e-1), batch_size=choice(16, 32))
        >>> list(space.parameters)
        ['batch_size', 'optimizer.lr']

    Raises:
        RecipeError: a name is unknown or has several meanings, two of them overlap, a value is no
            distribution, or the recipe does not allow it.
    """
    whole = recipe
    if recipe.net is None:  # its fields can be named: they are those of the default network
        whole = Recipe.model_validate({**dict(recipe), "net": {}})
    places = list(_places(whole))
    chosen: dict[str, Any] = {}
    for name, value in distributions.items():
        place = _find(name, places)
        _check_apart(place, chosen)
        chosen[place] = _searched(name, value)
    with_net = any(place.startswith("net.") for place in chosen)
    values = plain(whole if with_net else recipe)
    for place, value in chosen.items():
        assign(values, place.split("."), value)
    return space_of(values)


def _places(part: BaseModel, above: str = "") -> Iterator[str]:
    """Yield the dotted place of each field, tables first."""
    for name, value in part:
        yield f"{above}{name}"
        if isinstance(value, Part):
            yield from _places(value, f"{above}{name}.")


def _find(name: str, places: list[str]) -> str:
    if name in places:
        return name
    found = [place for place in places if place.rpartition(".")[2] == name]
    if len(found) > 1:
        raise RecipeError(
            f'Several fields of the recipe have the name "{name}".',
            given=name,
            do=f"Write one of them in full: {', '.join(found)}.",
        )
    if not found:
        known = places if "." in name else {place.rpartition(".")[2] for place in places}
        raise RecipeError(
            f'This recipe has no field "{name}".',
            given=name,
            do=_kinds_with(name) or nearest(name, known),
        )
    return found[0]


def _kinds_with(name: str) -> str:
    """Say which kinds of a table have a field, "" where none has it."""
    table, _, last = name.rpartition(".")
    kinds: dict[str, list[str]] = {}
    for field in all_fields():
        if field.name == last and table in ("", field.table):
            kinds.setdefault(field.table, []).extend(field.kinds)
    told = ((of, ", ".join(each)) for of, each in kinds.items() if each)
    return " ".join(f"These kinds of {of} have it: {each}." for of, each in told)


def _check_apart(place: str, chosen: Mapping[str, Any]) -> None:
    for other in chosen:
        outer, inner = sorted((place, other), key=len)
        if inner == outer or inner.startswith(f"{outer}."):
            raise RecipeError(
                f'"{inner}" is searched twice.',
                given=f"{outer} and {inner}",
                do=f"Put all distributions into that of {outer}.",
            )


def _searched(name: str, value: Any) -> Any:
    tree = parsed(value, name)
    if not has_searched(tree):
        raise RecipeError(
            f'"{name}" was given a value and no distribution.',
            given=repr(value),
            do=f"Set it in the recipe, or write, say, {name}=choice(...) or uniform(...).",
        )
    return tree


# Here and not in the class: a space needs the schema, so the schema cannot import a space.
Recipe.vary = vary
