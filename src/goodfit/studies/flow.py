"""A search, in order: data once, waves of trials, the best few again, the report.

    space -> data -> strategy asks for a wave -> groups -> tiles on workers -> results -> strategy
          -> the best few with new seeds -> record, importances, findings, report

All that a strategy decides follows from the space, the settings and the results, so a study that
was interrupted goes on by asking again and taking what the journal holds.
"""

from __future__ import annotations

import hashlib
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import torch

from ..errors import Interrupted, SearchError
from ..pipeline.begin import Temporary
from ..pipeline.training import METRICS
from ..recipe import Range, Space, read_space, write_space
from ..recipe.given import given_space
from ..records import Confirmed, StudyRecord
from ..runs import Interruption, Journal, path_of
from ..runs.lock import exclusive
from .cluster import Cluster
from .cluster_ray import connected
from .course import ask_and_train, confirm_best
from .ending import finish
from .folder import (
    ASKING,
    Settings,
    StudyFolder,
    before_of,
    check_is_free,
    make_study,
    numbered,
    open_study,
)
from .runner import FIRST_KEPT_S, Runner, cores
from .session import Session, begin, check_settings
from .storage import Mirror, absolute, check_name_is_free, open_optuna_study
from .study import Study
from .wave import Progress, Wave


class Silent:
    """Says nothing while a search goes."""

    def on_wave(self, wave: Wave, found: Sequence[Progress]) -> None:
        """A wave begins; some of its trials may have been trained by an earlier session."""

    def on_epoch(self, progress: Progress) -> None:
        """A trial has finished an epoch."""

    def on_begin(self, path: Path, metric: str) -> None:
        """The study's folder was made, or found; trials are compared by this metric."""


def search(
    space: Space,
    *,
    trials: int = 64,
    strategy: str = "random",
    confirm: int = 3,
    confirm_seeds: int = 3,
    out: Path | str | None = None,
    root: Path | str | None = None,
    storage: str | None = None,
    workers: int | None = None,
    rows: int | None = None,
    mode: str = "auto",
    at_once: int = 16,
    cluster: str | None = None,
    teller: Silent | None = None,
) -> Study:
    """Train many configurations of one recipe as one program, and say what was learned.

    Args:
        space: A recipe with distributions in it: ``recipe.vary(lr=loguniform(1e-4, 1e-1))``.
        trials: How many configurations.
        strategy: "random", "grid", "coarse-to-fine", "halving" or "tpe".
        confirm: How many of the best are trained again before one is named.
        confirm_seeds: With how many new seeds each; they share the split.
        out: The study folder to make; without it (and ``root``) a temporary one.
        root: Where to make the next numbered folder.
        storage: A URL of Optuna's storage; by default SQLite in the study folder. It is kept in
            ``search.json``, which only its owner can read where a password stands in it.
        workers: Threads that train, one core each; by default as many as there are cores.
        rows: How many trials share a step; by default the engine decides.
        mode: Who runs the steps: "auto", "eager", "traced" or "compiled".
        at_once: For "tpe": how many trials are asked for at a time.
        cluster: A Ray cluster to train on, "HOST:PORT", or "local" to begin one here.
        teller: Is told how it goes.

    Raises:
        RecipeError: ``space`` is no space.
        SearchError: settings, strategy or storage do not work; says what to do.
        GoodfitError: data, recipe or network do not work.
        Interrupted: Ctrl-C or SIGTERM; ``resume_study`` goes on, also in a temporary folder,
            which is then left.

    Example:
        >>> from goodfit.recipe import MLP, Recipe, loguniform
        >>> recipe = Recipe(data="iris", net=MLP(hidden=(8,)), epochs=3)
        >>> study = search(recipe.vary(lr=loguniform(1e-4, 1e-1)), trials=4, confirm=0)
        >>> len(study.trials), study.record.metric
        (4, 'accuracy')
    """
    given_space(space, "gf.search")
    name, temporary = Path(space.fixed_recipe().data.path).name.split(".")[0], None
    if out is None and root is None:
        temporary = Temporary()
    path = path_of(out) if out is not None else numbered(name, Path(root or temporary.path))  # pyright: ignore[reportOptionalMemberAccess]
    settings = Settings(
        strategy=strategy,
        trials=trials,
        seed=space.fixed_recipe().seed,
        at_once=at_once,
        confirm=confirm,
        confirm_seeds=confirm_seeds,
        workers=workers,
        rows=rows,
        mode=mode,
        storage=storage or "",
        name=path.name,
        cluster=cluster or "",
    )
    check_settings(space, settings)
    settings = replace(settings, storage=absolute(settings.storage))
    check_is_free(path)
    session = begin(space, settings)
    settings = replace(settings, made_of=made_of(write_space(space), session))
    session = replace(session, settings=settings)
    if settings.storage:
        check_name_is_free(settings.storage, settings.name)
    with _connection(settings) as num_cpus, _kept_when_interrupted(temporary):
        folder = make_study(path, space=write_space(space), settings=settings)
        study = _run(session, folder, teller or Silent(), num_cpus)
    return replace(study, temporary=temporary)


def resume_study(
    path: Path | str, *, cluster: str | None = None, teller: Silent | None = None
) -> Study:
    """Go on with a study that was interrupted; no trial is lost or counted twice.

    Args:
        path: The study folder.
        cluster: Another cluster than before, or "none" for this machine alone.
        teller: Is told how it goes.

    Raises:
        SearchError: there is none, or its storage cannot be used.
    """
    folder, settings = open_study(path_of(path))
    if cluster is not None:
        settings = replace(settings, cluster="" if cluster == "none" else cluster)
    space = read_space(folder.space)
    check_settings(space, settings)
    session = begin(space, settings)
    _check_same(folder, session)
    with _connection(settings) as num_cpus:
        return _run(session, folder, teller or Silent(), num_cpus)


def made_of(space: str, session: Session) -> str:
    """Return a hash of what trials on record were made of: a space as text, data, settings."""
    asking = {name: getattr(session.settings, name) for name in ASKING}
    content = f"{space}\n{session.known.card.fingerprint}\n{asking}".encode()
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _check_same(folder: StudyFolder, session: Session) -> None:
    """Raise where results on record belong to another space, or to other data."""
    before, text = session.settings.made_of, folder.space.read_text(encoding="utf-8")
    if before and made_of(text, session) != before:
        raise SearchError(
            "The space, the data or the settings of this study have changed since it began: its "
            "results would be shown for values that were never trained.",
            given=f"{folder.space}, {folder.settings.name}, "
            f"{session.space.fixed_recipe().data.path}",
            do="Put them back, or begin another study: goodfit search SPACE --out FOLDER.",
        )


@contextmanager
def _kept_when_interrupted(temporary: Temporary | None) -> Iterator[None]:
    try:
        yield
    except Interrupted:
        if temporary is not None:
            temporary.keep()
        raise


def _connection(settings: Settings) -> AbstractContextManager[int]:
    """Connect to the study's cluster, which gives its number of CPUs; 0 where there is none."""
    if not settings.cluster:
        return nullcontext(0)
    return connected(settings.cluster, settings.workers or cores())


def _cluster(session: Session, folder: StudyFolder, num_cpus: int) -> Cluster | None:
    base, most = session.space.fixed_recipe(), session.settings.workers
    if not num_cpus:
        return None
    return Cluster(num_cpus, most, base, session.known, folder, keep_after_s=FIRST_KEPT_S)


def _run(session: Session, folder: StudyFolder, teller: Silent, num_cpus: int) -> Study:
    settings, began = session.settings, time.perf_counter()
    url = settings.storage or folder.url
    with ExitStack() as stack:
        stack.enter_context(exclusive(folder.lock_file))
        interruption = stack.enter_context(Interruption())
        stack.enter_context(torch.random.fork_rng(devices=[]))
        before = before_of(folder)
        optuna_study = open_optuna_study(url, settings.name, metric_up=True)
        journal = stack.enter_context(Journal(folder.journal))
        teller.on_begin(folder.path, METRICS[session.known.card.task][0])
        runner = Runner(
            session.known,
            folder,
            journal,
            before,
            interruption,
            teller,
            workers=settings.workers,
            rows=settings.rows,
            mode=settings.mode,
            cluster=_cluster(session, folder, num_cpus),
        )
        mirror = Mirror(optuna_study, session.space, url)
        try:
            trials = ask_and_train(session, runner, mirror)
            confirmed = confirm_best(session.plan, settings, runner, trials)
        except Interrupted as stop:
            raise Interrupted(stop.what, do=how_to_go_on(folder.path)) from None
        finally:
            mirror.close()
            seconds = time.perf_counter() - began
            preparing_s = runner.preparing_s
            journal.append({"kind": "session", "seconds": seconds, "preparing_s": preparing_s})
        record = replace(
            _record(session, runner, trials, confirmed),
            seconds=before.seconds + seconds,
            preparing_s=before.preparing_s + preparing_s,
        )
        return finish(session.space, record, folder, url)


def how_to_go_on(path: Path) -> str:
    """Return the command that takes up an interrupted study.

    Example:
        >>> how_to_go_on(Path("studies/first try"))
        "Go on with: goodfit resume 'studies/first try'"
    """
    return f"Go on with: goodfit resume {shlex.quote(str(path))}"


def _record(
    session: Session,
    runner: Runner,
    trials: Mapping[int, Progress],
    confirmed: tuple[Confirmed, ...],
) -> StudyRecord:
    settings, space = session.settings, session.space
    log = [
        name
        for name, one in space.parameters.items()
        if isinstance(one.distribution, Range) and one.distribution.log
    ]
    return StudyRecord(
        name=settings.name,
        strategy=settings.strategy,
        metric=METRICS[session.known.card.task][0],
        metric_up=True,
        seed=settings.seed,
        trials=tuple(trials[number].trial() for number in sorted(trials)),
        stages=tuple(session.plan.stages),
        confirmed=confirmed,
        groups=runner.groupings(),
        log_params=tuple(log),
    )
