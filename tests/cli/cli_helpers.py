"""Goodfit's command line, in this process and in one of its own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from safetensors.numpy import load_file

from goodfit.cli import main

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1"}
EQUAL_FILES = (
    "best.safetensors",
    "card.json",
    "drawn.json",
    "preparation.json",
    "recipe.toml",
    "scores-validation.json",
    "split.safetensors",
    "verdicts.json",
)


class Said(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


def here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object
) -> Said:
    """Run a command in this process, where torch is loaded already."""
    monkeypatch.setattr(sys, "argv", ["goodfit", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "200")
    capsys.readouterr()
    try:
        main()
        code: object = 0
    except SystemExit as end:
        code = end.code or 0
    assert isinstance(code, int)
    captured = capsys.readouterr()
    return Said(code, captured.out, captured.err)


def command(*arguments: object) -> list[str]:
    """Return the words of a real goodfit command."""
    return [sys.executable, "-m", "goodfit", *map(str, arguments)]


def real(*arguments: object, cwd: Path | None = None) -> Said:
    """Run a command as a process of its own."""
    done = subprocess.run(
        command(*arguments),
        capture_output=True,
        check=False,
        cwd=cwd,
        encoding="utf-8",
        env=ENVIRONMENT,
        timeout=240,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def bits(run: Path) -> dict[str, str]:
    """Hash what must be the same: the last checkpoint, best weights, history, scores, records."""
    newest = load_file(max((run / "checkpoints").glob("step-*")))
    lines = (run / "history.jsonl").read_bytes().splitlines()
    parts = {
        "checkpoint": b"".join(name.encode() + newest[name].tobytes() for name in sorted(newest)),
        "history": b"\n".join(line for line in lines if b'"kind":"end"' not in line),
        **{name: (run / name).read_bytes() for name in EQUAL_FILES},
    }
    return {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()}


def damage(path: Path) -> None:
    """Flip the bits of one byte."""
    data = bytearray(path.read_bytes())
    data[-9] ^= 0xFF
    path.write_bytes(data)
