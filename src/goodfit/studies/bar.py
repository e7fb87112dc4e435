"""The progress bar of a search: best so far, trials alive, dropped and why, time left."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from .flow import Silent
from .wave import Asked, Wave
from .wave import Progress as Trial

_SHOWN_EVERY_S = 0.1


class Bar(Silent):
    """Draws on standard error while the block runs; an epoch of one trial is a unit of work."""

    def __init__(self, *, show_folder: bool = True) -> None:
        self.best, self._best_number = -math.inf, 0
        self.left: Counter[str] = Counter()
        self._reached: dict[tuple[int, int, int], int] = {}
        self._alive, self._until, self._shown_at, self._show_folder = 0, 0, 0.0, show_folder
        self._console = Console(stderr=True)
        self._progress = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(compact=True),
            console=self._console,
        )
        self._task = self._progress.add_task("search", total=None, told="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._show()
        self._progress.stop()

    def on_folder(self, path: Path) -> None:
        """Say where the study lies."""
        if self._show_folder:
            self._console.print(f"Study folder: {path}", highlight=False, markup=False)

    def on_wave(self, wave: Wave, found: Sequence[Trial]) -> None:
        """Add a wave's epochs to the work; what an earlier session has trained is none."""
        self._until, going = wave.until, [p for p in found if p.condition == "running"]
        for progress in found:
            self._reached[_run_of(progress.asked)] = progress.epoch
            self._judge(progress)
        self._alive = len(going)
        total = self._progress.tasks[0].completed + sum(map(self._left_of, going))
        self._progress.update(self._task, total=total)

    def on_epoch(self, progress: Trial) -> None:
        """Move on; what a trial that left has not run needs no more time."""
        run = _run_of(progress.asked)
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
        elif progress.value > self.best:
            self.best, self._best_number = progress.value, progress.asked.number

    def _show(self) -> None:
        best = f"best {self.best:.4f} (trial {self._best_number})" if self.best > -math.inf else ""
        gone = "; ".join(f"{count} left: {why}" for why, count in self.left.most_common(2))
        told = " | ".join(filter(None, [best, f"{self._alive} to go", gone]))
        self._progress.update(self._task, told=told)


def _run_of(asked: Asked) -> tuple[int, int, int]:
    """Return what tells a training from others: number, seed, length."""
    return asked.number, asked.recipe.seed, asked.recipe.epochs or 1
