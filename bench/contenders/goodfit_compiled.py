"""goodfit's loop with the compiled step; the executor is kept, so compiling is not timed here.

The first call compiles (the harness's untimed training); `compile_s` says how long that took.
"""

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from bench.contenders.goodfit import recipe_of, rows_of
from bench.problems import Problem
from goodfit.engine import make_population
from goodfit.loop import Course, Job, start
from goodfit.loop import train as run_loop
from goodfit.optim import rule_of
from goodfit.pipeline import begin, material, resolve, training

compile_s: dict[str, float] = {}
_kept: dict[str, tuple[Job, Course]] = {}


@dataclass
class Silent:
    """An observer that only keeps the last epoch's training loss."""

    loss: float = float("nan")

    def after_steps(self, course: Course) -> None:
        """Nothing."""

    def after_look(self, course: Course, row: dict) -> None:
        """Nothing."""

    def while_evaluating(self, course: Course) -> None:
        """Nothing."""

    def after_epoch(self, course: Course, rows: list) -> None:
        """Keep the loss."""
        self.loss = rows[-1]["train_loss"]


def build(problem: Problem) -> tuple[Job, Course]:
    """Build what `gf.train` builds, once, with the compiled executor."""
    recipe = recipe_of(problem, epochs=1, seed=0, mode="compiled")
    known = material.know(recipe, rows_of(problem))
    recipe = resolve.resolve(recipe, known.card, num_train=known.sizes.train)
    net = begin.net_of(recipe, known, None)
    data = material.material_of(known, recipe, Path(tempfile.gettempdir()))
    task, population = training._problem(recipe, data, net)
    began = time.perf_counter()
    executor = training._executor(recipe, data, task, population, None)
    compile_s[problem.name] = time.perf_counter() - began
    if executor.kind != "compiled":
        raise ImportError(executor.reason)
    job = training._job(recipe, data, task, population, executor, Silent())
    return job, start(population, data.batches.steps_per_epoch)


def train(problem: Problem, *, epochs: int, seed: int) -> float:
    """Start the kept population anew and train it for `epochs`."""
    if problem.name not in _kept:
        _kept[problem.name] = build(problem)
    job, course = _kept[problem.name]
    observer = Silent()
    recipe = job.recipe.model_copy(update={"epochs": epochs})
    torch.manual_seed(seed)
    fresh = make_population([problem.make_net()], rule_of(recipe.optimizer))
    course.population.copy_(fresh)
    again = start(course.population, job.budget.steps_per_epoch)
    run_loop(replace(job, recipe=recipe, observer=observer), again)
    return observer.loss
