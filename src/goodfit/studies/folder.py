"""The study folder: what lies in it, under which name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..engine.tile import Row
from ..errors import SearchError
from ..records import Grouping, Record
from ..runs import checkpoints, default_path, read_record, read_rows, write_record, write_text
from ..runs.atomic import disk_errors
from ..runs.folder import OF_A_STUDY
from .storage_errors import masked
from .wave import Asked, Progress

COLUMNS = (
    *("condition", "why", "seconds", "group", "first_loss", "best_loss", "best_metric"),
    *("best_epoch", "train_loss", "validation_loss", "metric", "began", "ended"),
)


# The settings by which a strategy asks for trials.
ASKING = ("strategy", "trials", "seed", "at_once", "confirm", "confirm_seeds")


@dataclass(frozen=True)
class Settings(Record):
    """How a study searches; None is decided by the engine.

    ``storage`` is a URL of Optuna's, ``cluster`` an address of Ray's, or empty: this machine.
    ``made_of`` is the hash by which the space, the data and these settings are known again.
    """

    strategy: str
    trials: int
    seed: int
    at_once: int
    confirm: int
    confirm_seeds: int
    workers: int | None
    rows: int | None
    mode: str
    storage: str
    name: str
    cluster: str = ""
    made_of: str = ""


@dataclass(frozen=True)
class StudyFolder:
    """Where each part of a study lies.

    Example:
        >>> StudyFolder(Path("studies/first")).journal.as_posix()
        'studies/first/trials.jsonl'
    """

    path: Path

    @property
    def space(self) -> Path:
        """The space, as TOML."""
        return self.path / "space.toml"

    @property
    def settings(self) -> Path:
        """How it searches."""
        return self.path / OF_A_STUDY

    @property
    def journal(self) -> Path:
        """What each trial gave, appended as it ends."""
        return self.path / "trials.jsonl"

    @property
    def record(self) -> Path:
        """The whole study, at its end."""
        return self.path / "study.json"

    @property
    def findings(self) -> Path:
        """What the study says about itself."""
        return self.path / "findings.json"

    @property
    def best(self) -> Path:
        """The best trial as a recipe, to be trained by ``goodfit train --recipe``."""
        return self.path / "best.toml"

    @property
    def report(self) -> Path:
        """The page."""
        return self.path / "report.html"

    @property
    def database(self) -> Path:
        """Optuna's SQLite storage."""
        return self.path / "study.db"

    @property
    def url(self) -> str:
        """That storage as a URL."""
        return f"sqlite:///{self.database}"

    @property
    def lock_file(self) -> Path:
        """Held while a process searches."""
        return self.path / ".lock"

    def rows(self, wave: int, place: int) -> Path:
        """The folder of a trial's checkpoints."""
        return self.path / "rows" / f"{wave}-{place}"


def is_study(path: Path) -> bool:
    """Tell whether a study lies in a folder."""
    return StudyFolder(path).settings.exists()


def check_is_free(path: Path) -> None:
    """Raise unless a study can be made in a folder: it does not exist, or is empty.

    Raises:
        SearchError: it is taken.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        taken = "a study: go on with goodfit resume" if is_study(path) else "not empty"
        raise SearchError(
            "The folder of the study is taken.", given=f"{path}, {taken}", do="Name another --out."
        )


def make_study(path: Path, *, space: str, settings: Settings) -> StudyFolder:
    """Make a study folder, which must not exist, or be empty.

    How it searches is for its owner's eyes only where the storage's URL holds a password.

    Raises:
        SearchError: it is taken.
        RunError: it cannot be written.
    """
    folder = StudyFolder(path)
    check_is_free(path)
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    write_text(folder.space, space)
    write_record(folder.settings, settings)
    if masked(settings.storage) != settings.storage:
        folder.settings.chmod(0o600)
    return folder


def open_study(path: Path) -> tuple[StudyFolder, Settings]:
    """Return the study in a folder, and how it searches.

    Raises:
        SearchError: there is none.
        RunError: a file is damaged.
    """
    if not is_study(path):
        raise SearchError(
            "There is no study in this folder.", given=path, do="Begin one: goodfit search SPACE"
        )
    folder = StudyFolder(path)
    lost = "Put the file back as it was written, or begin another study: goodfit search SPACE"
    return folder, read_record(folder.settings, Settings, do=lost)


def numbered(name: str, root: Path) -> Path:
    """Return the next free ``root/NAME-N``."""
    return default_path(name, root)


def row_of_progress(wave: int, place: int, progress: Progress) -> dict[str, Any]:
    """Return what the journal keeps of a trial that has left its wave."""
    kept = {name: getattr(progress, name) for name in COLUMNS}
    return {"kind": "trial", "wave": wave, "place": place, **kept}


@dataclass(frozen=True)
class Before:
    """What earlier sessions of a study have left: trials by wave and place, groups by name.

    ``seconds`` and ``preparing_s`` are those of sessions that came to their end or were asked to.
    """

    trials: Mapping[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    groups: Mapping[str, Grouping] = field(default_factory=dict)
    seconds: float = 0.0
    preparing_s: float = 0.0


def before_of(folder: StudyFolder) -> Before:
    """Return what the journal holds."""
    kinds: dict[str, list[dict[str, Any]]] = {"trial": [], "group": [], "session": []}
    for row in read_rows(folder.journal).rows:
        kinds.setdefault(row.get("kind", ""), []).append(row)
    groups = (Grouping.from_json(row["group"]) for row in kinds["group"])
    return Before(
        trials={(row["wave"], row["place"]): row for row in kinds["trial"]},
        groups={group.name: group for group in groups},
        seconds=sum(row["seconds"] for row in kinds["session"]),
        preparing_s=sum(row.get("preparing_s", 0.0) for row in kinds["session"]),
    )


def restored(asked: Asked, row: Mapping[str, Any]) -> Progress:
    """Return a trial as it was when it left its wave, without its weights.

    A column that an earlier version did not keep is as in a new trial.
    """
    return Progress(asked, **{name: row[name] for name in COLUMNS if name in row})


def keep_row(path: Path, progress: Progress, row: Row) -> None:
    """Write a trial's weights and how far it has come."""
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    state = {name: getattr(progress, name) for name in COLUMNS}
    checkpoints.save(path, progress.epoch, row, state)


def kept_row(path: Path, asked: Asked) -> Progress | None:
    """Return a trial as it was kept, with its weights; None where it was not, or is damaged."""
    found = checkpoints.load_latest(path) if path.is_dir() else None
    if found is None:
        return None
    progress = restored(asked, found.state)
    progress.condition, progress.row = "running", found.tensors
    return progress
