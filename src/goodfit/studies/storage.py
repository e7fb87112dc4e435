"""Optuna's storage: where a study's trials stand for its dashboard, its plots, and other programs.

Trials are written as they end, in the order of their numbers, by a thread of its own, into SQLite
many at once. The journal in the study folder holds them already, so what a storage that fails has
missed is written by ``goodfit resume``.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from ..errors import SearchError
from ..recipe import Space
from .bulk import bulk_of
from .sampling import frozen_trial, wide_distributions
from .storage_errors import GONE, JOURNAL, SQLITE, file_of, masked, storage_failed
from .wave import Progress

FAILURES = (SQLAlchemyError, optuna.exceptions.OptunaError, OSError, ValueError, KeyError)
# Between two writes: a transaction costs about as much as ten trials in it.
PAUSE_S = 0.2


def open_storage(url: str) -> BaseStorage:
    """Return Optuna's storage at a URL: ``sqlite:///...``, any of SQLAlchemy's, or ``journal://PATH``.

    SQLite writes ahead and syncs at checkpoints, which takes 2 ms off each trial.

    Raises:
        SearchError: it cannot be opened: locked, gone, or of a kind that is not installed.
    """
    try:
        if url.startswith(JOURNAL):
            path = url.removeprefix(JOURNAL)
            cut_torn_line(Path(path))
            return JournalStorage(JournalFileBackend(path))
        if not url.startswith("sqlite"):
            return RDBStorage(url)
        storage = RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 5}})
    except (*FAILURES, ImportError) as error:
        raise storage_failed(url, error) from None
    event.listen(storage.engine, "connect", _write_ahead)
    storage.engine.dispose()
    return storage


def _write_ahead(connection, record) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def cut_torn_line(path: Path) -> None:
    """Cut a journal back to its last whole line: another append would ruin it."""
    if path.exists():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with path.open("rb+") as file:
                file.truncate(whole)


def open_optuna_study(url: str, name: str, *, metric_up: bool) -> optuna.Study:
    """Return the study of that name in a storage; it is made where there is none.

    Raises:
        SearchError: the storage cannot be read or written.
    """
    storage = open_storage(url)
    try:
        return optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize" if metric_up else "minimize",
            load_if_exists=True,
        )
    except FAILURES as error:
        raise storage_failed(url, error) from None


def absolute(url: str) -> str:
    """Return a URL that means the same file from any directory.

    Example:
        >>> absolute("sqlite:////data/all.db"), absolute("mysql://host/db")
        ('sqlite:////data/all.db', 'mysql://host/db')
    """
    for head in (SQLITE, JOURNAL):
        path = url.removeprefix(head)
        if path != url and path and not path.startswith((":", "file:")):
            return f"{head}{Path(path).absolute()}"
    return url


def check_name_is_free(url: str, name: str) -> None:
    """Raise if a storage holds a study of this name: a second one would be mixed into it.

    Raises:
        SearchError: it does, or it cannot be read.
    """
    storage = open_storage(url)
    try:
        taken = name in optuna.get_all_study_names(storage)
    except FAILURES as error:
        raise storage_failed(url, error) from None
    if taken:
        raise SearchError(
            "The storage holds a study of this name already.",
            given=f'"{name}" in {masked(url)}',
            do="A study is named after its folder: name another --out, or go on with that one: "
            "goodfit resume FOLDER.",
        )


class Mirror:
    """Writes finished trials into an Optuna study, in the order of their numbers.

    Trials that the study holds already are left out, so that nothing is counted twice.
    """

    def __init__(self, study: optuna.Study, space: Space, url: str) -> None:
        self._study, self._space, self._url = study, space, url
        try:
            self._next = len(study.get_trials(deepcopy=False))
            self._bulk = bulk_of(study)
            self._file = _identity(url)
        except FAILURES as error:
            raise storage_failed(url, error) from None
        self._told: set[int] = set()
        self._held: dict[int, FrozenTrial] = {}
        self._queue: queue.SimpleQueue[tuple[int, FrozenTrial] | None] = queue.SimpleQueue()
        self._error: BaseException | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write, name="goodfit storage", daemon=True)
        self._thread.start()

    def add(self, trials: Iterable[Progress]) -> None:
        """Take trials that have ended, each once; returns at once."""
        for progress in trials:
            trial = progress.trial()
            if trial.number not in self._told:
                self._told.add(trial.number)
                ranges = wide_distributions([trial], self._space)
                times = (progress.began, progress.ended)
                self._queue.put((trial.number, frozen_trial(trial, ranges, times)))

    def close(self) -> None:
        """Wait until all is written.

        A file that was removed can still be written to, so it is looked for by its name.

        Raises:
            SearchError: the storage has failed on the way, or is gone.
        """
        self._closing.set()
        self._queue.put(None)
        self._thread.join()
        if self._error is None:
            self._write_all(())
        if self._error is not None:
            raise storage_failed(self._url, self._error, midway=True)

    def _write(self) -> None:
        more = True
        while more:
            more = self._take()
            ready = []
            while self._next in self._held:
                ready.append(self._held.pop(self._next))
                self._next += 1
            if ready and self._error is None:
                self._write_all(ready)

    def _take(self) -> bool:
        """Wait for a trial, take all that have come; False once no more will."""
        taken = [self._queue.get()]
        self._closing.wait(PAUSE_S)
        while not self._queue.empty():
            taken.append(self._queue.get())
        self._held |= dict(one for one in taken if one is not None)
        return None not in taken

    def _write_all(self, trials: Sequence[FrozenTrial]) -> None:
        try:
            if _identity(self._url) != self._file:
                raise FileNotFoundError(GONE)
            if self._bulk is not None and trials:
                self._bulk.add(trials)
                return
            for one in trials:
                self._study.add_trial(one)
        except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
            self._error = error


def _identity(url: str) -> tuple[int, int] | None:
    """Return what tells a storage's file from another of its name; None where it is no file."""
    path = file_of(url)
    if path is None or not path.exists():
        return None
    found = path.stat()
    return found.st_dev, found.st_ino
