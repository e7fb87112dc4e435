"""Ray Tune with a bare loop as its trainable: two trials at a time, one core each."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# Read when Ray is imported and started: it should report to nobody, and fill no terminal.
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AIR_NEW_OUTPUT": "0"}
import ray
import torch
from ray import tune

from bench.contenders.search_bare import train_one
from bench.search_contenders import WORKERS, Found, Search
from bench.search_problems import SearchProblem

OBJECT_STORE_BYTES = 200 * 2**20


def trainable(values: dict, problem: SearchProblem) -> None:
    """Train one trial in its worker, and report."""
    torch.set_num_threads(1)
    place = values["place"]
    tune.report({"place": place, "accuracy": train_one(problem, problem.configs[place])})


def search(problem: SearchProblem) -> Found:
    """Run all trials of the list; places are a grid so that each comes once."""
    places = list(range(len(problem.configs)))
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_parameters(trainable, problem=problem),
            param_space={"place": tune.grid_search(places)},
            tune_config=tune.TuneConfig(metric="accuracy", mode="max"),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        results = [result.metrics for result in tuner.fit()]
    accuracy = {found["place"]: found["accuracy"] for found in results}
    return Found([accuracy[place] for place in places])


@contextmanager
def ready(problem: SearchProblem) -> Iterator[Search]:
    """Start Ray on this machine and warm up."""
    ray.init(
        address="local",
        num_cpus=WORKERS,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=OBJECT_STORE_BYTES,
    )
    try:
        search(problem.shortened())
        yield lambda: search(problem)
    finally:
        ray.shutdown()
