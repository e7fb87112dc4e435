"""Groups: trials of one shape, the tiles that train them, and how many rows a tile should hold."""

from __future__ import annotations

import copy
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ..data.batches import MemoryBatches, Part
from ..engine import Batch, Kind, Problem, make_population
from ..engine.executor import TRACING, Graphs
from ..engine.tile import Row, Tile, copies
from ..loop import budget_of, coefficients
from ..nets import layout_of
from ..optim import rule_for
from ..pipeline.material import Known, Material, augmentation_for, loss_of
from ..recipe import Recipe
from .grouping import Shape
from .wave import Progress


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
    graphs: dict[int, tuple[Graphs, Graphs]] = field(default_factory=dict)
    spare: dict[int, list[Tile]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    start: tuple[object, Row] | None = None

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
        batch=stacked([next(batches.epoch(0))[0]] * rows, rows),
        mode=group.mode,
        num_steps=group.steps_waiting() // rows,
        graphs=group.graphs_for(rows),
    )
    group.kind, group.kind_reason = tile.executor.kind, tile.executor.reason
    indices = [index for (index,) in batches.epoch(0)]
    both = [stacked([indices[place]] * rows, rows) for place in (0, -1)]
    tile.run(table.expand(2, -1, rows).contiguous(), both, lambda: None)
    part = validation_of(group)
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
    few = [stacked([next(batches.epoch(0))[0]] * rows, rows)] * MEASURED_STEPS
    best = float("inf")
    for _ in range(MEASURED_TIMES):
        began = time.perf_counter()
        tile.run(table.expand(-1, -1, rows).contiguous(), few, lambda: None)
        best = min(best, time.perf_counter() - began)
    group.give_back(rows, tile)
    return best / MEASURED_STEPS / rows


def validation_of(group: Group) -> Part:
    """Return the rows that judge a trial after each epoch."""
    part = group.material.validation
    assert isinstance(part, Part)
    return part


def stacked(indices: Sequence[Tensor], rows: int) -> Batch:
    """Return each row's indices of one step ``[K, N]``; of one row ``[N]``."""
    return (torch.stack(list(indices)),) if rows > 1 else (indices[0],)
