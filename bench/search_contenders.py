"""Who searches: one line each, and what their modules share.

A module of `bench/contenders` has one function

    ready(problem: SearchProblem, **options) -> context manager of a function that gives a Found

that starts what is not timed (imports, data, worker processes, a warm-up of one epoch on two
batches) and gives the search to time. Imports no contender.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module

WORKERS = 2


@dataclass(frozen=True)
class Found:
    """The validation accuracy after the last epoch of each trial, in the list's order."""

    accuracies: list[float]
    extras: Mapping[str, float] = field(default_factory=dict)


Search = Callable[[], Found]
Ready = Callable[..., AbstractContextManager[Search]]


@dataclass(frozen=True)
class SearchContender:
    """A module, its options, the package its figures belong to, and words for the table.

    `slow` ones run fewer trials. `buries` is false where ended workers are waited for by nobody.
    """

    name: str
    module: str
    package: str
    text: str
    options: Mapping[str, object] = field(default_factory=dict)
    slow: bool = False
    buries: bool = True

    def ready(self) -> Ready:
        """Import its module; raises ImportError where its package is absent."""
        return import_module(f"bench.contenders.{self.module}").ready


GOODFIT = (
    SearchContender(
        "goodfit",
        "search_goodfit",
        "goodfit",
        "gf.search as it comes, two workers: reads the data, SQLite, journal, report page",
        {"workers": 2},
    ),
    SearchContender(
        "goodfit-1",
        "search_goodfit",
        "goodfit",
        "the same with one worker",
        {"workers": 1},
    ),
    SearchContender(
        "goodfit-trials",
        "search_goodfit_trials",
        "goodfit",
        "two workers, from the list of trials to their results: no data, no SQLite, no report",
        {"workers": 2},
    ),
    SearchContender(
        "goodfit-trials-1",
        "search_goodfit_trials",
        "goodfit",
        "the same with one worker",
        {"workers": 1},
    ),
)
POOL = SearchContender(
    "pool",
    "search_pool",
    "torch",
    "two processes, started before the clock, a bare loop with fused AdamW, one thread each",
)
OPTUNA = SearchContender(
    "optuna",
    "search_optuna",
    "optuna",
    "in memory, values enqueued; a bare loop with AdamW as it comes",
    {"loop": "search_bare", "n_jobs": 1},
)
OPTUNA_THREADS = SearchContender(
    "optuna-2",
    "search_optuna",
    "optuna",
    "the same with n_jobs=2: two Python threads",
    {"loop": "search_bare", "n_jobs": 2},
)
SPEED = (
    *GOODFIT,
    POOL,
    OPTUNA,
    OPTUNA_THREADS,
    SearchContender(
        "optuna-loader",
        "search_optuna",
        "optuna",
        "a TensorDataset and a shuffling DataLoader",
        {"loop": "search_loader", "n_jobs": 1},
    ),
    SearchContender(
        "optuna-lightning",
        "search_optuna",
        "lightning",
        "Lightning's Trainer without logger, checkpoints and bars, DataLoaders",
        {"loop": "search_lightning", "n_jobs": 1},
        slow=True,
    ),
    SearchContender(
        "sklearn",
        "search_sklearn",
        "scikit-learn",
        "RandomizedSearchCV over MLPClassifier, n_jobs=2, workers kept; its decay is an L2 term",
    ),
    SearchContender(
        "keras-tuner",
        "search_kerastuner",
        "keras-tuner",
        "a tuner with an oracle that gives the list; torch backend, fit on arrays",
        slow=True,
    ),
    SearchContender(
        "ray-tune",
        "search_raytune",
        "ray",
        "a bare loop as a trainable, one core a trial, two at a time; Ray started before",
        slow=True,
        buries=False,
    ),
)
SIZES = (
    GOODFIT[0],
    GOODFIT[2],
    SearchContender(
        "pool",
        "search_pool",
        "torch",
        "two processes, started before the clock, fused AdamW, channels-last, one thread each",
        {"channels_last": True},
    ),
    OPTUNA,
    OPTUNA_THREADS,
    SearchContender(
        "optuna-torch-2",
        "search_optuna",
        "optuna",
        "one trial at a time with two torch threads",
        {"loop": "search_bare", "n_jobs": 1, "torch_threads": 2},
    ),
)
