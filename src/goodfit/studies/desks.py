"""Desks: who hands out trials to a tile, and who is told how a wave goes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

import torch

from ..engine.heap import keep_freed_blocks
from ..engine.tile import Row, Tile, row_of
from .group import Group
from .tiles import Desk, run_tile
from .wave import Progress


class Watcher(Protocol):
    """Is told how a wave goes."""

    def check(self) -> None:
        """Raise to stop all workers."""
        ...

    def on_epoch(self, progress: Progress) -> None:
        """A trial has finished an epoch."""
        ...

    def keeps(self) -> bool:
        """Say whether rows are due to be kept; asked by each worker for itself."""
        ...

    def keep(self, progress: Progress, row: Row) -> None:
        """Keep a trial's row after its latest epoch."""
        ...


def use_one_core() -> None:
    """Let this process compute on one thread, in memory that it keeps."""
    torch.set_num_threads(1)
    keep_freed_blocks()


def work_on(pairs: Sequence[tuple[Group, int]], until: int, desk: Desk) -> None:
    """Take groups as long as one has trials that wait."""
    use_one_core()
    for group, rows in pairs:
        run_tile(group, rows, until, desk)


class LocalDesk:
    """A desk in this process; threads come to it one at a time."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher, self._lock, self.stopped = watcher, threading.Lock(), False

    def next(self, group: Group) -> Progress | None:
        with self._lock:
            return group.waiting.popleft() if group.waiting else None

    def check(self) -> None:
        if self.stopped:
            raise Stopped
        self._watcher.check()

    def on_epoch(self, progress: Progress) -> None:
        with self._lock:
            self._watcher.on_epoch(progress)

    def on_pause(self, progress: Progress) -> None:
        """The row is in the trial already."""

    def keep(self, slots: Sequence[Progress | None], tile: Tile) -> None:
        with self._lock:
            keep_going(self._watcher, slots, tile)


class Stopped(Exception):
    """Another worker has failed, or was interrupted."""


def keep_going(watcher: Watcher, slots: Sequence[Progress | None], tile: Tile) -> None:
    """Let the watcher keep the rows of what goes on, where that is due."""
    if watcher.keeps():
        for k, progress in enumerate(slots):
            if progress is not None and progress.condition in ("running", "paused"):
                watcher.keep(progress, row_of(tile.population, k))
