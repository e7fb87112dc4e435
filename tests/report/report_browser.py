"""Headless Chromium: a page as a person's browser sees it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--hide-scrollbars --enable-logging=stderr --virtual-time-budget=8000"
).split()


@dataclass(frozen=True)
class Visit:
    """What came of opening a page: its document, its console, a picture of it."""

    dom: str
    console: list[str]
    picture: Path


def find_chromium() -> str:
    """Return the browser; without one skip, or fail where it was promised."""
    browser = shutil.which("chromium")
    if browser is None and os.environ.get("GOODFIT_REQUIRE_CHROMIUM") == "1":
        pytest.fail("GOODFIT_REQUIRE_CHROMIUM=1, and there is no chromium on the PATH")
    if browser is None:
        pytest.skip("needs chromium (apt-get install chromium)")
    return browser


def visit(html: str, folder: Path, *flags: str, width: int = 1280, height: int = 1500) -> Visit:
    """Open the page from a file, wait until it is drawn, and look at it."""
    page, picture = folder / "page.html", folder / "page.png"
    page.write_text(html, encoding="utf-8")
    command = [find_chromium(), *FLAGS, *flags, f"--user-data-dir={folder / 'profile'}"]
    command += [f"--window-size={width},{height}", f"--screenshot={picture}", "--dump-dom"]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Visit(dom=done.stdout, console=console, picture=picture)
