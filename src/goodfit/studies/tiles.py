"""Tiles at work: a group's trials move in, train epoch by epoch, and move out.

What hands out trials and hears of epochs is a desk, so that tiles neither know nor care whether
they work in this process or in another.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..engine import make_population
from ..engine.executor import TRACING
from ..engine.tile import Row, Tile, row_of
from ..loop import budget_of, coefficients
from ..nets import as_trained
from ..optim import rule_for
from ..pipeline.training import METRICS
from ..pipeline.transferring import start_of
from ..recipe import Recipe
from .group import Group, stacked, validation_of
from .wave import Progress


class Desk(Protocol):
    """Hands out trials, and hears how they go."""

    def next(self, group: Group) -> Progress | None:
        """Return a trial of a group that waits, if there is one."""
        ...

    def check(self) -> None:
        """Raise to stop: called between steps."""
        ...

    def on_epoch(self, progress: Progress) -> None:
        """A trial has finished an epoch."""
        ...

    def on_pause(self, progress: Progress) -> None:
        """A trial pauses; its row is in it."""
        ...

    def keep(self, slots: Sequence[Progress | None], tile: Tile) -> None:
        """Keep the rows of trials that go on, where that is due."""
        ...


def first_row(group: Group, recipe: Recipe) -> Row:
    """Return a trial's network at its start, as a row that nobody may write to.

    The last one is held: trials of one seed start alike, and making a network takes as long as ten
    steps of a small one. One thread at a time: weights are drawn from torch's one generator.
    """
    key = (recipe.seed, recipe.net, recipe.transfer)
    with TRACING:
        if group.start is None or group.start[0] != key:
            net = as_trained(start_of(recipe, group.known, None), recipe.transfer)
            group.start = key, row_of(make_population([net], rule_for(recipe, net)), 0)
        return group.start[1]


def run_tile(group: Group, rows: int, until: int, desk: Desk) -> None:
    """Fill a tile from the group's queue, epoch after epoch, until nothing is left."""
    slots: list[Progress | None] = [None] * rows
    tile: Tile | None = None
    while True:
        for k in range(rows):
            if slots[k] is None and (new := desk.next(group)) is not None:
                tile = _move_in(group, tile, slots, k, new)
        if tile is None:
            return
        if not any(slots):
            group.give_back(rows, tile)
            return
        _run_epoch(group, tile, slots, until, desk)
        _move_out(tile, slots, desk)


def _move_in(
    group: Group, tile: Tile | None, slots: list[Progress | None], k: int, new: Progress
) -> Tile:
    recipe = new.asked.recipe
    new.row = new.row or first_row(group, recipe)
    tile = tile or group.take_tile(len(slots))
    step = new.epoch * group.batches(recipe).steps_per_epoch
    tile.put(k, new.row, seed=recipe.seed, step=step)
    new.row, slots[k] = None, new
    new.began = new.began or time.time()
    return tile


def _move_out(tile: Tile, slots: list[Progress | None], desk: Desk) -> None:
    """Free the slots of trials that are over; what is paused takes its row along."""
    for k, progress in enumerate(slots):
        if progress is not None and progress.condition != "running":
            if progress.condition == "paused":
                progress.row = row_of(tile.population, k)
                desk.on_pause(progress)
            slots[k] = None


def _run_epoch(
    group: Group, tile: Tile, slots: list[Progress | None], until: int, desk: Desk
) -> None:
    began = time.perf_counter()
    orders, tables = _orders(group, slots), _tables(group, slots)
    batches = [stacked([order[s] for order in orders], len(slots)) for s in range(len(orders[0]))]
    probes = tile.run(tables, batches, desk.check)[:, 0]
    looked = _look(group, tile, slots, desk)
    alive = [p for p in slots if p is not None]
    each = (time.perf_counter() - began) / len(alive)
    for k, progress in enumerate(slots):
        if progress is not None:
            progress.seconds += each
            progress.add_epoch(probes[:, k].tolist(), *looked[k], until=until)
            desk.on_epoch(progress)
    desk.keep(slots, tile)


def _orders(group: Group, slots: Sequence[Progress | None]) -> list[list[Tensor]]:
    """Return each slot's batches of its epoch; an empty slot gets those of another."""
    made: dict[tuple[int, int], list[Tensor]] = {}
    some = next(p for p in slots if p is not None)
    for progress in slots:
        recipe, epoch = (progress or some).asked.recipe, (progress or some).epoch
        if (recipe.seed, epoch) not in made:
            batches = group.batches(recipe).epoch(epoch)
            made[recipe.seed, epoch] = [index for (index,) in batches]
    return [made[(p or some).asked.recipe.seed, (p or some).epoch] for p in slots]


def _tables(group: Group, slots: Sequence[Progress | None]) -> Tensor:
    """Return the coefficients of the epoch ``[S, C, K]``; an empty slot has those of another."""
    tables: list[Tensor | None] = [p and _table(group, p) for p in slots]
    some = next(table for table in tables if table is not None)
    return torch.cat([some if table is None else table for table in tables], dim=2)


def _table(group: Group, progress: Progress) -> Tensor:
    recipe = progress.asked.recipe
    budget = budget_of(recipe, group.batches(recipe))
    first = progress.epoch * budget.steps_per_epoch
    steps = np.arange(first, first + budget.steps_per_epoch)
    return coefficients(recipe, steps, budget, progress.validation_loss)


def _look(
    group: Group, tile: Tile, slots: Sequence[Progress | None], desk: Desk
) -> list[tuple[float, float]]:
    """Return loss and metric on validation for each slot; NaN for an empty one."""
    part, blocks = validation_of(group), []
    for block in tile.outputs.blocks(part.rows, part.block_size):
        blocks.append(block)
        desk.check()
    target = part.data[1].index_select(0, part.rows)
    outputs = torch.cat(blocks, dim=1)
    metric = METRICS[group.material.card.task][1]
    with torch.inference_mode():
        return [
            (float(tile.problem.loss_fn(output, target)), metric(output, target))
            if progress is not None
            else (float("nan"), float("nan"))
            for output, progress in zip(outputs, slots, strict=True)
        ]
