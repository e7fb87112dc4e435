"""Checkpoints: one safetensors file each, with a digest; the last two are kept.

The file's metadata holds one entry, ``goodfit``: the digest, a space, and JSON text
``{"format": 1, "step": ..., "state": {...}}``. One entry, since safetensors writes several
in random order, and equal checkpoints are equal files. The digest is BLAKE2b over that
text and, in the order of their names, every tensor's name, dtype, shape and bytes; this
rule holds for every format to come, so that a newer file is told from a damaged one.
Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from ..errors import RunError
from .atomic import disk_errors, write_bytes

FORMAT = 1
ENTRY = "goodfit"
_NAME = re.compile(r"step-(\d+)\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after ``step`` steps; tensors are on the CPU and own their memory.

    ``skipped`` has a sentence for each newer checkpoint that was damaged.
    """

    step: int
    tensors: dict[str, torch.Tensor]
    state: dict[str, Any]
    skipped: tuple[str, ...] = ()


class _Damaged(Exception):
    """A file is no whole checkpoint; the message says why, as the end of a sentence."""


def save(
    folder: Path, step: int, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any]
) -> float:
    """Write the checkpoint of ``step`` into ``folder``; returns the seconds that it took.

    Then every checkpoint is removed but this one and the one before it. Checkpoints of
    later steps go as well: a run that is at ``step`` again found them damaged.

    Args:
        folder: An existing folder.
        step: Steps that were finished.
        tensors: Any shapes, dtypes and devices; they may share memory.
        state: JSON values; floats come back as the same bits, tuples as lists.

    Raises:
        RunError: no space is left, or the folder cannot be written; the earlier
            checkpoints are intact.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as name:
        ...     _ = save(Path(name), 40, {"weights": torch.ones(1, 3)}, {"epoch": 1})
        ...     found = load_latest(Path(name))
        >>> found.step, found.tensors["weights"], found.state
        (40, tensor([[1., 1., 1.]]), {'epoch': 1})
    """
    started = time.perf_counter()
    write_bytes(folder / f"step-{step:09d}.safetensors", _encode(step, tensors, state))
    before = [path for path in _newest_first(folder) if _step_of(path) < step]
    _remove([path for path in _newest_first(folder) if _step_of(path) > step] + before[1:])
    return time.perf_counter() - started


def load_latest(folder: Path) -> Checkpoint | None:
    """Return the newest whole checkpoint in ``folder``, or None where there is no file.

    Raises:
        RunError: every file is damaged, or one was written by a newer goodfit.
    """
    skipped: list[str] = []
    for path in _newest_first(folder):
        try:
            found = _read(path)
        except _Damaged as damage:
            skipped.append(f"{path.name} {damage}; the checkpoint before it is used.")
        else:
            return replace(found, skipped=tuple(skipped))
    if skipped:
        raise RunError(
            "Every checkpoint of the run is damaged.",
            given=", ".join(path.name for path in _newest_first(folder)) + f" in {folder}",
            do="Train the run again from its recipe.toml, into another --out.",
        )
    return None


def remove_after(folder: Path, step: int) -> None:
    """Remove the checkpoints after ``step``: the run goes on from there.

    They are damaged (else `load_latest` had returned one), and must not count as one of
    the two that `save` keeps.
    """
    _remove([path for path in _newest_first(folder) if _step_of(path) > step])


def save_best(
    path: Path, step: int, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any]
) -> float:
    """Write the best weights so far as the one file ``path``; otherwise like `save`."""
    started = time.perf_counter()
    write_bytes(path, _encode(step, tensors, state))
    return time.perf_counter() - started


def load_best(path: Path) -> Checkpoint | None:
    """Return what `save_best` wrote, or None where there is no file.

    Raises:
        RunError: the file is damaged, or was written by a newer goodfit.
    """
    if not path.exists():
        return None
    try:
        return _read(path)
    except _Damaged as damage:
        raise RunError(
            f"{path.name} {damage}.",
            given=path,
            do="Put the file back, or train the run again from its recipe.toml.",
        ) from None


def _encode(step: int, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any]) -> bytes:
    packed = _pack(tensors)
    body = json.dumps({"format": FORMAT, "step": step, "state": state})
    return safetensors.torch.save(packed, {ENTRY: f"{_digest(body, packed)} {body}"})


def _pack(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors as safetensors takes them: contiguous, none sharing memory."""
    packed: dict[str, torch.Tensor] = {}
    memories: set[int] = set()
    for name, tensor in tensors.items():
        plain = tensor.detach().cpu().contiguous()
        memory = plain.untyped_storage().data_ptr()
        packed[name] = plain.clone() if memory in memories else plain
        memories.add(memory)
    return packed


def _digest(body: str, tensors: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.blake2b(body.encode(), digest_size=32)
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _read(path: Path) -> Checkpoint:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _Damaged(f"cannot be read ({error.strerror})") from None
    try:
        tensors, (digest, _, body) = safetensors.torch.load(data), _entry(data).partition(" ")
    except (SafetensorError, KeyError, ValueError):
        raise _Damaged("is cut short, or is not a checkpoint") from None
    if digest != _digest(body, tensors):
        raise _Damaged("has changed since it was written (its digest differs)")
    return _checkpoint(path, json.loads(body), tensors)


def _entry(data: bytes) -> str:
    """Return the metadata entry; a safetensors file begins with the length of its header."""
    header = data[8 : 8 + int.from_bytes(data[:8], "little")]
    return json.loads(header)["__metadata__"][ENTRY]


def _checkpoint(path: Path, values: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Checkpoint:
    if values["format"] > FORMAT:
        raise RunError(
            f"{path.name} was written by a newer goodfit.",
            given=f"{path}: format {values['format']}, known up to {FORMAT}",
            do="Update goodfit: pip install --upgrade goodfit",
        )
    return Checkpoint(step=values["step"], tensors=tensors, state=values["state"])


def _newest_first(folder: Path) -> list[Path]:
    named = [path for path in folder.glob("step-*") if _NAME.fullmatch(path.name)]
    return sorted(named, key=_step_of, reverse=True)


def _step_of(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def _remove(paths: list[Path]) -> None:
    for path in paths:
        with disk_errors(path):
            path.unlink(missing_ok=True)
