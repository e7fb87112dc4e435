"""Tiles at work: a group's trials move in, train epoch by epoch, and move out.

What hands out trials and hears of epochs is a desk, so that tiles neither know nor care whether
they work in this process or in another.
"""

from __future__ import annotations

import copy
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..data.batches import MemoryBatches, Part
from ..engine import Batch, Kind, Problem, make_population
from ..engine.executor import TRACING, Graphs
from ..engine.tile import Row, Tile, copies, row_of
from ..loop import budget_of, coefficients
from ..nets import as_trained, layout_of
from ..optim import rule_for
from ..pipeline.material import Known, Material, augmentation_for, loss_of
from ..pipeline.training import METRICS
from ..pipeline.transferring import start_of
from ..recipe import Recipe
from .grouping import Shape
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


@dataclass
class Group:
    """Trials of one shape: what they share, and those that wait for a slot."""

    shape: Shape
    known: Known
    material: Material
    recipe: Recipe
    rows: int
    reason: str
    mode: str = "auto"
    waiting: deque[Progress] = field(default_factory=deque)
    kind: Kind | None = None
    kind_reason: str = ""
    num_trials: int = 0
    graphs: dict[int, tuple[Graphs, Graphs]] = field(default_factory=dict)
    spare: dict[int, list[Tile]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def problem(self, rows: int) -> Problem:
        """Return the step's problem for a tile of so many rows."""
        # A copy, since a call swaps the weights of the module that it calls.
        net = copy.deepcopy(self.shape.net)
        rule = rule_for(self.recipe, net)
        return Problem(
            net,
            layout_of(net),
            loss_of(self.material),
            rule,
            rows,
            self.material.prepare,
            own_batches=rows > 1,
            augment=augmentation_for(self.recipe, self.material),
        )

    def graphs_for(self, rows: int) -> tuple[Graphs, Graphs]:
        """Return the graphs that tiles of so many rows share."""
        with self.lock:
            return self.graphs.setdefault(rows, (Graphs(), Graphs()))

    def rows_for(self, num: int) -> int:
        """Return the size of a tile for ``num`` trials; one that is traced already, if not far."""
        wanted = min(self.rows, num)
        with self.lock:
            return min((n for n in self.graphs if wanted <= n <= 4 * wanted), default=wanted)

    def take_tile(self, rows: int) -> Tile:
        """Return a tile that is free, or a new one."""
        with self.lock:
            spare = self.spare.setdefault(rows, [])
            if spare:
                return spare.pop()
        with TRACING:
            return _make_tile(self, rows)

    def give_back(self, rows: int, tile: Tile) -> None:
        """Let others have the tile."""
        with self.lock:
            self.spare[rows].append(tile)

    @property
    def preparing_s(self) -> float:
        """Seconds that tracing took."""
        return sum(graphs.seconds for pair in self.graphs.values() for graphs in pair)

    def steps_waiting(self) -> int:
        """Return the steps that waiting trials have before them, at most."""
        per_epoch = self.batches(self.recipe).steps_per_epoch
        with self.lock:
            waiting = list(self.waiting)
        return per_epoch * sum((p.asked.recipe.epochs or 1) - p.epoch for p in waiting)

    def batches(self, recipe: Recipe) -> MemoryBatches:
        """Return the batches that a trial sees."""
        held = self.material.batches
        assert isinstance(held, MemoryBatches)
        return MemoryBatches(held.data, held.rows, recipe.batch_size or 1, recipe.seed)


def first_row(group: Group, recipe: Recipe) -> Row:
    """Return a trial's network at its start, as a row.

    One thread at a time: weights are drawn from torch's one generator.
    """
    with TRACING:
        net = as_trained(start_of(recipe, group.known, None), recipe.transfer)
    return row_of(make_population([net], rule_for(recipe, net)), 0)


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
    return tile


def _move_out(tile: Tile, slots: list[Progress | None], desk: Desk) -> None:
    """Free the slots of trials that are over; what is paused takes its row along."""
    for k, progress in enumerate(slots):
        if progress is not None and progress.condition != "running":
            if progress.condition == "paused":
                progress.row = row_of(tile.population, k)
                desk.on_pause(progress)
            slots[k] = None


def _make_tile(group: Group, rows: int) -> Tile:
    """Make a tile, and let it see each form of batch and block once, so that all is traced."""
    problem, recipe = group.problem(rows), group.recipe
    one = make_population([group.shape.net], problem.rule)
    batches = group.batches(recipe)
    table = coefficients(recipe, np.arange(1), budget_of(recipe, batches))[0]
    tile = Tile(
        problem,
        copies(one, rows),
        batches.data,
        coefficients=table.expand(-1, rows).contiguous(),
        batch=_stacked([next(batches.epoch(0))[0]] * rows, rows),
        mode=group.mode,
        num_steps=group.steps_waiting() // rows,
        graphs=group.graphs_for(rows),
    )
    group.kind, group.kind_reason = tile.executor.kind, tile.executor.reason
    indices = [index for (index,) in batches.epoch(0)]
    both = [_stacked([indices[place]] * rows, rows) for place in (0, -1)]
    tile.run(table.expand(2, -1, rows).contiguous(), both, lambda: None)
    part = _validation(group)
    blocks = part.rows.split(part.block_size)
    for block in (blocks[0], blocks[-1]):
        tile.outputs(block)
    return tile


MEASURED_STEPS, MEASURED_TIMES = 4, 3


def decide_by_measuring(group: Group, candidates: Sequence[int]) -> None:
    """Time a few steps with each number of rows, and take what costs a row least."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    cost = {rows: _cost_of_a_row(group, rows) for rows in candidates}
    torch.set_num_threads(before)
    group.rows = min(cost, key=lambda rows: cost[rows])
    told = ", ".join(f"{1e6 * cost[rows]:,.0f} us with {rows}" for rows in candidates)
    group.reason += f"; measured a step and row: {told}"


def _cost_of_a_row(group: Group, rows: int) -> float:
    tile, recipe = group.take_tile(rows), group.recipe
    batches = group.batches(recipe)
    table = coefficients(recipe, np.arange(MEASURED_STEPS), budget_of(recipe, batches))
    few = [_stacked([next(batches.epoch(0))[0]] * rows, rows)] * MEASURED_STEPS
    best = float("inf")
    for _ in range(MEASURED_TIMES):
        began = time.perf_counter()
        tile.run(table.expand(-1, -1, rows).contiguous(), few, lambda: None)
        best = min(best, time.perf_counter() - began)
    group.give_back(rows, tile)
    return best / MEASURED_STEPS / rows


def _validation(group: Group) -> Part:
    part = group.material.validation
    assert isinstance(part, Part)
    return part


def _stacked(indices: Sequence[Tensor], rows: int) -> Batch:
    return (torch.stack(list(indices)),) if rows > 1 else (indices[0],)


def _run_epoch(
    group: Group, tile: Tile, slots: list[Progress | None], until: int, desk: Desk
) -> None:
    began = time.perf_counter()
    orders, tables = _orders(group, slots), _tables(group, slots)
    batches = [_stacked([order[s] for order in orders], len(slots)) for s in range(len(orders[0]))]
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
    part, blocks = _validation(group), []
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
