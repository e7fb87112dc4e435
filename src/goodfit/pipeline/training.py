"""One training, from a network at its start (or a checkpoint) to the end of its course."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from ..engine import Executor, Kind, Noise, Population, Problem, make_executor, make_population
from ..engine.heap import keep_freed_blocks
from ..looks import OwnLooks
from ..loop import (
    Budget,
    Course,
    Job,
    Observer,
    accuracy,
    budget_of,
    coefficients,
    r2,
    rates_at,
    start,
    wake_step,
)
from ..loop import train as run_loop
from ..nets import as_trained, layout_of, still_names
from ..optim import decisions, rule_for
from ..recipe import Recipe
from ..recipe.idle import idle_values
from ..records import Finding
from ..runs import Interruption, Journal, RunFolder, checkpoints
from .material import Material, augmentation_for, loss_of
from .observers import Bar, Keeper, Together, restore, stop_if_asked
from .postmortem import autopsy_of
from .setting import LOSS_KINDS, setting_of
from .word import EarlyWord

METRICS = {"classification": ("accuracy", accuracy), "regression": ("r2", r2)}


@dataclass(frozen=True)
class Trained:
    """What a training gave: the course at its end, who ran the steps, what it cost."""

    course: Course
    problem: Problem
    executor: Kind
    executor_reason: str
    train_s: float
    checkpoint_s: float
    num_resumes: int


def train(
    recipe: Recipe,
    material: Material,
    net: nn.Module,
    folder: RunFolder,
    interruption: Interruption,
    *,
    progress: bool,
    say: Callable[[Finding], None] | None = None,
) -> Trained:
    """Train ``net`` (a copy of it) as the recipe says, from the folder's last checkpoint if any.

    Raises:
        Interrupted: a signal came; everything is saved.
        NetError: the network does not take the data.
        RunError: the folder cannot be written, or every checkpoint is damaged.
    """
    problem, population = _problem(recipe, material, net)
    course = start(population, material.batches.steps_per_epoch)
    with Journal(folder.history) as journal, ExitStack() as stack:
        notes = (*material.notes, *idle_values(recipe), *decisions(recipe, net))
        keeper = Keeper(folder, journal, interruption, notes=notes)
        resumed = _continue(course, keeper)
        executor = _executor(recipe, material, problem, population, keeper.executor)
        stop_if_asked(interruption, folder)
        _name_executor(executor, keeper)
        observer = keeper if say is None else _with_word(keeper, material, say)
        job = _job(recipe, material, problem, population, executor, observer)
        if progress:
            job = _with_bar(job, stack)
        keeper.begin()
        if not resumed:
            journal.append({"kind": "setting", **setting_of(recipe, material, net).to_json()})
            keeper.save(course)
        run_loop(job, course)
        if course.stopped == "not-finite":
            _write_autopsy(job, course, net, keeper)
        keeper.end(course)
        return Trained(
            course,
            problem,
            executor.kind,
            executor.reason,
            keeper.train_s,
            keeper.spent_s,
            keeper.num_resumes,
        )


def _problem(recipe: Recipe, material: Material, net: nn.Module) -> tuple[Problem, Population]:
    trained = as_trained(net, recipe.transfer)
    rule = rule_for(recipe, trained)
    problem = Problem(
        trained,
        layout_of(trained),
        loss_of(material),
        rule,
        1,
        material.prepare,
        augment=augmentation_for(recipe, material),
    )
    return problem, make_population([trained], rule)


def _continue(course: Course, keeper: Keeper) -> bool:
    """Take up the last whole checkpoint, if there is one."""
    found = checkpoints.load_latest(keeper.folder.checkpoints)
    if found is None:
        keeper.journal.truncate_to(0)
        return False
    checkpoints.remove_after(keeper.folder.checkpoints, found.step)
    restore(course, found.tensors, found.state)
    keeper.take_up(found)
    return True


def _executor(
    recipe: Recipe,
    material: Material,
    problem: Problem,
    population: Population,
    before: Kind | None,
) -> Executor:
    """Choose who runs the steps; a run that goes on keeps the kind that it began with."""
    batches, budget = material.batches, budget_of(recipe, material.batches)
    data = batches.data
    return make_executor(
        problem,
        population,
        data,
        Noise(problem, population, data, [recipe.seed]),
        coefficients=coefficients(recipe, np.arange(1), budget)[0],
        batch=next(iter(batches.epoch(0))),
        mode=before or recipe.engine.mode,
        num_steps=budget.num_steps,
    )


def _name_executor(executor: Executor, keeper: Keeper) -> None:
    """Put on record who runs the steps; a run that goes on keeps the reason that it began with."""
    if executor.kind == keeper.executor:
        executor.reason = keeper.executor_reason
    keeper.executor, keeper.executor_reason = executor.kind, executor.reason


def _job(
    recipe: Recipe,
    material: Material,
    problem: Problem,
    population: Population,
    executor: Executor,
    observer: Observer,
) -> Job:
    data, size = material.batches.data, recipe.batch_size or 1
    looks = OwnLooks(
        problem,
        data,
        Noise(problem, population, data, [recipe.seed]),
        kind=LOSS_KINDS[material.card.task],
        batch_size=size,
        still=_still_at(recipe, problem.net, budget_of(recipe, material.batches)),
    )
    return Job(
        recipe,
        problem,
        executor,
        material.batches,
        material.validation,
        METRICS[material.card.task][1],
        observer,
        clean=material.clean,
        looks=looks,
    )


def _still_at(recipe: Recipe, net: nn.Module, budget: Budget) -> Callable[[int], Collection[str]]:
    """Return what names the parameters that a recipe keeps as they are at a step (from 0)."""
    asleep, awake = (still_names(net, recipe.transfer, awake=awake) for awake in (False, True))
    wake = wake_step(recipe, budget)
    return lambda step: asleep if wake is None or step < wake else awake


def _with_word(keeper: Keeper, material: Material, say: Callable[[Finding], None]) -> Observer:
    name = METRICS[material.card.task][0]
    return Together(keeper, EarlyWord(keeper.folder, name, say))


def _write_autopsy(job: Job, course: Course, net: nn.Module, keeper: Keeper) -> None:
    """Put on record which operation made the first number that was not finite."""
    found = autopsy_of(job, course, net)
    if found is not None:
        keeper.journal.append({"kind": "autopsy", **found.to_json()})


def _with_bar(job: Job, stack: ExitStack) -> Job:
    budget, recipe = job.budget, job.recipe
    name = METRICS[recipe.task][0]
    bar = stack.enter_context(
        Bar(
            num_steps=budget.num_steps,
            metric=name,
            rate=lambda course: _rate(recipe, budget, course),
        )
    )
    return replace(job, observer=Together(bar, job.observer))


def _rate(recipe: Recipe, budget: Budget, course: Course) -> float:
    last = np.array([max(course.step - 1, 0)])
    return float(rates_at(recipe, last, budget, course.losses)[0])


def use_machine(recipe: Recipe) -> None:
    """Set the threads that the recipe asks for (other numbers, other bits); keep freed memory."""
    torch.set_num_threads(recipe.engine.threads or 1)
    keep_freed_blocks()
