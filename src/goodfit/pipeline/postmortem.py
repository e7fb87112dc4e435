"""After a loss that was not finite: the step that made it, played again.

Everything that a step depends on is counted (batch order, noise, rates), so the weights before
any step can be computed again from the start of the run. The replay takes as long as the run
took to its first number that was not finite.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from ..engine import STEPS_PER_CALL, Batch, fed, make_population, take
from ..loop import Course, Job, coefficients, row_values
from ..nets import as_trained, noise_from, write_row
from ..probes.autopsy import autopsy
from ..records import Autopsy

SEVERAL = 4


def autopsy_of(job: Job, course: Course, net: nn.Module) -> Autopsy | None:
    """Return how the first number that was not finite came about; None where it cannot be found.

    ``course`` ended in its last epoch because of it; its population is used for the replay, and
    put back.
    """
    finite = torch.isfinite(course.probes).all(dim=1)
    first = (course.epoch - 1) * job.batches.steps_per_epoch
    bad = first + int((~finite).nonzero()[0, 0]) if not finite.all() else course.step - 1
    saved = course.population.clone()
    try:
        fresh = as_trained(net, job.recipe.transfer)
        course.population.copy_(make_population([fresh], job.problem.rule))
        return _examine(job, course, bad)
    finally:
        course.population.copy_(saved)


def _examine(job: Job, course: Course, bad: int) -> Autopsy | None:
    """Go to the step before the one at which it was seen, and look at that and a few more.

    A norm overflows before its numbers do: what made it is then a step or two later.
    """
    goal = max(bad - 1, 0)
    losses = course.losses
    replay(job, goal, losses=losses)
    for step in range(goal, min(bad + SEVERAL, course.step)):
        found = _look_at(job, course, step)
        if found is not None:
            return found
        replay(job, step + 1, begin=step, losses=losses)
    return None


def replay(job: Job, goal: int, *, begin: int = 0, losses: Sequence[float] = ()) -> None:
    """Run the steps from ``begin`` up to ``goal``, on the population of the job's executor."""
    step = begin
    while step < goal:
        few = _batches(job, step, min(STEPS_PER_CALL, goal - step))
        numbers = np.arange(step, step + len(few))
        table = coefficients(job.recipe, numbers, job.budget, losses)
        job.executor.run(step, table, few)
        step += len(few)


def _batches(job: Job, step: int, num: int) -> list[Batch]:
    """Return at most ``num`` batches from ``step`` on, of one epoch."""
    epoch, place = divmod(step, job.batches.steps_per_epoch)
    return list(islice(job.batches.epoch(epoch), place, place + num))


def _look_at(job: Job, course: Course, step: int) -> Autopsy | None:
    problem, data = job.problem, job.batches.data
    net = copy.deepcopy(problem.net)
    values = row_values(problem, course.population.named())
    write_row(net, problem.layout, course.population.w[0], values)
    batch = _batches(job, step, 1)[0]
    x, y = (take(part, batch[0]) for part in data) if data else batch
    noise = job.looks.noise.draw(step, batch) if job.looks else []
    x, y, noise = fed(problem, x, y, noise)
    found = autopsy(Noisy(net.train(), noise), problem.loss_fn, (x, y), step=step + 1)
    return None if found is None else replace(found, module=found.module.removeprefix("net."))


class Noisy(nn.Module):
    """A network with the noise of one step: each pass draws the same."""

    def __init__(self, net: nn.Module, noise: Sequence[Tensor]) -> None:
        super().__init__()
        self.net, self.noise = net, tuple(noise)

    def forward(self, x: Tensor) -> Tensor:
        """Run the network as the step did."""
        with noise_from(self.noise):
            return self.net(x)
