"""What watches a run from outside: it keeps checkpoints and history, and shows progress."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from torch import Tensor

from ..engine import Kind
from ..errors import Interrupted, RunError
from ..loop import Course, Row
from ..runs import Cadence, Interruption, Journal, RunFolder, checkpoints
from ..runs.checkpoints import Checkpoint

SHARE_FOR_CHECKPOINTS = 0.01
_COUNTERS = ("step", "epoch", "best_epoch", "best_loss", "best_metric", "stopped", "losses")
_SHOWN_EVERY_S = 0.1
_UNITS = "units."


class Keeper:
    """Keeps a run on disk: history rows as they come, checkpoints when due, one on a signal.

    Saving takes at most about 1 % of the time (see ``Cadence``); when it happens changes nothing
    in what is computed.
    """

    def __init__(
        self,
        folder: RunFolder,
        journal: Journal,
        interruption: Interruption,
        *,
        notes: Sequence[str] = (),
    ) -> None:
        self.folder, self.journal, self.interruption = folder, journal, interruption
        self.executor: Kind | None = None
        self.executor_reason = ""
        self.num_resumes = 0
        self.spent_s = 0.0
        self._train_s, self._began = 0.0, time.perf_counter()
        self.notes = list(notes)
        self._cadence = Cadence(SHARE_FOR_CHECKPOINTS)

    def take_up(self, found: Checkpoint) -> None:
        """Go on from a checkpoint: cut the history back to it, and remember what was said."""
        self.journal.truncate_to(found.state["journal_bytes"])
        self.executor = found.state["executor"]
        self.executor_reason = found.state["executor_reason"]
        self.num_resumes = found.state["num_resumes"] + (not found.state["stopped"])
        self._train_s, self.spent_s = found.state["train_s"], found.state["checkpoint_s"]
        self.notes = [*found.state["notes"], *found.skipped]

    def begin(self) -> None:
        """Count the time from here on as training."""
        self._began = time.perf_counter()

    @property
    def train_s(self) -> float:
        """Seconds of training, those before an interruption included."""
        return self._train_s + time.perf_counter() - self._began

    def end(self, course: Course) -> None:
        """Close the history: why the run stopped, and which epoch was best."""
        row = {"stopped": course.stopped, "best_epoch": course.best_epoch, "notes": self.notes}
        self.journal.append({"kind": "end", **row})
        self.journal.sync()

    def after_steps(self, course: Course) -> None:
        """Save if it is time, or if the run was asked to stop."""
        if self.interruption.requested:
            self._stop(course)
        if self._cadence.due():
            self.save(course)

    def while_evaluating(self, course: Course) -> None:
        """Stop between blocks; the validation pass is done again when the run goes on."""
        if self.interruption.requested:
            self._stop(course)

    def after_look(self, course: Course, row: Row) -> None:
        """Write what a look gave."""
        self.journal.append(row)

    def after_epoch(self, course: Course, rows: list[Row]) -> None:
        """Write the epoch's rows, and the best weights when they are new."""
        for row in rows:
            self.journal.append(row)
        if course.stopped:
            self.save(course)
        self.after_steps(course)

    def save(self, course: Course) -> None:
        """Write a checkpoint: everything that the run needs to end in the same bits."""
        began = time.perf_counter()
        state = {name: getattr(course, name) for name in _COUNTERS}
        state |= {"executor": self.executor, "executor_reason": self.executor_reason}
        state |= {"num_resumes": self.num_resumes}
        state |= {"train_s": self.train_s, "checkpoint_s": self.spent_s}
        state |= {"notes": self.notes, "journal_bytes": self.journal.sync()}
        checkpoints.save(self.folder.checkpoints, course.step, course_tensors(course), state)
        spent = time.perf_counter() - began
        self.spent_s += spent
        self._cadence.saved(spent)

    def _stop(self, course: Course) -> None:
        self.save(course)
        raise Interrupted(
            f"Stopped by {self.interruption.name} after step {course.step}; everything is saved.",
            do=how_to_go_on(self.folder),
        )


def stop_if_asked(interruption: Interruption, folder: RunFolder | None = None) -> None:
    """Leave by an exception if a signal came; for where there is no step to save.

    Raises:
        Interrupted: a signal came; says how to go on.
    """
    if interruption.requested and folder is None:
        raise Interrupted(
            f"Stopped by {interruption.name}; nothing was written yet.", do="Start it again."
        )
    if interruption.requested and folder is not None:
        raise Interrupted(
            f"Stopped by {interruption.name}; no step was lost.", do=how_to_go_on(folder)
        )


def how_to_go_on(folder: RunFolder) -> str:
    """Return the command that continues a run, as one types it.

    Example:
        >>> from pathlib import Path
        >>> how_to_go_on(RunFolder(Path("my runs/iris-1")))
        "Go on with: goodfit resume 'my runs/iris-1'"
    """
    return f"Go on with: goodfit resume {shlex.quote(str(folder.path))}"


def course_tensors(course: Course) -> dict[str, Tensor]:
    """Return the tensors of a course by the names that a checkpoint gives them."""
    best = {f"best.{name}": tensor for name, tensor in course.best.items()}
    units = {f"{_UNITS}{name}": tensor for name, tensor in course.units.items()}
    return {**course.population.named(), **best, **units, "probes": course.probes}


def restore(course: Course, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Put a checkpoint back into a course.

    Raises:
        RunError: the course is that of another network, optimiser or loader.
    """
    found = [name for name in tensors if name.startswith(_UNITS)]
    course.units = {name.removeprefix(_UNITS): tensors[name].clone() for name in found}
    now = course_tensors(course)
    for name in now.keys() | tensors.keys():
        _check_shape(name, now.get(name), tensors.get(name))
    for name, tensor in now.items():
        tensor.copy_(tensors[name])
    for name in _COUNTERS:
        setattr(course, name, state[name])


def _check_shape(name: str, now: Tensor | None, before: Tensor | None) -> None:
    shapes = [None if tensor is None else list(tensor.shape) for tensor in (now, before)]
    if shapes[0] != shapes[1]:
        raise RunError(
            "The run began with another network, optimiser or number of batches.",
            given=f"{name} of shape {shapes[0]} now, {shapes[1]} in the checkpoint",
            do="Resume with what it began with, or train a new run.",
        )


class Bar:
    """A progress bar on standard error: epoch, loss, metric, learning rate, time left."""

    def __init__(self, *, num_steps: int, metric: str, rate: Callable[[Course], float]) -> None:
        self.metric, self.rate = metric, rate
        self._validated, self._shown_at = "", 0.0
        self._progress = Progress(*_columns(), console=Console(stderr=True), transient=False)
        self._task = self._progress.add_task("training", total=num_steps, told="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def after_steps(self, course: Course) -> None:
        """Move on, ten times a second at most: drawing costs more than a small step."""
        now = time.monotonic()
        if now - self._shown_at >= _SHOWN_EVERY_S:
            self._shown_at = now
            self._show(course)

    def after_look(self, course: Course, row: Row) -> None:
        """Nothing to show."""

    def while_evaluating(self, course: Course) -> None:
        """Nothing to show."""

    def after_epoch(self, course: Course, rows: list[Row]) -> None:
        """Take the validation part's loss and metric; draw the end of the run."""
        row = rows[-1]
        metric = f"{self.metric} {row['metric']:.3f}"
        self._validated = f" | validation {row['validation_loss']:.4g}, {metric}"
        if course.stopped:
            self._show(course)

    def _show(self, course: Course) -> None:
        done = course.step % len(course.probes) or len(course.probes)
        loss = float(course.probes[done - 1, 0])
        rate = self.rate(course)
        told = f"epoch {course.epoch + 1} loss {loss:.4g} lr {rate:.2g}{self._validated}"
        self._progress.update(self._task, completed=course.step, told=told)


def _columns() -> tuple[ProgressColumn, ...]:
    return (
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(compact=True),
    )


class Together:
    """Several observers as one."""

    def __init__(self, *observers: Any) -> None:
        self.observers = observers

    def after_steps(self, course: Course) -> None:
        """Tell each, in order."""
        for observer in self.observers:
            observer.after_steps(course)

    def after_look(self, course: Course, row: Row) -> None:
        """Tell each, in order."""
        for observer in self.observers:
            observer.after_look(course, row)

    def while_evaluating(self, course: Course) -> None:
        """Tell each, in order."""
        for observer in self.observers:
            observer.while_evaluating(course)

    def after_epoch(self, course: Course, rows: list[Row]) -> None:
        """Tell each, in order; the keeper, which may end the run, comes last."""
        for observer in self.observers:
            observer.after_epoch(course, rows)
