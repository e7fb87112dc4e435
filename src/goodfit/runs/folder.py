"""The run folder: what lies in it, under which name, and who may write."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import RunError, nearest
from .atomic import disk_errors, is_leftover, read_errors, remove_leftovers, sync_folder, write_text
from .lock import exclusive

# What a study's folder holds, and a run's does not.
OF_A_STUDY = "search.json"


class _Place:
    """A file or folder inside the run folder."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, run: RunFolder, owner: type | None = None) -> Path:
        return run.path / self.name


@dataclass(frozen=True)
class RunFolder:
    """Where each part of a run lies; the one place for these names.

    Example:
        >>> RunFolder(Path("runs/digits-1")).history.as_posix()
        'runs/digits-1/history.jsonl'
    """

    path: Path

    recipe = _Place("recipe.toml")
    card = _Place("card.json")
    drawn = _Place("drawn.json")
    split = _Place("split.safetensors")
    preparation = _Place("preparation.json")
    history = _Place("history.jsonl")
    checkpoints = _Place("checkpoints")
    best = _Place("best.safetensors")
    sizes = _Place("sizes.json")
    scores_validation = _Place("scores-validation.json")
    scores_test = _Place("scores-test.json")
    findings = _Place("findings.json")
    verdicts = _Place("verdicts.json")
    info = _Place("info.json")
    report = _Place("report.html")
    lock_file = _Place(".lock")

    @contextmanager
    def locked(self) -> Iterator[str]:
        """Be the only writer while the block runs; yields "" or a note (see `exclusive`).

        Removes the temporary files that a killed writer left.

        Raises:
            RunError: another process trains this run, or the folder cannot be written.
        """
        with exclusive(self.lock_file) as note:
            if not note:
                remove_leftovers(self.path)
                remove_leftovers(self.checkpoints)
            yield note


def create(path: Path, *, recipe: str) -> RunFolder:
    """Make a run folder that holds its recipe (TOML text) from its first moment.

    ``path`` must not exist, or be an empty folder; folders above it are made. If anything
    fails, everything that was made is removed again; what is left of a creation that was
    killed counts as empty.

    Raises:
        RunError: ``path`` is taken, or cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = create(Path(folder) / "digits-1", recipe="seed = 0")
        ...     sorted(path.name for path in run.path.iterdir())
        ['.lock', 'checkpoints', 'recipe.toml']
    """
    run = RunFolder(path)
    with ExitStack() as undo:
        _check_free(run)
        _make_folders(run.checkpoints, undo)
        with run.locked():
            _check_free(run)  # again: of two processes that found it free, one is too late
            undo.callback(run.lock_file.unlink, missing_ok=True)
            write_text(run.recipe, recipe)
        undo.pop_all()
    with disk_errors(path):
        sync_folder(path.parent)
    return run


def open_run(path: Path) -> RunFolder:
    """Return the run folder at ``path``.

    Raises:
        RunError: there is none; says what is missing, or names the nearest run.
    """
    with read_errors(path):
        return _open(RunFolder(path))


def path_of(given: object) -> Path:
    """Return the path of a folder that Python code names.

    Raises:
        RunError: what was given is no path; a run names its own.

    Example:
        >>> path_of("runs/digits-1").as_posix()
        'runs/digits-1'
    """
    if isinstance(given, str | os.PathLike):
        return Path(given)
    is_run = isinstance(getattr(given, "folder", None), RunFolder)
    raise RunError(
        "A folder is named by its path.",
        given=type(given).__name__,
        do="Pass the run's own: run.folder.path."
        if is_run
        else 'Write a path, say "runs/digits-1".',
    )


def default_path(name: str, root: Path = Path("runs")) -> Path:
    """Return ``root/name-N`` with N one above the highest in use, so that order is age.

    Example:
        >>> default_path("digits", Path("no-such-folder")).as_posix()
        'no-such-folder/digits-1'
    """
    numbered = re.compile(rf"{re.escape(name)}-(\d+)")
    names = [child.name for child in root.iterdir()] if root.is_dir() else []
    used = [int(match[1]) for match in map(numbered.fullmatch, names) if match]
    return root / f"{name}-{max(used, default=0) + 1}"


def _open(run: RunFolder) -> RunFolder:
    path = run.path
    if not path.exists():
        raise RunError(f"There is no run folder {path}.", given=path, do=_suggest(path))
    if not path.is_dir():
        raise RunError(f"{path} is a file, not a run folder.", given=path, do="Name its folder.")
    missing = [part.name for part in (run.recipe, run.checkpoints) if not part.exists()]
    if missing and (path / OF_A_STUDY).exists():
        raise RunError(
            f"{path} is a study, not a run.",
            given=path,
            do=f"Train its best: goodfit train --recipe {path / 'best.toml'}. Its page: "
            f"goodfit report {path}",
        )
    if missing:
        raise RunError(
            f"{path} is not a run folder: it has no {' and no '.join(missing)}.",
            given=path,
            do=_one_of(_runs_in(path)) or _suggest(path),
        )
    return run


def _check_free(run: RunFolder) -> None:
    other = "Choose another --out."
    with disk_errors(run.path):
        if run.path.is_file():
            raise _taken(run, "is a file.", other)
        if run.recipe.exists():
            raise _taken(
                run,
                "holds a run already.",
                f"Go on with it: goodfit resume {run.path}. Or: {other}",
            )
        if run.path.exists() and any(_is_content(run, child) for child in run.path.iterdir()):
            raise _taken(run, "holds other files already.", other)


def _taken(run: RunFolder, problem: str, advice: str) -> RunError:
    return RunError(f"{run.path} {problem}", given=f"--out {run.path}", do=advice)


def _is_content(run: RunFolder, child: Path) -> bool:
    if child == run.checkpoints and child.is_dir():
        return any(not is_leftover(path) for path in child.iterdir())
    return child != run.lock_file and not is_leftover(child)


def _make_folders(folder: Path, undo: ExitStack) -> None:
    with disk_errors(folder):
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        with disk_errors(path):
            path.mkdir(exist_ok=True)
        undo.callback(_remove_if_empty, path)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # another process has put something there
        folder.rmdir()


def _runs_in(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    runs = [RunFolder(child) for child in folder.iterdir()]
    return sorted(run.path.name for run in runs if run.recipe.exists() and run.checkpoints.exists())


def _suggest(path: Path) -> str:
    known = _runs_in(path.parent)
    if known:
        return f"In {path.parent}: {nearest(path.name, known)}"
    return "Name the folder of a run, or start one with: goodfit train"


def _one_of(names: list[str]) -> str:
    return f"Name one of the runs in it: {', '.join(names)}" if names else ""
