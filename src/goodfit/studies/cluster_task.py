"""What a worker of a Ray cluster runs: a tile of a study's trials.

It gets words (JSON) and weights (safetensors), reads the data itself by the recipe, and yields
words and weights, so that neither side unpickles objects of the other.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import safetensors.torch

from .. import __version__
from ..engine.tile import Tile, row_of
from ..errors import GoodfitError, SearchError
from ..pipeline.begin import resolve_for
from ..pipeline.material import Known, Material, know, material_of
from ..recipe import Recipe
from ..runs import Cadence
from .desks import use_one_core
from .folder import COLUMNS, StudyFolder, keep_row, kept_row, restored
from .group import Group
from .grouping import key_of, shape_of
from .tiles import run_tile
from .wave import Asked, Progress

LISTS = ("train_loss", "validation_loss", "metric")
SCALARS = tuple(name for name in COLUMNS if name not in LISTS)
TOLD_EVERY_S = 0.5
Message = tuple[str, list[bytes]]


def study_of(base: Recipe, known: Known) -> dict[str, Any]:
    """Return what a worker needs to read the same data, and to see that it is the same."""
    path = Path(base.data.path).expanduser()
    if path.exists():  # a worker may stand in another folder
        data = base.data.model_copy(update={"path": str(path.resolve())})
        base = base.model_copy(update={"data": data})
    return {
        "recipe": base.model_dump(mode="json"),
        "data": known.card.fingerprint,
        "split": split_digest(known),
        "version": __version__,
    }


def split_digest(known: Known) -> str:
    """Return a hash of which rows train and which validate."""
    assert known.parts is not None
    digest = hashlib.blake2b(digest_size=16)
    for rows in (known.parts.train, known.parts.validation):
        digest.update(rows.astype("int64").tobytes() + b"|")
    return digest.hexdigest()


def mark_of(folder: StudyFolder) -> str:
    """Return a hash by which a worker knows this study's folder; "" where it does not see it."""
    try:
        both = folder.settings.read_bytes() + folder.space.read_bytes()
    except OSError:
        return ""
    return hashlib.blake2b(both, digest_size=16).hexdigest()


def train_tile(text: str, rows: Sequence[bytes]) -> Iterator[Message]:
    """Train the trials that ``text`` tells of, and yield how they go, at most twice a second.

    ``rows`` has each trial's weights, or nothing where it begins. A thread trains, so that what
    has ended is on record before the tile is through.
    """
    box: SimpleQueue[Message | BaseException | None] = SimpleQueue()
    desk = _TaskDesk(box.put)
    thread = threading.Thread(target=_train, args=(json.loads(text), rows, desk), daemon=True)
    thread.start()
    try:
        while (message := box.get()) is not None:
            if isinstance(message, BaseException):
                raise message
            yield message
    finally:
        desk.stopped = True
        thread.join()


def _train(errand: Mapping[str, Any], rows: Sequence[bytes], desk: _TaskDesk) -> None:
    use_one_core()
    try:
        site = _site_of(errand["study"])
        group = _group_of(site, errand["group"])
        trials = [_progress_of(sent, row) for sent, row in zip(errand["trials"], rows, strict=True)]
        desk.open(trials, errand)
        before, num = group.preparing_s, group.rows_for(len(trials))
        # As many trials as this process can expect: whether compiling pays depends on it.
        group.waiting = deque(trials * errand["group"]["tiles"])
        group.give_back(num, group.take_tile(num))
        group.waiting = deque(trials)
        run_tile(group, num, errand["until"], desk)
        kind = {"kind": group.kind, "reason": group.kind_reason}
        desk.end({"end": {**kind, "preparing_s": group.preparing_s - before}})
    except _Stopped:
        desk.send(None)
    except GoodfitError as error:
        given = None if error.given is None else str(error.given)
        desk.end({"error": {"what": error.what, "given": given, "do": error.do}})
    except BaseException as error:  # noqa: BLE001 - raised again where the driver hears of it
        desk.send(error)


@dataclass
class _Site:
    """What a process holds of one study: its data, and the groups that it has traced."""

    study: Mapping[str, Any]
    known: Known
    material: Material
    groups: dict[str, Group] = field(default_factory=dict)


_SITES: list[_Site] = []


def _site_of(study: Mapping[str, Any]) -> _Site:
    """Return what this process holds of a study; the one before it goes."""
    if not _SITES or _SITES[0].study != study:
        _SITES[:] = [_make_site(study)]
    return _SITES[0]


def _make_site(study: Mapping[str, Any]) -> _Site:
    _check(study["version"] == __version__, "goodfit", study["version"], __version__)
    base = Recipe.model_validate(study["recipe"])
    known = know(base)
    _check(study["data"] == known.card.fingerprint, "data", study["data"], known.card.fingerprint)
    split = split_digest(known)
    _check(study["split"] == split, "split", study["split"], split)
    # What is too large for memory is mapped from a file, which may lose its name at once.
    with tempfile.TemporaryDirectory(prefix="goodfit-", ignore_cleanup_errors=True) as name:
        return _Site(study, known, material_of(known, resolve_for(base, known), Path(name)))


_ADVICE = {
    "goodfit": "Install the same version of goodfit on every node.",
    "data": "Put the same data under the same path on every node.",
    "split": "Install the same versions of numpy and scikit-learn on every node.",
}


def _check(same: bool, name: str, here: str, there: str) -> None:
    if not same:
        raise SearchError(
            f"A node of the cluster has another {name}.",
            given=f"{there} on {platform.node()}, {here} where the search began",
            do=_ADVICE[name],
        )


def _group_of(site: _Site, sent: Mapping[str, Any]) -> Group:
    recipe = Recipe.model_validate(sent["recipe"])
    name = f"{key_of(recipe)}, {sent['mode']}"
    if name not in site.groups:
        shape = shape_of(recipe, site.known, site.known.input_shape)
        site.groups[name] = Group(
            shape, site.known, site.material, recipe, sent["rows"], "", sent["mode"]
        )
    site.groups[name].rows = sent["rows"]
    return site.groups[name]


def _progress_of(sent: Mapping[str, Any], row: bytes) -> Progress:
    """Return a trial as it was sent, or as it was kept since."""
    asked = Asked(sent["number"], {}, Recipe.model_validate(sent["recipe"]))
    progress = restored(asked, sent["columns"])
    progress.row = safetensors.torch.load(row) if row else None
    kept = kept_row(Path(sent["kept"]), asked)
    return kept if kept is not None and kept.epoch > progress.epoch else progress


class _Stopped(Exception):
    """Nobody listens any more."""


class _TaskDesk:
    """The desk of a tile on a cluster: tells the driver now and then, keeps rows where it can."""

    def __init__(self, send: Callable[[Message | BaseException | None], None]) -> None:
        self.send, self.stopped = send, False
        self._told: list[dict[str, Any]] = []
        self._rows: list[bytes] = []
        self._told_at = time.monotonic()

    def open(self, trials: Sequence[Progress], errand: Mapping[str, Any]) -> None:
        """Take the trials; keep their rows where this machine sees the study's folder."""
        self._numbers = {id(progress): number for number, progress in enumerate(trials)}
        self._known = [0] * len(trials)
        self._kept = [Path(sent["kept"]) for sent in errand["trials"]]
        self._cadence = Cadence(share=0.02, first_s=errand["keep"]["after_s"])
        path = Path(errand["keep"]["folder"])
        seen = mark_of(StudyFolder(path)) == errand["keep"]["mark"]
        self._keeps = seen and os.access(path, os.W_OK)

    def next(self, group: Group) -> Progress | None:
        return group.waiting.popleft() if group.waiting else None

    def check(self) -> None:
        if self.stopped:
            raise _Stopped
        if self._told and time.monotonic() - self._told_at >= TOLD_EVERY_S:
            self._tell({})

    def on_epoch(self, progress: Progress) -> None:
        number = self._numbers[id(progress)]
        known, self._known[number] = self._known[number], progress.epoch
        lists = {name: getattr(progress, name)[known:] for name in LISTS}
        state = {name: getattr(progress, name) for name in SCALARS}
        self._told.append({"trial": number, "from": known, "state": state, "lists": lists})

    def on_pause(self, progress: Progress) -> None:
        assert progress.row is not None
        number = self._numbers[id(progress)]
        event = next(e for e in reversed(self._told) if e["trial"] == number)
        event["row"] = len(self._rows)
        self._rows.append(safetensors.torch.save(progress.row))

    def keep(self, slots: Sequence[Progress | None], tile: Tile) -> None:
        if self._keeps and self._cadence.due():
            began = time.perf_counter()
            for k, progress in enumerate(slots):
                if progress is not None and progress.condition == "running":
                    path = self._kept[self._numbers[id(progress)]]
                    keep_row(path, progress, row_of(tile.population, k))
            self._cadence.saved(time.perf_counter() - began)

    def end(self, message: Mapping[str, Any]) -> None:
        """Tell what is left, and that this was all."""
        self._tell(message)
        self.send(None)

    def _tell(self, message: Mapping[str, Any]) -> None:
        self.send((json.dumps({"told": self._told, **message}), self._rows))
        self._told, self._rows, self._told_at = [], [], time.monotonic()
