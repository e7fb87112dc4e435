"""The progress bar of a search: best so far, trials alive, dropped and why, time left."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from ..report import metric_shown
from .flow import Silent
from .wave import AGAIN, Wave
from .wave import Progress as Trial

_SHOWN_EVERY_S = 0.1


class Bar(Silent):
    """Draws on standard error while the block runs; an epoch of one trial is a unit of work."""

    def __init__(self, *, show_folder: bool = True) -> None:
        self.best, self._best_number = -math.inf, 0
        self.left: Counter[str] = Counter()
        self._reached: dict[tuple[int, int, int], int] = {}
        self._alive, self._until, self._shown_at, self._show_folder = 0, 0, 0.0, show_folder
        self._metric = self._wave = ""
        self._console = Console(stderr=True)
        # The words come last and are cut where the window ends: their end matters least.
        words = Column(no_wrap=True, overflow="ellipsis", ratio=1)
        self._progress = Progress(
            BarColumn(bar_width=16),
            TextColumn("{task.percentage:>3.0f} %", table_column=Column(no_wrap=True)),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[told]}", table_column=words),
            console=self._console,
            expand=True,
        )
        self._task = self._progress.add_task("search", total=None, told="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._show()
        self._progress.stop()

    def on_begin(self, path: Path, metric: str) -> None:
        """Say where the study lies."""
        self._metric = metric
        if self._show_folder:
            self._console.print(f"Study folder: {path}", highlight=False, markup=False)

    def on_wave(self, wave: Wave, found: Sequence[Trial]) -> None:
        """Count the epochs of a wave and of those planned after it; none of earlier sessions."""
        self._until, going = wave.until, [p for p in found if p.condition == "running"]
        self._wave = wave.name
        for progress in found:
            self._reached[progress.asked.run] = progress.epoch
            self._judge(progress)
        self._alive = len(going)
        left = sum(map(self._left_of, going)) + wave.later
        self._progress.update(self._task, total=self._progress.tasks[0].completed + left)

    def on_epoch(self, progress: Trial) -> None:
        """Move on; what a trial that left has not run needs no more time."""
        run = progress.asked.run
        self._progress.advance(self._task, progress.epoch - self._reached.get(run, 0))
        self._reached[run] = progress.epoch
        self._judge(progress)
        if progress.condition != "running":
            self._alive -= 1
            total = self._progress.tasks[0].total or 0
            self._progress.update(self._task, total=max(total - self._left_of(progress), 1))
        if time.monotonic() - self._shown_at >= _SHOWN_EVERY_S:
            self._shown_at = time.monotonic()
            self._show()

    def _left_of(self, progress: Trial) -> int:
        """Return the epochs of its wave that a trial has not run."""
        return max(0, min(self._until, progress.asked.recipe.epochs or 1) - progress.epoch)

    def _judge(self, progress: Trial) -> None:
        if progress.condition in ("dropped", "failed"):
            self.left[progress.why] += 1
        elif progress.value > self.best and self._wave != AGAIN:
            self.best, self._best_number = progress.value, progress.asked.number

    def _show(self) -> None:
        best = metric_shown(self._metric, self.best) if self.best > -math.inf else ""
        told = [
            f"best {best} (trial {self._best_number})" if best else "",
            f"{self._alive} to go",
            *(f"{count} left: {why}" for why, count in self.left.most_common(2)),
            self._wave,
        ]
        self._progress.update(self._task, told=" | ".join(filter(None, told)))
