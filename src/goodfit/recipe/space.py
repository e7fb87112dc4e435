"""The space of a search: a recipe with distributions in it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from ..errors import RecipeError, nearest
from .distributions import Choice, Distribution, IntegerRange, Range
from .distributions_plain import Label
from .distributions_points import check_points, points_of
from .schema import Recipe
from .space_bounds import bounds_of, with_ends
from .space_checks import check_tree, checked_recipe
from .space_walk import (
    Ask,
    Parameter,
    changed,
    filled,
    fixed_of,
    parameters_of,
    size_of,
)

LARGEST_GRID = 10_000


@dataclass(frozen=True)
class Space:
    """Recipes to choose from; made by ``read_space``, ``space_of`` and ``Recipe.vary``.

    ``tree`` holds the values as a file would, with distributions among them. A parameter is named
    by its dotted place in the recipe (``optimizer.lr``); inside of an option of a choice, the
    option's label stands after the choice's place (``optimizer.momentum.lr``), and layers have
    ``.depth`` and ``.width``. Parameters are plain values: the value of a choice is a label.

    Example:
        >>> from goodfit.recipe import Recipe, loguniform
        >>> space = Recipe(data="digits").vary(lr=loguniform(1e-4, 1e-2))
        >>> space.recipe({"optimizer.lr": 0.003}).optimizer.lr
        0.003
        >>> [round(point["optimizer.lr"], 6) for point in space.grid(3)]
        [0.0001, 0.001, 0.01]
    """

    tree: dict[str, Any]

    @property
    def parameters(self) -> dict[str, Parameter]:
        """All searched values by name, in their order: each with the choices that it needs."""
        return dict(parameters_of(self.tree))

    @property
    def base(self) -> dict[str, Any]:
        """What is fixed: the values of the recipe without those that are searched."""
        return fixed_of(self.tree)

    def fixed_recipe(self) -> Recipe:
        """Return the recipe with the middle of each range and the first option of each choice."""
        return checked_recipe(self.tree, {})

    def suggest(self, ask: Ask) -> dict[str, Any]:
        """Return parameters by asking for those that count, each after the choices it needs.

        ``ask`` gets a name and a distribution; for a choice it answers with a label.
        """
        params: dict[str, Any] = {}

        def note(name: str, found: Distribution) -> Any:
            params[name] = _fitting(name, found, ask(name, found))
            return params[name]

        filled(self.tree, note)
        return params

    def active(self, params: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names that count, given the choices made in ``params``."""
        return tuple(name for name, found in self.parameters.items() if found.counts(params))

    def recipe(self, params: Mapping[str, Any]) -> Recipe:
        """Return the recipe with these parameters put in.

        A value outside of its range is taken where the recipe allows it, so that trials of an
        earlier stage can be made again in a narrowed space.

        Raises:
            RecipeError: a parameter is missing or not needed, or its value is not legal.
        """

        def given(name: str, found: Distribution) -> Any:
            if name not in params:
                raise RecipeError(
                    f'The parameter "{name}" is missing.',
                    given=", ".join(params) or "no parameters",
                    do=f"Give {name}: {found}.",
                )
            return params[name]

        needed = self.suggest(given)
        for name in params:
            if name not in needed:
                raise self._unneeded(name, needed)
        return checked_recipe(self.tree, needed)

    def grid(self, points: int = 5) -> Iterator[dict[str, Any]]:
        """Yield all combinations of ``points`` values of each range and all options, lazily.

        Ranges give values from end to end, evenly spaced on their scale; whole numbers give all
        where there are no more than ``points``.
        """
        check_points(points)
        left = [
            (name, found, points_of(found.distribution, points))
            for name, found in self.parameters.items()
        ]
        return _extended({}, left)

    def grid_size(self, points: int = 5) -> int:
        """Return how many combinations ``grid`` yields, without making them."""
        check_points(points)
        return size_of(self.tree, points)

    def narrowed(self, ranges: Mapping[str, tuple[float, float]]) -> Space:
        """Return the space with new ends for some ranges; others stay.

        New ends may lie outside of the old ones. Where the recipe bounds the field they are kept
        inside (see ``with_ends``): a rate stays above 0, dropout under 1.

        Raises:
            RecipeError: a name is unknown or a choice, or ends are swapped, equal or not finite.
        """
        parameters = self.parameters
        for name in ranges:
            self._check_range(name, parameters)

        def change(name: str, found: Range) -> Range:
            if name not in ranges:
                return found
            recipe = checked_recipe(self.tree, dict(parameters[name].condition))
            bounds = bounds_of(recipe, parameters[name].place)
            return with_ends(found, ranges[name], bounds)

        tree = changed(self.tree, change)
        check_tree(tree)
        return Space(tree)

    def _check_range(self, name: str, parameters: Mapping[str, Parameter]) -> None:
        if name not in parameters:
            raise RecipeError(
                f'This space has no parameter "{name}".', given=name, do=nearest(name, parameters)
            )
        if isinstance(parameters[name].distribution, Choice):
            raise RecipeError(
                f'"{name}" is a choice and has no ends.', given=name, do="Narrow ranges only."
            )

    def _unneeded(self, name: str, needed: Mapping[str, Any]) -> RecipeError:
        known = self.parameters
        if name not in known:
            return RecipeError(
                f'This space has no parameter "{name}".', given=name, do=nearest(name, known)
            )
        wanted = ", ".join(f"{other} = {label}" for other, label in known[name].condition)
        return RecipeError(
            f'The parameter "{name}" does not count here.', given=name, do=f"It needs {wanted}."
        )


def check_grid(space: Space, points: int) -> None:
    """Raise if a grid has more than 10,000 points, and say what would fit.

    Raises:
        RecipeError: the grid is too large.
    """
    size = space.grid_size(points)
    if size <= LARGEST_GRID:
        return
    fitting = bisect_right(range(1, points), LARGEST_GRID, key=space.grid_size)
    fewer = f"Take at most {fitting} points of each range, or search" if fitting else "Search"
    raise RecipeError(
        f"The grid has {size:,} points; at most {LARGEST_GRID:,} are tried.",
        given=f"{points} points of each range, {len(space.parameters)} searched values",
        do=f"{fewer} at random with a number of trials.",
    )


def _extended(
    params: dict[str, Any], left: list[tuple[str, Parameter, list[Any]]]
) -> Iterator[dict[str, Any]]:
    """Yield all combinations of what is left; the last name runs fastest."""
    if not left:
        yield params
        return
    (name, found, values), *others = left
    if not found.counts(params):
        yield from _extended(params, others)
        return
    for value in values:
        yield from _extended({**params, name: value}, others)


def _fitting(name: str, found: Distribution, value: Any) -> Any:
    """Return a value as its distribution has it: a label, a whole number or a float."""
    if isinstance(found, Choice):
        return _label(name, found.labels, value)
    if not isinstance(value, bool):
        if isinstance(found, IntegerRange) and isinstance(value, Integral):
            return int(value)
        if not isinstance(found, IntegerRange) and isinstance(value, Real):
            return float(value)
    raise RecipeError(
        f'The value of "{name}" is not of its kind.',
        given=repr(value),
        do=f"Give a value of {found}.",
    )


def _label(name: str, labels: tuple[Label, ...], value: Any) -> Label:
    if value not in labels:
        raise RecipeError(
            f'"{name}" has no option {value!r}.',
            given=repr(value),
            do=nearest(str(value), map(str, labels)),
        )
    return labels[labels.index(value)]
