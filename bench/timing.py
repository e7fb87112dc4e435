"""Time whole trainings, each contender in a process of its own, and reduce them to a step's cost.

A process each, so that no library's imports, patches or garbage weigh on another; only one of
them works at a time, and the rounds go through all of them before any is timed again.
"""

import gc
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import torch

from bench.contenders import load_train
from bench.problems import Problem, load_problem
from bench.report import Spread

BASELINE = "plain"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Job:
    """One training to time: which loop, on what, for how long."""

    contender: str
    problem: str
    folder: Path | None
    epochs: int
    seed: int


@dataclass(frozen=True)
class Timing:
    """What one training cost, processor time over all threads, and its last training loss."""

    cpu_s: float
    wall_s: float
    loss: float


@dataclass(frozen=True)
class Sample:
    """One round of one contender, processor (`cpu`) and wall time.

    A step's cost is marginal, `(T(1 + E) - T(1)) / (E * steps_per_epoch)` in microseconds; what is
    left of `T(1)` after its steps is the fixed cost of a training, in milliseconds.
    """

    cpu_us_per_step: float
    wall_us_per_step: float
    cpu_fixed_ms: float
    wall_fixed_ms: float
    loss: float


def start_worker(num_threads: int) -> ProcessPoolExecutor:
    """A fresh process, its number of threads set before anything else happens in it."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(num_threads)))
    return ProcessPoolExecutor(
        1,
        mp_context=get_context("spawn"),
        initializer=torch.set_num_threads,
        initargs=(num_threads,),
    )


cached_problem = cache(load_problem)


def time_training(job: Job) -> Timing:
    """Train once and time it; runs in the contender's process."""
    train = load_train(job.contender)
    problem = cached_problem(job.problem, job.folder)
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    loss = train(problem, epochs=job.epochs, seed=job.seed)
    return Timing(time.process_time() - cpu, time.perf_counter() - wall, float(loss))


def marginal(short_s: float, long_s: float, problem: Problem) -> tuple[float, float]:
    """Microseconds per step and fixed milliseconds, from seconds for 1 and for 1 + E epochs."""
    step_s = (long_s - short_s) / (problem.epochs * problem.steps_per_epoch)
    return step_s * 1e6, (short_s - step_s * problem.steps_per_epoch) * 1e3


def measure(worker: ProcessPoolExecutor, job: Job, problem: Problem) -> Sample:
    """Time 1 epoch and 1 + E epochs in the contender's process."""
    short, long = (
        worker.submit(time_training, Job(**{**asdict(job), "epochs": epochs})).result()
        for epochs in (1, 1 + problem.epochs)
    )
    cpu_step, cpu_fixed = marginal(short.cpu_s, long.cpu_s, problem)
    wall_step, wall_fixed = marginal(short.wall_s, long.wall_s, problem)
    return Sample(cpu_step, wall_step, cpu_fixed, wall_fixed, long.loss)


def rotated(names: Sequence[str], places: int) -> list[str]:
    """The names in order, another one first in each round.

    >>> rotated(["a", "b", "c"], 4)
    ['b', 'c', 'a']
    """
    start = places % len(names)
    return [*names[start:], *names[:start]]


def rounds(names: Sequence[str], repeats: int) -> Iterator[tuple[int, str]]:
    """Each name once in every round."""
    for number in range(repeats):
        for name in rotated(names, number):
            yield number, name


def summarise(samples: Sequence[Sample], baseline: Sequence[Sample]) -> dict:
    """Medians and spreads of the rounds; ratios are taken within a round, against `baseline`."""
    columns = {name: [getattr(s, name) for s in samples] for name in Sample.__dataclass_fields__}
    if baseline:
        pairs = list(zip(samples, baseline, strict=True))
        for kind in ("cpu", "wall"):
            field = f"{kind}_us_per_step"
            columns[f"{kind}_ratio"] = [getattr(a, field) / getattr(b, field) for a, b in pairs]
    return {name: asdict(Spread.of(values)) for name, values in columns.items()}
