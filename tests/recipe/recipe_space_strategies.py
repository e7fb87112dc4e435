"""Spaces drawn at random: any recipe, some of its values replaced by what may vary there."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from recipe_strategies import FAMILIES, OPTIMIZERS, counts, member_of, recipes

from goodfit.recipe import (
    IntegerRange,
    Range,
    Recipe,
    Space,
    choice,
    integer,
    layers,
    loguniform,
    space_of,
    uniform,
)
from goodfit.recipe.distributions_plain import plain

NUMBERS = {"lr", "weight_decay", "momentum", "alpha", "eps", "dropout", "warmup", "gamma", "floor"}
WHOLE = {"every", "patience"}
small = st.integers(1, 300)


def two_of(values: st.SearchStrategy) -> st.SearchStrategy[list]:
    """Draw two different values in their order."""
    return st.lists(values, min_size=2, max_size=2, unique=True).map(sorted)


@st.composite
def whole_ranges(draw: st.DrawFn, values: st.SearchStrategy[int] = small) -> IntegerRange:
    """Draw a range of whole numbers above 0."""
    low, high = draw(two_of(values))
    return integer(low, high, log=draw(st.booleans()))


@st.composite
def ranges_like(draw: st.DrawFn, values: st.SearchStrategy[float]) -> Range:
    """Draw a range between two values that a field may have."""
    low, high = draw(two_of(values))
    return loguniform(low, high) if low > 0 and draw(st.booleans()) else uniform(low, high)


stacks = st.one_of(
    st.builds(layers, whole_ranges(st.integers(1, 5)), small),
    st.builds(layers, st.integers(1, 5), whole_ranges()),
    st.builds(layers, whole_ranges(st.integers(1, 5)), st.just(choice(16, 32, 64))),
)


def choices_of(values: st.SearchStrategy) -> st.SearchStrategy:
    """Draw a choice of two or three different values."""
    found = st.lists(values, min_size=2, max_size=3, unique_by=lambda value: repr(plain(value)))
    return found.map(lambda options: choice(*options))


@st.composite
def tables(draw: st.DrawFn, family: dict) -> dict[str, Any]:
    """Draw the table of one member of a family, some of its numbers as ranges."""
    kind = draw(st.sampled_from(sorted(family, key=lambda kind: kind.__name__)))
    table = plain(draw(st.builds(kind, **family[kind])))
    for name in sorted(table.keys() & NUMBERS):
        if draw(st.booleans()):
            table[name] = draw(ranges_like(family[kind][name]))
    for name in sorted(table.keys() & {"hidden", "channels"}):
        if "blocks" not in table:  # stages have as many blocks as channels
            table[name] = draw(st.just(table[name]) | stacks)
    if "betas" in table and draw(st.booleans()):
        table["betas"][0] = draw(ranges_like(OPTIMIZERS[kind]["betas"].map(lambda pair: pair[0])))
    return table


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Draw a space; it has a distribution at the batch size if nowhere else."""
    recipe: Recipe = draw(recipes)
    values: dict[str, Any] = plain(recipe)
    for name, family in FAMILIES.items():
        values[name] = draw(
            st.one_of(tables(family), choices_of(tables(family)), choices_of(member_of(family)))
        )
    values["early_stopping"]["patience"] = draw(counts.filter(lambda n: n < 99) | whole_ranges())
    values["batch_size"] = draw(whole_ranges() | choices_of(small))
    return space_of(values)
