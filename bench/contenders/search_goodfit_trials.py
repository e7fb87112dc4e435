"""goodfit's trials alone: a wave of them through the runner, without storage and report.

The data are read and the values drawn beforehand; networks are built, traced and trained, and
results put in the journal, inside of the clock.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.contenders.search_goodfit import found_of, space_from, warm_up
from bench.search_contenders import Found, Search
from bench.search_problems import SearchProblem, settings_of
from goodfit.recipe import write_space
from goodfit.runs import Interruption, Journal
from goodfit.studies import Silent, Wave
from goodfit.studies.flow import Session, begin
from goodfit.studies.folder import Before, make_study
from goodfit.studies.runner import Runner
from goodfit.studies.strategies import strategy_of


def make_runner(session: Session, path: Path, stack: ExitStack) -> Runner:
    """A runner in a study folder of its own."""
    settings = session.settings
    folder = make_study(path / "study", space=write_space(session.space), settings=settings)
    journal = stack.enter_context(Journal(folder.journal))
    return Runner(
        session.known,
        folder,
        journal,
        Before(),
        stack.enter_context(Interruption()),
        Silent(),
        workers=settings.workers,
        rows=settings.rows,
        mode=settings.mode,
    )


def run_wave(runner: Runner, wave: Wave, problem: SearchProblem) -> Found:
    """Train the wave."""
    trials = [progress.trial() for progress in runner.run(wave)]
    return found_of(trials, problem.configs, preparing_s=runner.preparing_s)


@contextmanager
def ready(problem: SearchProblem, *, workers: int) -> Iterator[Search]:
    """Read the data, draw the values, warm up."""
    warm_up(workers)
    settings = settings_of(trials=len(problem.configs), workers=workers)
    session = begin(space_from(problem), settings)
    wave = next(strategy_of("random")(session.plan))
    with ExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runner = make_runner(session, path, stack)
        yield lambda: run_wave(runner, wave, problem)
