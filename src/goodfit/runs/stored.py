"""Records as JSON files in a run folder, and the seal of the test part."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from ..errors import RunError
from ..records import Record, Scores
from .atomic import read_errors, write_json
from .folder import RunFolder

R = TypeVar("R", bound=Record)


_ADVICE = "Put the file back as it was written, or train the run again from its recipe.toml."


@dataclass(frozen=True, kw_only=True)
class Unsealed(Record):
    """When the test part was opened (ISO 8601, UTC), and what it showed."""

    opened: str
    scores: Scores


def write_record(path: Path, record: Record) -> None:
    """Write a record as a JSON file, whole or not at all.

    Raises:
        RunError: no space is left, or the folder cannot be written.
    """
    write_json(path, record.to_json())


def write_records(path: Path, records: Sequence[Record]) -> None:
    """Write records as one JSON list; see `write_record`."""
    write_json(path, [record.to_json() for record in records])


def read_record(path: Path, kind: type[R], *, do: str = _ADVICE) -> R:
    """Read the record of type ``kind`` that `write_record` wrote, equal in every bit.

    ``do`` is the remedy where the file is damaged.

    Raises:
        RunError: the file is missing, is damaged, or holds something else; names it.

    Example:
        >>> import tempfile
        >>> from goodfit.records import SplitSizes
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "sizes.json"
        ...     write_record(path, SplitSizes(train=70, validation=15, test=15))
        ...     read_record(path, SplitSizes).train
        70
    """
    return _decode(path, kind, _read_json(path, do), do)


def read_records(path: Path, kind: type[R], *, do: str = _ADVICE) -> tuple[R, ...]:
    """Read the list of records that `write_records` wrote; raises as `read_record`."""
    values = _read_json(path, do)
    if not isinstance(values, list):
        given = f"a {type(values).__name__}"
        raise _misshapen(path, f"a list of {kind.__name__}", given, do)
    return tuple(_decode(path, kind, value, do) for value in values)


def break_seal(run: RunFolder, scores: Scores, *, now: datetime | None = None) -> Unsealed:
    """Put the test scores on record, once; from then on the seal counts as broken.

    Show the scores only afterwards: a process that dies before has shown nothing, and one
    that dies later is on record. Call it while holding ``run.locked()``.

    Raises:
        RunError: the seal was broken before; says when.
    """
    check_sealed(run)
    opened = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    unsealed = Unsealed(opened=opened, scores=scores)
    write_record(run.scores_test, unsealed)
    return unsealed


def check_sealed(run: RunFolder) -> None:
    """Make sure that the test part of a run was never opened.

    Raises:
        RunError: it was; says when. The file's existence decides, also when it is damaged.
    """
    if run.scores_test.exists():
        raise RunError(
            f"The test part of {run.path} was opened before, at {read_unsealed(run).opened}.",
            given=run.scores_test,
            do="Read the scores there: a second look would no longer be an honest test.",
        )


def read_unsealed(run: RunFolder) -> Unsealed:
    """Read what the test part showed; raises as `read_record`."""
    return read_record(run.scores_test, Unsealed)


def _read_json(path: Path, do: str) -> Any:
    if not path.exists():
        raise RunError(
            f"The run has no {path.name}.", given=path, do="Finish it first: goodfit resume"
        )
    try:
        with read_errors(path):
            return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # not UTF-8, or not JSON
        raise RunError(
            f"{path.name} is damaged: it is not JSON ({error}).", given=path, do=do
        ) from None


def _decode(path: Path, kind: type[R], values: Any, do: str) -> R:
    try:
        return kind.from_json(values)
    except ValueError as error:
        raise _misshapen(path, f"a {kind.__name__}", str(error), do) from None


def _misshapen(path: Path, wanted: str, given: str, do: str) -> RunError:
    return RunError(f"{path.name} does not hold {wanted}.", given=f"{path}: {given}", do=do)
