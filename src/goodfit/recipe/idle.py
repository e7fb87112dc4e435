"""Values that a recipe gives and that play no part: they are said, not ignored in silence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from .networks import Layered
from .parts import Part
from .schedules import Cyclical, MultiStep, Step
from .schema import Recipe

COLOURS = ("brightness", "contrast", "saturation", "hue")
MOVES = ("rotate", "shear", "scale", "translate")


class Rule(NamedTuple):
    """Fields of a table that play a part only where ``needed`` is true of that table."""

    table: str
    names: tuple[str, ...]
    needed: Callable[[Any], bool]
    since: str


IDLE: tuple[Rule, ...] = (
    Rule(
        "net", ("pieces",), lambda net: net.activation == "maxout", 'net.activation is not "maxout"'
    ),
    Rule("net", ("norm_place",), lambda net: net.norm != "none", 'net.norm is "none"'),
    Rule("net", ("dropout_form",), lambda net: net.dropout > 0.0, "net.dropout is 0"),
    Rule("augment", ("mix_alpha",), lambda augment: _mixes(augment), "no rows are mixed"),
    Rule(
        "augment",
        ("mix_probability",),
        lambda augment: augment.mix != "none",
        'augment.mix is "none"',
    ),
    Rule(
        "augment",
        ("mix",),
        lambda augment: augment.mix_probability > 0.0,
        "augment.mix_probability is 0",
    ),
    Rule(
        "augment",
        ("affine_probability",),
        lambda augment: any(getattr(augment, name) for name in MOVES),
        f"augment has none of {', '.join(MOVES)}",
    ),
    Rule("augment", ("crop_probability",), lambda augment: augment.crop > 0, "augment.crop is 0"),
    Rule(
        "augment",
        ("colour_probability",),
        lambda augment: any(getattr(augment, name) for name in COLOURS),
        f"augment has none of {', '.join(COLOURS)}",
    ),
    Rule(
        "evaluate", ("margin",), lambda views: "crops" in views.views, "evaluate.views has no crops"
    ),
    Rule(
        "split",
        ("as_input",),
        lambda split: split.group is not None or split.time is not None,
        "split.group and split.time name no column",
    ),
    Rule(
        "optimizer",
        ("base_batch_size",),
        lambda optimizer: optimizer.scale_lr != "none",
        'optimizer.scale_lr is "none"',
    ),
    Rule(
        "early_stopping",
        ("patience",),
        lambda stopping: stopping.enabled,
        "early_stopping.enabled is false",
    ),
)


def idle_values(recipe: Recipe) -> tuple[str, ...]:
    """Say which values of a recipe play no part, a sentence each.

    A value counts as given where it is not the default: the recipe that a run writes has every
    default filled in, and a run that goes on from it says the same.

    Example:
        >>> from goodfit.recipe import MLP
        >>> idle_values(Recipe(data="digits", net=MLP(pieces=3)))
        ('net.pieces = 3 plays no part, since net.activation is not "maxout".',)
    """
    told = []
    for table, names, needed, since in IDLE:
        part = getattr(recipe, table)
        if (table != "net" or isinstance(part, Layered)) and not needed(part):
            told += [f"{said} plays no part, since {since}." for said in _given(part, table, names)]
    return (*told, *_beyond_the_run(recipe))


def idle_with_loaders(recipe: Recipe, *, batch_size: int | None) -> tuple[str, ...]:
    """Say which values play no part where loaders feed a run; ``batch_size`` is theirs, if any.

    Example:
        >>> from goodfit.recipe import Prepare
        >>> idle_with_loaders(Recipe(data="x", prepare=Prepare(scale="zca")), batch_size=None)
        ('prepare.scale = "zca" plays no part, since batches are taken as they are given.',)
    """
    said = [
        each
        for table in ("prepare", "split")
        for each in _given(getattr(recipe, table), table, type(getattr(recipe, table)).model_fields)
    ]
    said += _given(recipe.data, "data", ("target", "folder"))
    told = [f"{each} plays no part, since batches are taken as they are given." for each in said]
    if batch_size is not None and recipe.batch_size not in (None, batch_size):
        told.append(
            f"batch_size = {recipe.batch_size} plays no part, since the loader's batches have"
            f" {batch_size} rows."
        )
    return tuple(told)


def _given(part: Part, table: str, names: Iterable[str]) -> list[str]:
    """Return ``table.name = value`` of the fields that are not at their default."""
    fields = type(part).model_fields
    return [
        f"{table}.{name} = {json.dumps(getattr(part, name), ensure_ascii=False)}"
        for name in names
        if getattr(part, name) != fields[name].default
    ]


def _mixes(augment: Any) -> bool:
    return augment.mix != "none" and augment.mix_probability > 0.0


def _beyond_the_run(recipe: Recipe) -> tuple[str, ...]:
    """Say what a schedule would do after the run's last epoch, also where that is its default."""
    schedule, epochs = recipe.schedule, recipe.epochs
    if epochs is None:
        return ()
    run = f"since the run has {epochs} epoch{'s' * (epochs > 1)}"
    if isinstance(schedule, MultiStep):
        late = [str(epoch) for epoch in schedule.epochs if epoch >= epochs]
        plays = "plays" if len(late) == 1 else "play"
        return (f"{', '.join(late)} of schedule.epochs {plays} no part, {run}.",) if late else ()
    if isinstance(schedule, Step) and schedule.every >= epochs:
        return (f"schedule.every = {schedule.every} plays no part, {run}.",)
    if isinstance(schedule, Cyclical) and schedule.rise > epochs:
        return (
            f"The rate never comes up to optimizer.lr: schedule.rise is {schedule.rise:g} epochs,"
            f" and the run has {epochs}.",
        )
    return ()
