"""What no space may be: each a clear error, with the place of the fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import RecipeError
from .distributions import LogUniform, Uniform
from .distributions_plain import has_searched
from .distributions_points import extremes
from .places import place_of
from .refusing import explain, follow
from .schema import Recipe
from .space_walk import Parameter, filled_by, items_of, parameters_of

# Trials that differ in these answer different questions; their scores cannot be compared.
NOT_SEARCHED = ("data", "task", "seed", "split", "prepare", "evaluate", "engine")


@dataclass(frozen=True)
class Source:
    """Where values come from: a file, assignments, or neither."""

    given_by: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None
    text: str = ""

    def place(self, name: str) -> str:
        """Return what an error about this name begins with."""
        return place_of(name, self.given_by, self.file, self.text)


def checked_recipe(
    tree: Mapping[str, Any], params: Mapping[str, Any], source: Source | None = None
) -> Recipe:
    """Return the recipe with these parameters, others at their middle, or say what is wrong."""
    try:
        return Recipe.model_validate(filled_by(tree, params))
    except ValidationError as error:
        raise _told(error, tree, source or Source()) from None


def check_tree(tree: Mapping[str, Any], source: Source | None = None) -> None:
    """Raise unless each value, and each two of them together, give a recipe at their extremes."""
    source = source or Source()
    _check_places(tree, source)
    parameters = dict(parameters_of(tree))
    low = {name: extremes(found.distribution)[0] for name, found in parameters.items()}
    checked_recipe(tree, low, source)
    if not parameters:
        raise RecipeError(
            "The space has no distribution in it: there is nothing to search.",
            given=source.file,
            do='Write, say, optimizer.lr = { distribution = "loguniform", low = 1e-4, high = 0.1 }',
        )
    for params in _extreme_params(parameters):
        checked_recipe(tree, {**low, **params}, source)
    checked_recipe(tree, {}, source)


def _check_places(tree: Mapping[str, Any], source: Source) -> None:
    for head in NOT_SEARCHED:
        for _, found in parameters_of(tree.get(head), head, head):
            raise RecipeError(
                f'{source.place(found.place)}{found.place}: nothing in "{head}" can be searched; '
                "trials must not differ in what they are compared on.",
                given=str(found.distribution),
                do="Write one value; to compare several, search each of them on its own.",
            )


def _extreme_params(parameters: Mapping[str, Parameter]) -> Iterator[dict[str, Any]]:
    """Yield each extreme value of each parameter, then those of each two that go together."""
    for size in (1, 2):
        for names in combinations(parameters, size):
            needed = dict(pair for name in names for pair in parameters[name].condition)
            for values in product(*(extremes(parameters[name].distribution) for name in names)):
                params = {**needed, **dict(zip(names, values, strict=True))}
                if all(parameters[name].counts(params) for name in names):
                    yield params


def _told(error: ValidationError, tree: Mapping[str, Any], source: Source) -> RecipeError:
    """Explain an error of the filled recipe by the distribution that gave the value."""
    told = explain(error, Recipe, source.given_by, source.file, source.text)
    first = error.errors(include_url=False)[0]
    names = follow([part for part in first["loc"] if isinstance(part, str)], Recipe).names
    node = _node(tree, names)
    if not has_searched(node):
        return _with_hint(told, node)
    if isinstance(node, dict | list):
        return RecipeError(told.what, given=f"{'.'.join(names)} = {_shown(node)}", do=told.do)
    do = told.do
    if first["type"] == "int_from_float" and isinstance(node, Uniform | LogUniform):
        do = 'Search a whole number with the distribution "integer".'
    return RecipeError(told.what, given=f"{told.given}, of {node}", do=do)


def _shown(node: Any) -> str:
    """Return tables and lists with their distributions in words."""
    if isinstance(node, dict):
        return f"{{ {', '.join(f'{name} = {_shown(inner)}' for name, inner in node.items())} }}"
    return f"[{', '.join(map(_shown, node))}]" if isinstance(node, list) else str(node)


def _with_hint(told: RecipeError, node: Any) -> RecipeError:
    """Guess at a range whose ``distribution`` was forgotten."""
    if isinstance(node, dict) and node.keys() & {"low", "high", "options"}:
        do = 'Is this a distribution? Add, say, distribution = "uniform" to it.'
        return RecipeError(told.what, given=told.given, do=do)
    return told


def _node(tree: Any, names: list[str]) -> Any:
    """Return the deepest thing on a path: a distribution ends it."""
    for name in names:
        inner = dict(items_of(tree))
        if name not in inner:
            break
        tree = inner[name]
    return tree
