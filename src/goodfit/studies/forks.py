"""Forked workers, and their parent, which hands out trials and replaces the dead."""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

import safetensors.torch

from ..engine.tile import Tile
from ..errors import SearchError
from .desks import Watcher, keep_going, work_on
from .folder import COLUMNS
from .group import Group
from .wave import Progress

MOST_DEATHS = 3
LOOKED_UP_EVERY_S = 0.1


class ParentGone(Exception):
    """Nobody is at the other end of the pipe: the search was killed, and its workers end too."""


class _PipeDesk:
    """A forked worker's desk: asks its parent, by number, for trials that both know."""

    def __init__(self, pipe: Connection, trials: Sequence[Progress], watcher: Watcher) -> None:
        self._pipe, self._trials, self._watcher = pipe, trials, watcher
        self._numbers = {id(progress): number for number, progress in enumerate(trials)}

    def next(self, group: Group) -> Progress | None:
        self.send({"ask": group.shape.name})
        try:
            number = json.loads(self._pipe.recv_bytes())
        except (EOFError, OSError):
            raise ParentGone from None
        return None if number is None else self._trials[number]

    def check(self) -> None:
        """Nothing to look at: the parent stops its workers."""

    def on_epoch(self, progress: Progress) -> None:
        values = {name: getattr(progress, name) for name in COLUMNS}
        self.send({"epoch": self._numbers[id(progress)], "values": values})

    def on_pause(self, progress: Progress) -> None:
        assert progress.row is not None
        self.send({"row": self._numbers[id(progress)]})
        self._send_bytes(safetensors.torch.save(progress.row))

    def keep(self, slots: Sequence[Progress | None], tile: Tile) -> None:
        keep_going(self._watcher, slots, tile)

    def send(self, message: dict[str, Any]) -> None:
        self._send_bytes(json.dumps(message).encode())

    def _send_bytes(self, content: bytes) -> None:
        try:
            self._pipe.send_bytes(content)
        except OSError:
            raise ParentGone from None


class Forks:
    """The parent of forked workers: hands out trials, takes what comes back, replaces the dead."""

    def __init__(
        self,
        pairs: Sequence[tuple[Group, int]],
        until: int,
        num_workers: int,
        watcher: Watcher,
    ) -> None:
        self.pairs, self.until, self.num_workers, self.watcher = pairs, until, num_workers, watcher
        self.trials = [p for group, _ in pairs for p in group.waiting]
        self.begun = [replace(p, **_lists(p)) for p in self.trials]
        self.numbers = {id(progress): number for number, progress in enumerate(self.trials)}
        self.homes = [group for group, _ in pairs for _ in group.waiting]
        self.queues = {group.shape.name: group.waiting for group, _ in pairs}
        self.workers: dict[Connection, int] = {}
        self.held: dict[Connection, set[int]] = {}
        self.num_deaths = 0

    def run(self) -> None:
        """Run until every trial has left the wave."""
        try:
            for place in range(self.num_workers):
                self._fork(place)
            while self.workers:
                self.watcher.check()
                for pipe in wait(list(self.workers), LOOKED_UP_EVERY_S):
                    self._hear(pipe)  # pyright: ignore[reportArgumentType]
        finally:
            for pipe, process in self.workers.items():
                pipe.close()
                _end(process)

    def _fork(self, place: int) -> None:
        ours, theirs = Pipe()
        process = os.fork()
        if process == 0:
            for other in [*self.workers, ours]:
                other.close()
            self._be_worker(theirs, place)
        theirs.close()
        self.workers[ours], self.held[ours] = process, set()

    def _be_worker(self, pipe: Connection, place: int) -> None:
        """Work in the fork, and leave it without running what the parent would at its end."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells all; the parent decides
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        desk = _PipeDesk(pipe, self.trials, self.watcher)
        first = place % len(self.pairs)
        try:
            work_on([*self.pairs[first:], *self.pairs[:first]], self.until, desk)
            desk.send({"end": True})
        except ParentGone:
            pass
        except BaseException as error:  # noqa: BLE001 - told to the parent, whatever it is
            traceback.print_exc()
            with suppress(ParentGone):
                desk.send({"error": f"{type(error).__name__}: {error}"})
        finally:
            os._exit(0)

    def _hear(self, pipe: Connection) -> None:
        try:
            message = json.loads(pipe.recv_bytes())
        except (EOFError, OSError):
            self._bury(pipe)
            return
        if "ask" in message:
            self._answer(pipe, message["ask"])
        elif "epoch" in message:
            self._take(pipe, message["epoch"], message["values"])
        elif "row" in message:
            self.trials[message["row"]].row = safetensors.torch.load(pipe.recv_bytes())
        elif "error" in message:
            raise SearchError(
                "A worker failed.",
                given=message["error"],
                do="The trace above says where; goodfit resume goes on from what is done.",
            )
        else:
            _end(self.workers.pop(pipe))
            pipe.close()

    def _answer(self, pipe: Connection, name: str) -> None:
        queue, number = self.queues[name], None
        if queue:
            progress = queue.popleft()
            number = self.numbers[id(progress)]
            self.held[pipe].add(number)
        pipe.send_bytes(json.dumps(number).encode())

    def _take(self, pipe: Connection, number: int, values: dict[str, Any]) -> None:
        progress = self.trials[number]
        for name, value in values.items():
            setattr(progress, name, value)
        if progress.condition != "running":
            progress.row = None
            self.held[pipe].discard(number)
        self.watcher.on_epoch(progress)

    def _bury(self, pipe: Connection) -> None:
        """Let another worker train what a dead one held, from where it stood in the beginning."""
        _end(self.workers.pop(pipe))
        self.num_deaths += 1
        if self.num_deaths > MOST_DEATHS:
            raise SearchError(
                "Workers die again and again.",
                given=f"{self.num_deaths} deaths in one wave",
                do="Look for what kills them (memory?), or take --workers 1; then goodfit resume.",
            )
        for number in sorted(self.held.pop(pipe)):
            begun, progress = self.begun[number], self.trials[number]
            for name, value in {**vars(begun), **_lists(begun)}.items():
                setattr(progress, name, value)
            self.homes[number].waiting.append(progress)
        self._fork(0)


def _lists(progress: Progress) -> dict[str, list[float]]:
    names = ("train_loss", "validation_loss", "metric")
    return {name: list(getattr(progress, name)) for name in names}


def _end(process: int) -> None:
    """End a worker that has nothing more to say, and take its exit off the system's books."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(process, 0)
