"""One process for each core, a bare loop in each: what a careful user writes without a library."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier

import torch

from bench.contenders.search_bare import train_one
from bench.search_contenders import WORKERS, Found, Search
from bench.search_problems import Config, SearchProblem

_problem: list[SearchProblem] = []


def start(problem: SearchProblem, barrier: Barrier) -> None:
    """Begin a worker: keep the problem, warm up, and wait for the others."""
    torch.set_num_threads(1)
    _problem[:] = [problem]
    train_one(problem.shortened(), problem.configs[0], fused=True)
    barrier.wait()


def work(config: Config, *, channels_last: bool) -> float:
    """Train one trial in a worker."""
    return train_one(_problem[0], config, fused=True, channels_last=channels_last)


@contextmanager
def ready(problem: SearchProblem, *, channels_last: bool = False) -> Iterator[Search]:
    """Start the pool; a network without convolutions has no use for channels-last."""
    torch.set_num_threads(1)
    train = partial(work, channels_last=channels_last and not problem.widths)
    context = get_context("fork")
    barrier = context.Barrier(WORKERS + 1)
    with context.Pool(WORKERS, start, (problem, barrier)) as pool:
        barrier.wait()
        yield lambda: Found(pool.map(train, problem.configs, chunksize=1))
