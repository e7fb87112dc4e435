"""Goodfit's command line, in this process and in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from goodfit.cli import main

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1"}


class Said(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


def here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, *arguments: object
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
    return Said(code, *capsys.readouterr())


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
