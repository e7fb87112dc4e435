"""The same study on a Ray cluster: a task is a tile of trials.

The driver alone decides, and alone writes the journal and Optuna's storage; tasks get recipes and
weights and send back how trials go. Ray's own retries are off: a tile whose worker died is sent
again from here, without the trials that had ended, so that each is counted once.
"""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors.torch

from ..errors import SearchError
from ..pipeline.material import Known
from ..recipe import Recipe
from .cluster_ray import num_cpus_of, ray_module
from .cluster_task import LISTS, mark_of, study_of, train_tile
from .desks import Watcher
from .folder import COLUMNS, StudyFolder
from .group import Group
from .wave import Progress

MOST_SENT = 4
LOOKED_UP_EVERY_S, COUNTED_EVERY_S = 0.1, 10.0


def tile_rows(waiting: Sequence[int], most: Sequence[int], num_cpus: int) -> list[int]:
    """Return each group's trials a tile: at most its rows, few enough for all CPUs to get work.

    A group of n of N trials gets its share of the CPUs, n / N; its tiles are of one size, since
    each size is traced anew.

    Example:
        >>> tile_rows([100, 4], [32, 32], 4), tile_rows([33], [32], 1)
        ([25, 4], [17])
    """
    total, sizes = sum(waiting), []
    for num, top in zip(waiting, most, strict=True):
        cpus = max(1, round(num_cpus * num / total))
        tiles = -(-num // min(top, -(-num // cpus)))
        sizes.append(-(-num // tiles))
    return sizes


@dataclass
class _Errand:
    """A tile on its way: its trials, how they stood when they were sent, how often they were."""

    group: Group
    trials: list[Progress]
    begun: list[Progress]
    num_rows: int
    num_tiles: int
    num_sent: int = 0


class Cluster:
    """Trains waves on a cluster that this process is connected to.

    Args:
        num_cpus: The cluster's, for the size of tiles.
        most: Tiles at a time; None for as many as the cluster has CPUs for.
        base: The space's recipe without distributions, by which a worker reads the data.
        known: The data as it is here.
        folder: The study's, in which workers keep rows where they see it.
        keep_after_s: Seconds until a tile's rows are kept for the first time.
    """

    def __init__(
        self,
        num_cpus: int,
        most: int | None,
        base: Recipe,
        known: Known,
        folder: StudyFolder,
        *,
        keep_after_s: float,
    ) -> None:
        self.num_cpus, self.most = num_cpus, most
        self.study = study_of(base, known)
        keep = {"folder": str(folder.path.resolve()), "mark": mark_of(folder)}
        self.keep = {**keep, "after_s": keep_after_s}
        self.preparing_s = 0.0

    @property
    def workers(self) -> int:
        """Tiles that train at a time."""
        return min(self.num_cpus, self.most or self.num_cpus)

    def run_wave(
        self,
        groups: Sequence[Group],
        until: int,
        watcher: Watcher,
        kept_at: Callable[[Progress], Path],
    ) -> None:
        """Train all that waits in ``groups`` until ``until`` epochs are done.

        Raises:
            SearchError: a task failed, a tile's workers died again and again, or the cluster has
                no CPU left. What ``watcher.check`` raises is raised here; tasks are cancelled.
        """
        _ClusterWave(self, groups, until, watcher, kept_at).run()


class _ClusterWave:
    """A wave's tiles: what waits to be sent, what is on its way, what came back."""

    def __init__(
        self,
        cluster: Cluster,
        groups: Sequence[Group],
        until: int,
        watcher: Watcher,
        kept_at: Callable[[Progress], Path],
    ) -> None:
        self.cluster, self.until, self.watcher, self.kept_at = cluster, until, watcher, kept_at
        self.ray = ray_module()
        remote = self.ray.remote(num_cpus=1, max_retries=0, num_returns="streaming")
        self.task = remote(train_tile)
        self.waiting = deque(_errands(groups, cluster.workers))
        self.going: dict[Any, _Errand] = {}
        self.heard_at = time.monotonic()

    def run(self) -> None:
        """Run until every trial has left the wave; cancel what is on its way where that fails."""
        most = self.cluster.most or math.inf
        try:
            while self.waiting or self.going:
                self.watcher.check()
                while self.waiting and len(self.going) < most:
                    self._send(self.waiting.popleft())
                self._listen()
        finally:
            for stream in self.going:
                self.ray.cancel(stream)

    def _listen(self) -> None:
        ready, _ = self.ray.wait(list(self.going), num_returns=1, timeout=LOOKED_UP_EVERY_S)
        for stream in ready:
            self._hear(stream)
        now = time.monotonic()
        if ready:
            self.heard_at = now
        elif now - self.heard_at > COUNTED_EVERY_S:
            self.heard_at = now
            num_cpus_of(self.ray)

    def _send(self, errand: _Errand) -> None:
        errand.num_sent += 1
        recipe = errand.group.recipe.model_dump(mode="json")
        group = {"recipe": recipe, "mode": errand.group.mode, "rows": errand.num_rows}
        words = {
            "study": self.cluster.study,
            "keep": self.cluster.keep,
            "group": {**group, "tiles": errand.num_tiles},
            "until": self.until,
            "trials": [self._words_of(progress) for progress in errand.trials],
        }
        rows = [safetensors.torch.save(p.row) if p.row else b"" for p in errand.trials]
        self.going[self.task.remote(json.dumps(words), rows)] = errand

    def _words_of(self, progress: Progress) -> dict[str, Any]:
        return {
            "number": progress.asked.number,
            "recipe": progress.asked.recipe.model_dump(mode="json"),
            "columns": {name: getattr(progress, name) for name in COLUMNS},
            "kept": str(self.kept_at(progress).resolve()),
        }

    def _hear(self, stream: Any) -> None:
        """Take a tile's next message, its end, its failure, or its worker's death."""
        errors = self.ray.exceptions
        try:
            text, rows = self.ray.get(next(stream))
        except StopIteration:
            self._bury(stream, "it ended without a word")
        except errors.RayTaskError as error:
            raise SearchError(
                "A task failed on the cluster.",
                given=str(error.cause or error).strip().splitlines()[-1],
                do="Every node needs the same goodfit and torch; goodfit resume goes on.",
            ) from error
        except errors.RayError as error:
            self._bury(stream, type(error).__name__)
        else:
            self._take(stream, json.loads(text), rows)

    def _take(self, stream: Any, message: dict[str, Any], rows: Sequence[bytes]) -> None:
        errand = self.going[stream]
        for event in message["told"]:
            self._note(errand.trials[event["trial"]], event, rows)
        if "error" in message:
            error = message["error"]
            raise SearchError(error["what"], given=error["given"], do=error["do"])
        if "end" in message:
            end, group = message["end"], errand.group
            group.kind, group.kind_reason = end["kind"], end["reason"]
            self.cluster.preparing_s += end["preparing_s"]
            del self.going[stream]

    def _note(self, progress: Progress, event: dict[str, Any], rows: Sequence[bytes]) -> None:
        for name, value in event["state"].items():
            setattr(progress, name, value)
        for name, values in event["lists"].items():
            getattr(progress, name)[event["from"] :] = values
        if progress.condition != "running":
            packed = rows[event["row"]] if "row" in event else None
            progress.row = safetensors.torch.load(packed) if packed else None
        self.watcher.on_epoch(progress)

    def _bury(self, stream: Any, why: str) -> None:
        """Send what a dead worker held again: the trials that had not ended, as they stood."""
        errand = self.going.pop(stream)
        pairs = zip(errand.trials, errand.begun, strict=True)
        left = [pair for pair in pairs if pair[0].condition == "running"]
        if left and errand.num_sent >= MOST_SENT:
            raise SearchError(
                "Workers of the cluster die again and again.",
                given=f"{why}, {errand.num_sent} times for the same {len(left)} trials",
                do="Look for what kills them (memory?), or take fewer --rows; then goodfit resume.",
            )
        for progress, begun in left:
            vars(progress).update(vars(_copy(begun)))
        errand.trials, errand.begun = [p for p, _ in left], [b for _, b in left]
        if left:
            self.waiting.append(errand)


def _errands(groups: Sequence[Group], num_cpus: int) -> list[_Errand]:
    """Cut what waits into tiles, and empty the queues."""
    counts = [len(group.waiting) for group in groups]
    sizes = tile_rows(counts, [group.rows for group in groups], num_cpus)
    errands = []
    for group, num, size in zip(groups, counts, sizes, strict=True):
        each = max(1, round(num / size / num_cpus))
        while group.waiting:
            trials = [group.waiting.popleft() for _ in range(min(size, len(group.waiting)))]
            errands.append(_Errand(group, trials, [_copy(p) for p in trials], size, each))
    return errands


def _copy(progress: Progress) -> Progress:
    """Return a trial with lists of its own."""
    return replace(progress, **{name: list(getattr(progress, name)) for name in LISTS})
