"""Optuna's `optimize` in memory, the common values enqueued, around somebody's loop."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

import optuna
import torch

from bench.search_contenders import Found, Search
from bench.search_problems import DECAY, LR, Config, SearchProblem

optuna.logging.set_verbosity(optuna.logging.WARNING)
Loop = Callable[[SearchProblem, Config], float]


def search(train_one: Loop, problem: SearchProblem, n_jobs: int) -> Found:
    """Ask, train, tell; gives the trials' values in the order in which they were enqueued."""

    def objective(trial: optuna.Trial) -> float:
        lr = trial.suggest_float("lr", *LR, log=True)
        weight_decay = trial.suggest_float("weight_decay", *DECAY, log=True)
        return train_one(problem, Config(lr, weight_decay))

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), direction="maximize")
    for config in problem.configs:
        study.enqueue_trial(vars(config))
    study.optimize(objective, n_trials=len(problem.configs), n_jobs=n_jobs)
    return Found(in_order(study.trials, problem.configs))


def in_order(trials: Sequence[optuna.trial.FrozenTrial], configs: Sequence[Config]) -> list[float]:
    """Values by number, after a look that each trial had its configuration."""
    assert [Config(**trial.params) for trial in trials] == list(configs)
    return [trial.values[0] for trial in trials]


@contextmanager
def ready(
    problem: SearchProblem, *, loop: str, n_jobs: int, torch_threads: int = 1
) -> Iterator[Search]:
    """Import the loop and warm up."""
    torch.set_num_threads(torch_threads)
    train_one = import_module(f"bench.contenders.{loop}").train_one
    search(train_one, problem.shortened(), n_jobs)
    yield lambda: search(train_one, problem, n_jobs)
