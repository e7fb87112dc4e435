"""The runner: takes waves to groups and workers, and keeps what comes back."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import torch

from ..engine.tile import Row
from ..errors import NetError
from ..pipeline.material import Known, Material, material_of
from ..recipe import Recipe
from ..records import Grouping
from ..runs import Cadence, Interruption, Journal
from .cluster import Cluster
from .folder import Before, StudyFolder, keep_row, kept_row, restored, row_of_progress
from .group import Group, decide_by_measuring
from .grouping import Choice, key_of, rows_by_model, shape_of
from .wave import Asked, Progress, Wave
from .workers import run_wave

FIRST_KEPT_S = 20.0


class Teller(Protocol):
    """Is told how a search goes."""

    def on_wave(self, wave: Wave, found: Sequence[Progress]) -> None:
        """A wave begins; some of its trials may have been trained by an earlier session."""
        ...

    def on_epoch(self, progress: Progress) -> None:
        """A trial has finished an epoch."""
        ...


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Runner:
    """Trains waves one after the other; what is stored already is taken from there."""

    def __init__(
        self,
        known: Known,
        folder: StudyFolder,
        journal: Journal,
        before: Before,
        interruption: Interruption,
        teller: Teller,
        *,
        workers: int | None,
        rows: int | None,
        mode: str,
        cluster: Cluster | None = None,
    ) -> None:
        self.known, self.folder, self.journal, self.before = known, folder, journal, before
        self.interruption, self.teller = interruption, teller
        self.workers = cluster.workers if cluster else workers or cores()
        self.cluster, self.rows, self.mode = cluster, rows, mode
        self.groups: dict[str, Group] = {}
        self._members: dict[str, set[tuple[int, int, int]]] = {}
        self._noted: set[str] = set()
        self._paused: dict[int, Progress] = {}
        self._places: dict[int, int] = {}
        self._wave = -1
        self._cadence = Cadence(share=0.02, first_s=FIRST_KEPT_S)
        self._keeping_since: float | None = None

    def run(self, wave: Wave) -> list[Progress]:
        """Train a wave and return what each trial gave, in the wave's order.

        Raises:
            Interrupted: a signal came; trials that have ended are in the journal.
        """
        self._wave += 1
        found = [self._begin(place, asked, wave) for place, asked in enumerate(wave.trials)]
        self._places = {id(progress): place for place, progress in enumerate(found)}
        self.teller.on_wave(wave, found)
        for progress in found:
            if progress.condition == "running":
                self._queue(progress)
        waiting = [group for group in self.groups.values() if group.waiting]
        if waiting and self.cluster is not None:
            self.cluster.run_wave(waiting, wave.until, self, self._kept_at)
        elif waiting:
            before = torch.get_num_threads()
            run_wave(waiting, wave.until, self._num_workers(waiting), self)
            torch.set_num_threads(before)
        self._paused = {p.asked.number: p for p in found if p.condition == "paused"}
        self.journal.sync()
        return found

    def _num_workers(self, groups: list[Group]) -> int:
        own = any(group.shape.own for group in groups)
        waiting = sum(len(group.waiting) for group in groups)
        return 1 if own else min(self.workers, waiting)

    def _begin(self, place: int, asked: Asked, wave: Wave) -> Progress:
        """Return a trial as it was stored or kept, as it paused, or new."""
        row = self.before.trials.get((self._wave, place))
        if row is not None:
            progress = restored(asked, row)
            self._count(progress)
            return progress
        paused = self._paused.get(asked.number)
        kept = kept_row(self.folder.rows(self._wave, place), asked)
        progress = kept or paused or Progress(asked)
        if progress.row is None:
            progress = Progress(asked)  # its weights are gone: the same epochs again
        progress.asked, progress.condition = asked, "running"
        return progress

    def _queue(self, progress: Progress) -> None:
        key = key_of(progress.asked.recipe)
        try:
            group = self._group_of(key, progress.asked.recipe)
        except NetError as error:
            progress.condition, progress.why = "failed", error.what
            progress.began = progress.ended = time.time()
            self.on_epoch(progress)
            return
        group.waiting.append(progress)
        progress.group = key
        self._count(progress)

    def _count(self, progress: Progress) -> None:
        """Count a training as one of its group, once in all sessions and waves."""
        if progress.group:
            self._members.setdefault(progress.group, set()).add(progress.asked.run)

    def _group_of(self, key: str, recipe: Recipe) -> Group:
        if key not in self.groups:
            shape = shape_of(recipe, self.known, self.known.input_shape)
            found = rows_by_model(shape)
            if self.rows is not None and not shape.own:
                found = Choice((self.rows,), "asked for")
            material = self._material(recipe)
            group = Group(
                shape, self.known, material, recipe, found.rows[0], found.reason, self.mode, deque()
            )
            if len(found.rows) > 1:
                decide_by_measuring(group, found.rows)
            self.groups[key] = group
        return self.groups[key]

    def _material(self, recipe: Recipe) -> Material:
        """Return the data; groups share what is held, whatever their batch size."""
        if not hasattr(self, "_held"):
            self._held = material_of(self.known, recipe, self.folder.path)
        return self._held

    def check(self) -> None:
        """Stop all workers where a signal came."""
        self.interruption.check()

    def on_epoch(self, progress: Progress) -> None:
        """Put a trial that has left its wave on record."""
        if progress.condition != "running":
            place = self._places.get(id(progress), 0)
            self._note_group(progress.group)
            self.journal.append(row_of_progress(self._wave, place, progress))
        self.teller.on_epoch(progress)

    def _note_group(self, name: str) -> None:
        """Put a group's decisions on record with the first of its trials, for later sessions."""
        if name in self.groups and name not in self._noted:
            self._noted.add(name)
            self.journal.append({"kind": "group", "group": self._grouping(name).to_json()})

    def keeps(self) -> bool:
        """Say whether rows are due to be kept."""
        return self._cadence.due()

    def keep(self, progress: Progress, row: Row) -> None:
        """Keep a trial's weights."""
        began = time.perf_counter()
        keep_row(self._kept_at(progress), progress, row)
        self._cadence.saved(time.perf_counter() - began)

    def _kept_at(self, progress: Progress) -> Path:
        return self.folder.rows(self._wave, self._places[id(progress)])

    def groupings(self) -> tuple[Grouping, ...]:
        """Return what was decided for each group, also in earlier sessions, and its trials."""
        return tuple(
            self._grouping(name)
            if name in self.groups
            else replace(self.before.groups[name], num_trials=len(members))
            for name, members in self._members.items()
            if name in self.groups or name in self.before.groups
        )

    def _grouping(self, name: str) -> Grouping:
        group = self.groups[name]
        return Grouping(
            name=name,
            num_trials=len(self._members[name]),
            num_parameters=group.shape.num_parameters,
            rows=group.rows,
            workers=self.workers,
            executor=group.kind or "none",
            reason="; ".join(filter(None, [group.reason, group.kind_reason])),
        )

    @property
    def preparing_s(self) -> float:
        """Seconds that tracing took in this session, over all groups and workers of a cluster."""
        there = self.cluster.preparing_s if self.cluster else 0.0
        return there + sum(group.preparing_s for group in self.groups.values())
