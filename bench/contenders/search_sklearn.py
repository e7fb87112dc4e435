"""scikit-learn's RandomizedSearchCV over its MLPClassifier, on one split.

Its `alpha` enters the gradient, as in Adam with an L2 term, and it draws its own weights.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import PredefinedSplit, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier

from bench.search_contenders import WORKERS, Found, Search
from bench.search_problems import Config, SearchProblem

# Workers take the filter from the environment that `ready` sets; this is for one job.
warnings.simplefilter("ignore", ConvergenceWarning)
TRAINS, VALIDATES = -1, 0


def make_search(problem: SearchProblem) -> RandomizedSearchCV:
    """A search over exactly the list's configurations: each once, drawn without replacement."""
    net = MLPClassifier(
        problem.widths[1:-1],
        batch_size=problem.batch_size,
        max_iter=problem.epochs,
        n_iter_no_change=problem.epochs + 1,
        random_state=0,
    )
    fold = np.repeat([TRAINS, VALIDATES], [len(problem.x), len(problem.x_valid)])
    return RandomizedSearchCV(
        net,
        [{"learning_rate_init": [c.lr], "alpha": [c.weight_decay]} for c in problem.configs],
        n_iter=len(problem.configs),
        cv=PredefinedSplit(fold),
        refit=False,
        n_jobs=WORKERS,
        random_state=0,
    )


def search(problem: SearchProblem, x: np.ndarray, y: np.ndarray) -> Found:
    """Fit, and sort the scores into the list's order."""
    results = make_search(problem).fit(x, y).cv_results_
    scores = {
        Config(params["learning_rate_init"], params["alpha"]): float(score)
        for params, score in zip(results["params"], results["mean_test_score"], strict=True)
    }
    return Found([scores[config] for config in problem.configs])


@contextmanager
def ready(problem: SearchProblem) -> Iterator[Search]:
    """Start the workers, which joblib keeps, by a short search."""
    short = problem.shortened()
    search(short, *arrays(short))
    x, y = arrays(problem)
    yield lambda: search(problem, x, y)


def arrays(problem: SearchProblem) -> tuple[np.ndarray, np.ndarray]:
    """Both parts, one after the other."""
    x = np.concatenate([problem.x.numpy(), problem.x_valid.numpy()])
    return x, np.concatenate([problem.y.numpy(), problem.y_valid.numpy()])
