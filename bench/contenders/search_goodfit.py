"""goodfit as its users call it: `gf.search`, with all that it reads and writes."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import goodfit as gf
from bench.search_contenders import Found, Search
from bench.search_problems import Config, SearchProblem, digits_space
from goodfit.records import Trial


def search(space: gf.Space, *, trials: int, workers: int) -> gf.Study:
    """A random search in a temporary study folder, nothing trained again."""
    return gf.search(space, trials=trials, strategy="random", confirm=0, workers=workers)


def found_of(trials: Sequence[Trial], configs: Sequence[Config], **extras: float) -> Found:
    """The last epoch's accuracies, after a look that each trial had its configuration."""
    values = [(t.params["optimizer.lr"], t.params["optimizer.weight_decay"]) for t in trials]
    assert [Config(*pair) for pair in values] == list(configs)
    dropped = sum(trial.state != "done" for trial in trials)
    return Found([trial.metric[-1] for trial in trials], {"dropped": dropped, **extras})


def space_from(problem: SearchProblem) -> gf.Space:
    """The problem's space, through a file as a user has it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "space.toml"
        path.write_text(problem.space)
        return gf.read_space(path)


def warm_up(workers: int) -> None:
    """Search over another network, so that torch is loaded and nothing is traced beforehand."""
    search(digits_space(epochs=1, hidden=(8,)), trials=4, workers=workers)


@contextmanager
def ready(problem: SearchProblem, *, workers: int) -> Iterator[Search]:
    """Warm up."""
    space = space_from(problem)
    warm_up(workers)

    def run() -> Found:
        study = search(space, trials=len(problem.configs), workers=workers)
        return found_of(study.trials, problem.configs, preparing_s=study.record.preparing_s)

    yield run
