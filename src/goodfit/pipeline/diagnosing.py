"""Diagnosis on its own: of a run folder, of a watched loop, of a table that another tool wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .. import runs
from ..diagnosis import judge, read_losses, told_once
from ..errors import DataError, RunError
from ..records import DataCard, Finding, History, Record, Verdict
from ..runs import RunFolder
from .training import METRICS


@dataclass(frozen=True, kw_only=True)
class Diagnosis(Record):
    """What rules say of a history, and, of a run, what the checks before it said."""

    source: str
    history: History
    verdicts: tuple[Verdict, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, in order of cause, each rule once."""
        return told_once(v.finding for v in self.verdicts if v.finding is not None)


def diagnose(source: Path | str | History) -> Diagnosis:
    """Judge what was measured, and say what is wrong, why, and what to do.

    Args:
        source: A run folder (finished, interrupted, or training now), a history that
            ``watch.save`` wrote (``.json``), a CSV or JSONL of losses, or a ``History``.

    Raises:
        RunError: there is no such path, or its files are damaged.
        DataError: a file holds no losses.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     table = Path(folder) / "losses.csv"
        ...     _ = table.write_text("loss\\n" + "2.3\\n" * 40 + "nan\\n" * 10)
        ...     [finding.rule for finding in diagnose(table).findings][:1]
        ['loss-not-finite']
    """
    if isinstance(source, History):
        return Diagnosis(source="a history", history=source, verdicts=judge(source))
    path = runs.path_of(source)
    if not path.exists():
        raise RunError(
            "There is nothing at this path.",
            given=path,
            do="Name a run folder, a history of watch.save, or a CSV of losses.",
        )
    if path.is_dir():
        return _of_run(runs.open_run(path))
    history = _saved(path) if path.suffix == ".json" else read_losses(path)
    return Diagnosis(source=str(path), history=history, verdicts=judge(history))


def _of_run(folder: RunFolder) -> Diagnosis:
    """Read what stands in a run's folder now; a run in training is read up to its last line."""
    metric = "accuracy"
    if folder.card.exists():
        metric = METRICS[runs.read_record(folder.card, DataCard).task][0]
    history = runs.read_history(folder.history, metric=metric)
    checked = runs.read_records(folder.verdicts, Verdict) if folder.verdicts.exists() else ()
    verdicts = (*checked, *judge(history))
    return Diagnosis(source=str(folder.path), history=history, verdicts=verdicts)


def _saved(path: Path) -> History:
    try:
        return History.from_json(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise DataError(
            "This file is no history that watch.save wrote.",
            given=f"{path}: {str(error).splitlines()[0]}",
            do="Name a run folder, a history of watch.save, or a CSV of losses.",
        ) from None
