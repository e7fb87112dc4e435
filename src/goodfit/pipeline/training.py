"""One training, from a network at its start (or a checkpoint) to the end of its course."""

from __future__ import annotations

import copy
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ..engine import Executor, Kind, Noise, Population, Problem, make_executor, make_population
from ..loop import Budget, Course, Job, accuracy, budget_of, coefficients, r2, rates_at, start
from ..loop import train as run_loop
from ..nets import layout_of, with_counted_dropout
from ..optim import rule_of
from ..recipe import Recipe
from ..runs import Interruption, Journal, RunFolder, checkpoints
from .material import Material, loss_of
from .observers import Bar, Keeper, Together, restore, stop_if_asked

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
        keeper = Keeper(folder, journal, interruption, notes=material.notes)
        resumed = _continue(course, keeper)
        executor = _executor(recipe, material, problem, population, keeper.executor)
        stop_if_asked(interruption, folder)
        _name_executor(executor, keeper)
        job = _job(recipe, material, problem, executor, keeper)
        if progress:
            job = _with_bar(job, stack)
        keeper.begin()
        if not resumed:
            keeper.save(course)
        run_loop(job, course)
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
    trained = with_counted_dropout(copy.deepcopy(net)).train()
    rule = rule_of(recipe.optimizer)
    problem = Problem(trained, layout_of(trained), loss_of(material), rule, 1, material.prepare)
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
    recipe: Recipe, material: Material, problem: Problem, executor: Executor, keeper: Keeper
) -> Job:
    metric = METRICS[material.card.task][1]
    return Job(recipe, problem, executor, material.batches, material.validation, metric, keeper)


def _with_bar(job: Job, stack: ExitStack) -> Job:
    budget, recipe = job.budget, job.recipe
    name = METRICS[recipe.task][0]
    bar = stack.enter_context(
        Bar(num_steps=budget.num_steps, metric=name, rate=lambda step: _rate(recipe, budget, step))
    )
    return Job(
        recipe,
        job.problem,
        job.executor,
        job.batches,
        job.validation,
        job.metric,
        Together(bar, job.observer),
    )


def _rate(recipe: Recipe, budget: Budget, step: int) -> float:
    return float(rates_at(recipe, np.array([step]), budget)[0])


def use_threads(recipe: Recipe) -> None:
    """Set torch's threads to what the recipe says; other numbers would give other bits."""
    torch.set_num_threads(recipe.engine.threads or 1)
