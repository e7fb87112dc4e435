"""The whole recipe, in order: the only module that knows the flow.

    load -> card -> split (test sealed) -> prepare -> resolve -> net -> checks -> train
         -> evaluate on validation -> report;   later, once: open the test part

Everything lies in the run folder as soon as it is known, so that a run that is killed at any
moment goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .. import runs
from ..checks import run_checks
from ..data import PREPARED_FILE
from ..data.checks import run_data_checks
from ..errors import Interrupted, RunError
from ..recipe import OwnNet, Recipe, Views, read
from ..recipe.given import given_recipe
from ..records import DataCard, Finding, SplitSizes, Verdict
from ..report import Contents
from ..runs import Interruption, RunFolder
from .begin import (
    Given,
    Temporary,
    decide_threads,
    know_given,
    known_before,
    known_without_data,
    make_folder,
    net_of,
    resolve_for,
    write_known,
)
from .drawing import draw
from .finishing import (
    best_weights,
    contents_of,
    evaluate,
    finish,
    read_run,
    with_best,
    write_report,
)
from .loaders import Feed
from .material import Known, Material, material_of, rows_of, subject_of
from .observers import stop_if_asked
from .run import Run, asked_by
from .training import train as train_net
from .training import use_machine
from .transferring import begin_of


class Listener:
    """Is told what is known as soon as it is known; this one keeps silent."""

    progress = early_word = False

    def on_card(self, card: DataCard, sizes: SplitSizes) -> None:
        """The data was read, described and split."""

    def on_folder(self, path: Path) -> None:
        """The run folder was made, or found."""

    def on_verdicts(self, verdicts: tuple[Verdict, ...]) -> None:
        """The checks before training gave their verdicts."""

    def on_finding(self, finding: Finding) -> None:
        """A rule found something while the run was training."""


def train(
    recipe: Recipe,
    *,
    data: Any = None,
    batches: Feed | None = None,
    validation: Feed | None = None,
    net: nn.Module | None = None,
    out: Path | str | None = None,
    root: Path | str | None = None,
    listener: Listener | None = None,
) -> Run:
    """Take data and a network through the whole recipe, and return the finished run.

    Args:
        recipe: What to do; fields that are None are decided when the data is known.
        data: Arrays ``(X, y)`` in memory, instead of ``recipe.data``.
        batches: A torch Dataset of samples ``(x, y)``, which is shuffled by the recipe's seed, or
            a DataLoader or other iterable of batches ``(x, y)`` that can be read again, instead
            of ``recipe.data``; needs ``validation``.
        validation: The Dataset or loader of the validation part.
        net: A module to train instead of the recipe's; it is copied, not changed.
        out: The run folder to make; without it (and ``root``) the run lives in a temporary
            folder until ``run.save``.
        root: Instead of ``out``, where to make the next numbered run folder: ``root/digits-1``.
        listener: Is told of card and verdicts as they come, and says whether to draw progress.

    Raises:
        GoodfitError: data, recipe, network or folder do not work; says what to do.
        Interrupted: Ctrl-C or SIGTERM; everything is saved, also in a temporary folder, which
            is then left.

    Example:
        >>> from goodfit.recipe import MLP, Recipe
        >>> run = train(Recipe(data="wine", net=MLP(hidden=(32,))))
        >>> run.scores.values["accuracy"] > 0.9
        True
    """
    given_recipe(recipe, "gf.train")
    given, listener = Given(data, batches, validation, net), listener or Listener()
    if net is not None:
        recipe = recipe.model_copy(update={"net": OwnNet()})
    with _guarded() as interruption:
        began = time.perf_counter()
        known = know_given(recipe, given)
        listener.on_card(known.card, known.sizes)
        recipe = resolve_for(recipe, known)
        module, notes = begin_of(recipe, known, net)
        recipe = decide_threads(recipe, module, known)
        stop_if_asked(interruption)
        folder, temporary = make_folder(recipe, out, root)
        with folder.locked(), _kept_when_interrupted(temporary):
            write_known(folder, known)
            listener.on_folder(folder.path)
            session = Session(recipe, known, module, folder, interruption, listener, began, notes)
            return replace(_train(session), temporary=temporary)


def resume(
    path: Path | str,
    *,
    data: Any = None,
    batches: Feed | None = None,
    validation: Feed | None = None,
    net: nn.Module | None = None,
    listener: Listener | None = None,
) -> Run:
    """Go on with a run that was interrupted, to the same bits as if it had never stopped.

    What came from Python when it began must be given again; arguments are those of
    :func:`train`.

    Raises:
        RunError: there is no such run, it is being trained, or its data has changed.
    """
    folder, listener = runs.open_run(runs.path_of(path)), listener or Listener()
    with _guarded() as interruption, folder.locked():
        began = time.perf_counter()
        recipe = read(folder.recipe)
        known = known_before(folder, recipe, Given(data, batches, validation, net))
        listener.on_card(known.card, known.sizes)
        listener.on_folder(folder.path)
        begun = any(folder.checkpoints.glob("step-*"))
        # A checkpoint has the weights and the notes, and the source may be gone.
        module, notes = (net_of(recipe, known, net), ()) if begun else begin_of(recipe, known, net)
        return _train(Session(recipe, known, module, folder, interruption, listener, began, notes))


def load(path: Path | str, *, net: nn.Module | None = None) -> Run:
    """Return the finished run in a folder: records, and the model with its best weights.

    Args:
        path: The run folder.
        net: The module, where it was given from Python; its weights are replaced in a copy.

    Raises:
        RunError: there is no run, it is not finished, or a file is damaged.
    """
    folder = runs.open_run(runs.path_of(path))
    best, recipe = best_weights(folder), read(folder.recipe)
    module = net_of(recipe, known_without_data(folder), net)
    return read_run(folder, recipe, with_best(module, best.tensors))


def test(
    path: Path | str,
    *,
    data: Any = None,
    net: nn.Module | None = None,
    views: Views | None = None,
) -> Run:
    """Open the sealed test part of a finished run, once, and put its scores on record.

    Args:
        path: The run folder.
        data: The data, where it was given from Python.
        net: The module, where it was given from Python.
        views: What answers are averaged over, instead of what the recipe says: "none", "flip",
            "crops", "flip-crops".

    Raises:
        RecipeError: there are no such views, or the data have none.
        RunError: the part was opened before, there is none, or the data has changed.
    """
    run = load(path, net=net)
    how = asked_by(run.recipe, run.card, views)
    if not run.sizes.test:
        raise RunError("This run has no test part.", given=path, do="Test the module by hand.")
    with run.folder.locked():
        runs.check_sealed(run.folder)
        known = known_before(run.folder, run.recipe, Given(data=data))
        material = material_of(known, run.recipe, run.folder.path)
        assert material.test is not None
        scores = evaluate(run.module.net, material, "test", material.test, how)
        runs.break_seal(run.folder, scores)
        tested = read_run(run.folder, run.recipe, run.module.net)
        write_report(tested)
    return tested


def report(path: Path | str) -> Path:
    """Write the report of a finished run again, and return its path."""
    return write_report(load(path))


def contents(run: Run) -> Contents:
    """Return everything that a report of the run shows, as one record."""
    return contents_of(run)


@contextmanager
def _guarded() -> Iterator[Interruption]:
    """Listen to signals, and leave torch's threads and generator as they were."""
    threads = torch.get_num_threads()
    with Interruption() as interruption, torch.random.fork_rng(devices=[]):
        try:
            yield interruption
        finally:
            torch.set_num_threads(threads)


@contextmanager
def _kept_when_interrupted(temporary: Temporary | None) -> Iterator[None]:
    try:
        yield
    except Interrupted:
        if temporary is not None:
            temporary.keep()
        raise


@dataclass(frozen=True)
class Session:
    """A run that is about to train."""

    recipe: Recipe
    known: Known
    net: nn.Module
    folder: RunFolder
    interruption: Interruption
    listener: Listener
    began: float
    notes: tuple[str, ...] = ()


def _train(session: Session) -> Run:
    """Hold the data, check, train, evaluate, report."""
    recipe, folder, net, listener = session.recipe, session.folder, session.net, session.listener
    use_machine(recipe)
    material = material_of(session.known, recipe, folder.path)
    material = replace(material, notes=(*material.notes, *session.notes))
    load_s = time.perf_counter() - session.began
    verdicts = _check(session, material)
    listener.on_verdicts(verdicts)
    stop_if_asked(session.interruption, folder)
    trained = train_net(
        recipe,
        material,
        net,
        folder,
        session.interruption,
        progress=listener.progress,
        say=listener.on_finding if listener.early_word else None,
    )
    run = finish(recipe, material, net, folder, trained, verdicts, load_s)
    (folder.path / PREPARED_FILE).unlink(missing_ok=True)
    return run


def _check(session: Session, material: Material) -> tuple[Verdict, ...]:
    folder = session.folder
    if folder.verdicts.exists():
        return runs.read_records(folder.verdicts, Verdict)
    rows = rows_of(session.known)
    drawn = draw(session.recipe, material, rows)
    if drawn is not None:
        runs.write_record(folder.drawn, drawn)
    of_data = run_data_checks(rows)
    verdicts = (*of_data, *run_checks(subject_of(session.net, material, session.recipe)))
    runs.write_records(folder.verdicts, verdicts)
    return verdicts
