"""Small searches that tests share."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import torch

import goodfit as gf
from goodfit.pipeline.begin import resolve_for
from goodfit.pipeline.material import know, material_of
from goodfit.recipe import Recipe
from goodfit.studies.folder import Settings
from goodfit.studies.group import Group
from goodfit.studies.grouping import shape_of
from goodfit.studies.wave import Asked, Progress

SMALL = gf.Recipe(data="iris", net=gf.MLP(hidden=(16,)), batch_size=16, epochs=4)
SPACE = SMALL.vary(lr=gf.loguniform(1e-4, 1e-1), weight_decay=gf.loguniform(1e-5, 1e-1))

SETTINGS = Settings(
    strategy="random",
    trials=1,
    seed=0,
    at_once=1,
    confirm=0,
    confirm_seeds=1,
    workers=None,
    rows=None,
    mode="auto",
    storage="",
    name="study",
)


class Watched:
    """A watcher that notes what it hears."""

    def __init__(self) -> None:
        self.epochs: list[tuple[int, int]] = []

    def check(self) -> None:
        """Go on."""

    def on_epoch(self, progress: Progress) -> None:
        """Note the trial and its epoch."""
        self.epochs.append((progress.asked.number, progress.epoch))

    def keeps(self) -> bool:
        """Nothing is kept."""
        return False

    def keep(self, progress: Progress, row: dict[str, torch.Tensor]) -> None:
        """Nothing is kept."""


def group_of(recipe: Recipe, rows: int, folder: Path) -> Group:
    """Return a group for trials like ``recipe``."""
    known = know(recipe)
    recipe = resolve_for(recipe, known)
    shape = shape_of(recipe, known, known.input_shape)
    return Group(shape, known, material_of(known, recipe, folder), recipe, rows, "", "traced")


def queue(group: Group, recipes: list[Recipe]) -> list[Progress]:
    """Let trials of these recipes wait in a group."""
    resolved = [resolve_for(recipe, group.known) for recipe in recipes]
    trials = [Progress(Asked(number, {}, recipe)) for number, recipe in enumerate(resolved)]
    group.waiting = deque(trials)
    return trials
