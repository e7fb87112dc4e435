"""The training loop, to be read from top to bottom.

    while the run is not over:
        for a few steps at a time:
            look, where a look is due                 (probes)
            the executor moves the weights            (engine)
            observer.after_steps(course)              progress, Ctrl-C, checkpoint when due
        look at the validation part; keep the best weights; decide whether to stop
        observer.after_epoch(course, row)             history, checkpoint when due

A :class:`Course` holds all that changes; whoever saves it and puts it back continues the same
run to the same bits. Observers see it and may not change it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from .data.batches import Batches
from .engine import PROBES, STEPS_PER_CALL, Batch, Executor, Population, Problem
from .looks import OwnLooks
from .optim import base_rate, coefficients_of, learning_rates
from .recipe import Recipe

Blocks = Iterable[tuple[Tensor, Tensor]]
Row = dict[str, Any]
CLEAN_EPOCHS, CLEAN_EVERY = 8, 4


@dataclass
class Course:
    """Where a run stands: counters, early stopping, this epoch's probes, weights, best weights.

    ``step`` and ``epoch`` count what is finished, ``losses`` holds the validation loss of each
    epoch. ``probes`` is ``[steps_per_epoch, 2]``, ``units`` what looks carry on (see
    :class:`goodfit.looks.OwnLooks`).
    """

    population: Population
    probes: Tensor
    best: dict[str, Tensor]
    step: int = 0
    epoch: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    best_metric: float = -math.inf
    stopped: str = ""
    losses: list[float] = field(default_factory=list)
    units: dict[str, Tensor] = field(default_factory=dict)


class Observer(Protocol):
    """What watches a run from outside."""

    def after_steps(self, course: Course) -> None:
        """Look after every few steps; may raise ``Interrupted``."""
        ...

    def after_look(self, course: Course, row: Row) -> None:
        """Take what a look gave for the history."""
        ...

    def while_evaluating(self, course: Course) -> None:
        """Look between blocks of the validation part."""
        ...

    def after_epoch(self, course: Course, rows: list[Row]) -> None:
        """Take the epoch's rows for the history."""
        ...


@dataclass(frozen=True)
class Budget:
    """How long a run is, in steps."""

    steps_per_epoch: int
    num_steps: int


@dataclass(frozen=True)
class Job:
    """What a loop needs beside the course: the recipe, who steps, what feeds, what validates.

    ``clean`` are training rows that are evaluated like the validation part, so that the gap
    between the two can be told; ``looks`` takes looks, where they are wanted.
    """

    recipe: Recipe
    problem: Problem
    executor: Executor
    batches: Batches
    validation: Blocks
    metric: Callable[[Tensor, Tensor], float]
    observer: Observer
    clean: Blocks = ()
    looks: OwnLooks | None = None

    @property
    def budget(self) -> Budget:
        """The run's length."""
        return budget_of(self.recipe, self.batches)


def budget_of(recipe: Recipe, batches: Batches) -> Budget:
    """Return the length of a run: epochs times steps per epoch."""
    per_epoch = batches.steps_per_epoch
    return Budget(per_epoch, (recipe.epochs or 1) * per_epoch)


def start(population: Population, steps_per_epoch: int) -> Course:
    """Return the course of a run that has not begun."""
    best = {name: tensor.clone() for name, tensor in weights(population).items()}
    return Course(population, torch.zeros(steps_per_epoch, len(PROBES)), best)


def weights(population: Population) -> dict[str, Tensor]:
    """Return what a model is made of: the row and the buffers, without optimiser state."""
    return {name: t for name, t in population.named().items() if not name.startswith("slot.")}


def train(job: Job, course: Course) -> None:
    """Run the course to its end: budget, early stopping, or a loss that is not finite."""
    while not course.stopped:
        if course.step < (course.epoch + 1) * job.batches.steps_per_epoch:
            run_epoch(job, course)
        finish_epoch(job, course)


def run_epoch(job: Job, course: Course) -> None:
    """Run the steps of an epoch that are still to do, a few at a time."""
    per_epoch = job.batches.steps_per_epoch
    first = course.epoch * per_epoch
    steps = np.arange(first, first + per_epoch)
    table = coefficients(job.recipe, steps, job.budget, course.losses)
    batches = islice(job.batches.epoch(course.epoch), course.step - first, None)
    while few := list(islice(batches, STEPS_PER_CALL)):
        done = course.step - first
        span = slice(done, done + len(few))
        look_if_due(job, course, table[span], few)
        course.probes[span] = job.executor.run(course.step, table[span], few)[:, :, 0]
        course.step += len(few)
        job.observer.after_steps(course)


def look_if_due(job: Job, course: Course, table: Tensor, few: list[Batch]) -> None:
    """Look at the first of the coming steps, where a look is due; nothing moves by that."""
    looks = job.looks
    if looks is None or not looks.due(course.step, len(few)):
        return
    looks.units = course.units
    row = looks.look(course.step, course.population, table, few)
    course.units = looks.units
    job.observer.after_look(course, {"kind": "look", **row})


def coefficients(
    recipe: Recipe, steps: np.ndarray, budget: Budget, losses: Sequence[float] = ()
) -> Tensor:
    """Return the update rule's numbers for ``steps``: ``[S, C, 1]``; see :func:`rates_at`."""
    rates = rates_at(recipe, steps, budget, losses)
    own = (recipe.optimizer, recipe.penalty, recipe.clip)
    table = coefficients_of(*own, rates, steps, wake=wake_step(recipe, budget))
    return torch.from_numpy(table).unsqueeze(2)


def wake_step(recipe: Recipe, budget: Budget) -> int | None:
    """Return the step from which frozen layers train; None where none is or they never do."""
    epoch = recipe.transfer and recipe.transfer.unfreeze_epoch
    return None if epoch is None else epoch * budget.steps_per_epoch


def rates_at(
    recipe: Recipe, steps: np.ndarray, budget: Budget, losses: Sequence[float] = ()
) -> np.ndarray:
    """Return the learning rate at each of ``steps``, after epochs of such validation losses."""
    return learning_rates(
        recipe.schedule,
        lr=base_rate(recipe.optimizer, recipe.batch_size or 1),
        steps=steps.astype(np.float64),
        num_steps=budget.num_steps,
        steps_per_epoch=budget.steps_per_epoch,
        losses=losses,
    )


def finish_epoch(job: Job, course: Course) -> None:
    """Validate, keep the best weights, write the history, and decide whether to go on."""
    loss, metric = evaluate(job, course, job.validation)
    clean_loss, clean_metric = evaluate_clean(job, course)
    train_loss = float(course.probes[:, 0].double().mean())
    course.epoch += 1
    course.losses.append(loss)
    best = (course.best_loss, course.best_metric)
    if course.epoch == 1 or job.recipe.early_stopping.better((loss, metric), than=best):
        course.best_loss, course.best_metric, course.best_epoch = loss, metric, course.epoch
        for name, tensor in weights(course.population).items():
            course.best[name].copy_(tensor)
    course.stopped = why_stop(job.recipe, course, train_loss)
    epoch = {"train_loss": train_loss, "validation_loss": loss, "metric": metric}
    epoch |= {"clean_loss": clean_loss, "clean_metric": clean_metric}
    place = {"kind": "epoch", "epoch": course.epoch, "step": course.step}
    rows = [_steps_row(job, course), *_tallies(job, course), {**place, **epoch}]
    job.observer.after_epoch(course, rows)


def why_stop(recipe: Recipe, course: Course, train_loss: float) -> str:
    """Say why the run ends with this epoch; "" if it goes on."""
    stopping = recipe.early_stopping
    if not math.isfinite(train_loss):
        return "not-finite"
    if course.epoch >= (recipe.epochs or 1):
        return "budget"
    waited = course.epoch - course.best_epoch
    return "early-stopping" if stopping.enabled and waited >= stopping.patience else ""


def evaluate_clean(job: Job, course: Course) -> tuple[float, float]:
    """Return loss and metric on clean training rows, at the first epochs and every fourth."""
    epoch = course.epoch + 1
    if not job.clean or (epoch > CLEAN_EPOCHS and epoch % CLEAN_EVERY):
        return math.nan, math.nan
    return evaluate(job, course, job.clean)


def evaluate(job: Job, course: Course, blocks: Blocks) -> tuple[float, float]:
    """Return loss and metric on a part, in evaluation mode."""
    outputs, targets = [], []
    values = row_values(job.problem, weights(course.population))
    job.problem.net.eval()
    with torch.inference_mode():
        for x, y in blocks:
            outputs.append(functional_call(job.problem.net, values, (job.problem.prepare(x),)))
            targets.append(y)
            job.observer.while_evaluating(course)
        output, target = torch.cat(outputs), torch.cat(targets)
        loss = float(job.problem.loss_fn(output, target))
    job.problem.net.train()
    return loss, job.metric(output, target)


def row_values(problem: Problem, held: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a single row's parameters and buffers by the module's names."""
    buffers = {
        name.removeprefix("buffer."): tensor[0]
        for name, tensor in held.items()
        if name.startswith("buffer.")
    }
    return {**problem.layout.unpack(held["w"][0]), **buffers}


def _steps_row(job: Job, course: Course) -> Row:
    steps = np.arange(course.step - job.batches.steps_per_epoch, course.step)
    return {
        "kind": "steps",
        "step": (steps + 1).tolist(),
        "loss": course.probes[:, 0].tolist(),
        "grad_norm": course.probes[:, 1].tolist(),
        "lr": rates_at(job.recipe, steps, job.budget, course.losses).tolist(),
    }


def _tallies(job: Job, course: Course) -> list[Row]:
    """Return how many steps were cut so far, where gradients are clipped."""
    if job.recipe.clip.kind == "none":
        return []
    cut = int(course.population.slots[-1][0, 0])
    return [{"kind": "tallies", "clipped": {"happened": cut, "of": course.step}}]


def accuracy(outputs: Tensor, target: Tensor) -> float:
    """Share of rows whose largest output is their class."""
    return float((outputs.argmax(1) == target).float().mean())


def r2(outputs: Tensor, target: Tensor) -> float:
    """One minus the squared error over that of the mean."""
    spread = (target - target.mean()).square().sum()
    return float(1.0 - (outputs - target).square().sum() / spread)
