"""Looks into our own loop: a pass beside the step, which changes nothing in the run.

A look takes two steps on copies of the population with plain autograd and hooks, so that it sees
layer outputs and the turn of the gradient. Its draws are counted like the step's own: the same
batch, the same dropout, the same update. When a look is due depends on the recipe alone, so that
a run that goes on after a kill has looked at the same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from .engine import Batch as Given
from .engine import Noise, Population, Problem, by_row, fed, held_or_not, take
from .nets import noise_from
from .probes import Batch, Movement, Observer, outputs_of, row_of, sampling_of
from .probes.columns import LookColumns
from .probes.movement import Row

# Looks come early at first: most of what is wrong shows there.
EARLY = (0, 8, 16, 32, 64, 128, 256)
SHARE = 0.02
# One look costs about 2.5 ms of Python and two steps of arithmetic; a replayed step 0.15 ms and
# its arithmetic, at about 30 GFLOP/s a thread (two cores, torch 2.13, MLP 64-64-64-10 and larger).
LOOK_S, STEP_S, FLOPS = 2.5e-3, 0.15e-3, 30e9


def look_every(num_parameters: int, batch_size: int) -> int:
    """Return the number of steps between looks by which they take about 2 % of the time.

    Example:
        >>> look_every(9_000, 32), look_every(10_000_000, 128)
        (630, 101)
    """
    arithmetic = 6.0 * num_parameters * batch_size / FLOPS
    ratio = (LOOK_S + 2.0 * arithmetic) / (STEP_S + arithmetic)
    return 1 + int(ratio / SHARE)


class OwnLooks:
    """Looks at the course of a problem; ``kind`` is the field's name of its loss.

    ``still`` names the parameters that do not move at a step (from 0), as they are frozen: norms
    leave them out, as those of a watched loop leave out what takes no gradient.

    ``units`` is what is carried from look to look: by layer, for how many rows on end each unit
    has been the same, and behind that of how many rows ``[units + 1]``.
    """

    def __init__(
        self,
        problem: Problem,
        data: Given,
        noise: Noise,
        *,
        kind: str,
        batch_size: int,
        still: Callable[[int], Collection[str]] = lambda step: (),
    ) -> None:
        self.problem, self.data, self.noise, self.kind = problem, data, noise, kind
        self.observer, self.still = Observer(problem.net), still
        self.every = look_every(problem.layout.num_parameters, batch_size)

    def due(self, first: int, num: int) -> bool:
        """Say whether a look is due at one of ``num`` steps from ``first`` on."""
        if any(first <= step < first + num for step in EARLY):
            return True
        return first > EARLY[-1] and first % self.every < num

    def look(
        self, first: int, population: Population, table: Tensor, batches: Sequence[Given]
    ) -> dict[str, Any]:
        """Look at the first two of some steps; returns their columns.

        ``table`` holds the update rule's numbers ``[S, C, 1]``, ``batches`` a batch for each step.
        """
        self.observer.columns = LookColumns()
        state, previous = population, None
        with torch.random.fork_rng(devices=[]):
            for number, (numbers, batch) in enumerate(zip(table, batches[:2], strict=False)):
                state, previous = self._one(first + number, state, numbers, batch, previous)
        return self.observer.looks().to_json()

    def _one(
        self,
        step: int,
        held: Population,
        numbers: Tensor,
        batch: Given,
        previous: Row | None,
    ) -> tuple[Population, Row]:
        """Take one step on a copy, and look at it; returns the moved copy and the gradient."""
        problem, layout = self.problem, self.problem.layout
        noise = self.noise.draw(step, batch)
        x, y = (take(part, batch[0]) for part in self.data) if self.data else batch
        leaf = held.w[0].detach().clone().requires_grad_()
        present = held_or_not(problem.rule, held.buffers, numbers)
        buffers = {name: buffer[0].clone() for name, buffer in present.items()}
        seen = self.observer.begin(start=step == 0)
        x, y, noise = fed(problem, x, y, noise)
        with torch.enable_grad(), outputs_of(self.observer.places, seen), noise_from(noise):
            values = {**layout.unpack(leaf), **buffers}
            outputs = functional_call(problem.net, values, (x,))
            loss = problem.loss_fn(outputs, y)
            g = torch.autograd.grad(loss, leaf)[0] if loss.requires_grad else leaf.detach() * 0
        with torch.no_grad():
            w, slots = problem.rule.update(
                held.w, g.unsqueeze(0), held.slots, *by_row(numbers.to(held.w.dtype))
            )
            still = self.still(step)
            names = [name for name in layout.names if name not in still]
            rows = [layout.unpack(row) for row in (w[0], g, leaf.detach())]
            parts = [[row[name] for name in names] for row in rows]
        sampling = sampling_of(parts[0])
        after, gradient, before = (row_of(part, sampling) for part in parts)
        moved = Movement(after, gradient, before, sampling, previous)
        self.observer.look(step + 1, seen, names, moved, Batch(self.kind, outputs, y))
        stacked = {name: buffer.unsqueeze(0) for name, buffer in buffers.items()}
        return Population(w, slots, stacked), gradient

    @property
    def units(self) -> dict[str, Tensor]:
        """What is carried from look to look."""
        return self.observer.carried

    @units.setter
    def units(self, held: dict[str, Tensor]) -> None:
        self.observer.carried = held
