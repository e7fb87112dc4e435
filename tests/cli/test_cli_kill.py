"""A real process, killed by SIGKILL at any moment of its life, ends in the same bits."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from cli_helpers import ENVIRONMENT, bits, command, damage, real

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL"),
]
KILLS, WORKERS = 20, 2
RECIPE = """
data = "digits"
epochs = 80
[net]
kind = "cnn"
channels = [16, 32]
norm = "batch"
dropout = 0.2
[schedule]
kind = "cosine"
[early_stopping]
enabled = false
"""


class Whole(NamedTuple):
    """A run that nobody interrupted: its recipe, its bits, the seconds that it took."""

    recipe: Path
    bits: dict[str, str]
    life_s: float


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    root = tmp_path_factory.mktemp("whole")
    (root / "recipe.toml").write_text(RECIPE)
    began = time.monotonic()
    said = real("train", "--recipe", root / "recipe.toml", "--out", root / "run", "--quiet")
    assert said.code == 0, said.err
    return Whole(root / "recipe.toml", bits(root / "run"), time.monotonic() - began)


def begin_or_go_on(recipe: Path, out: Path) -> subprocess.Popen[str]:
    """Do what a person would: resume the run if there is one, start it if there is none."""
    goes_on = (out / "recipe.toml").exists()
    begin = ("train", "--recipe", recipe, "--out", out)
    words = command(*(("resume", out) if goes_on else begin), "--quiet")
    return subprocess.Popen(
        words, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def finish(recipe: Path, out: Path) -> None:
    """Let the run go to its end."""
    process = begin_or_go_on(recipe, out)
    _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said


def phase(out: Path) -> str:
    """Say how far a killed run had come."""
    if not (out / "recipe.toml").exists():
        return "loading"
    steps = len(list((out / "checkpoints").glob("step-*")))
    return "ending" if (out / "info.json").exists() else "training" if steps > 1 else "starting"


def survive(whole: Whole, out: Path, moments: random.Random) -> Counter[str]:
    """Kill the run at random moments, again and again, and count in which phases."""
    phases: Counter[str] = Counter()
    while phases.total() < KILLS // WORKERS:
        process = begin_or_go_on(whole.recipe, out)
        try:
            process.wait(moments.uniform(0.0, whole.life_s))
        except subprocess.TimeoutExpired:
            kill(process)
            phases[phase(out)] += 1
        else:
            assert process.returncode == 0, process.communicate()[1]
            process.communicate()
            shutil.rmtree(out)  # it was done before the kill: once more from the start
    finish(whole.recipe, out)
    return phases


def test_twenty_kills_change_no_bit(whole: Whole, tmp_path: Path) -> None:
    outs = [tmp_path / f"killed-{number}" for number in range(WORKERS)]
    with ThreadPoolExecutor(WORKERS) as pool:
        lives = [
            pool.submit(survive, whole, out, random.Random(number))
            for number, out in enumerate(outs)
        ]
        phases = sum((life.result() for life in lives), Counter())
    print(f"{whole.life_s:.1f} s of life, killed while {dict(phases)}")
    assert phases.total() == KILLS and len(phases) > 1
    assert [bits(out) for out in outs] == [whole.bits] * WORKERS


def kill_when(whole: Whole, out: Path, now: Callable[[Path], bool]) -> None:
    """Start the run, and kill it in the moment in which ``now`` is true of its folder."""
    process = begin_or_go_on(whole.recipe, out)
    until = time.monotonic() + 20 * whole.life_s
    while not now(out):
        assert process.poll() is None and time.monotonic() < until, process.communicate()[1]
        time.sleep(0.0005)
    kill(process)


def is_writing_a_checkpoint(out: Path) -> bool:
    """Whether a temporary checkpoint file is there, or one that is new."""
    names = [path.name for path in out.glob("checkpoints/*step-*")]
    return any("step-000000000" not in name for name in names)


def is_scoring(out: Path) -> bool:
    return (out / "info.json").exists()


def is_reporting(out: Path) -> bool:
    return (out / "findings.json").exists() or any(out.glob(".report.html*"))


@pytest.mark.parametrize("now", [is_writing_a_checkpoint, is_scoring, is_reporting])
def test_a_kill_while_writing_changes_no_bit(
    now: Callable[[Path], bool], whole: Whole, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    kill_when(whole, out, now)
    assert not (out / "report.html").exists()
    finish(whole.recipe, out)
    assert bits(out) == whole.bits and not list(out.rglob("*.tmp"))


def test_a_damaged_checkpoint_is_passed_over_with_a_word(whole: Whole, tmp_path: Path) -> None:
    out = tmp_path / "run"
    kill_when(
        whole,
        out,
        lambda out: (
            (out / "checkpoints" / "step-000000000.safetensors").exists()
            and len(list(out.glob("checkpoints/step-*"))) == 2
        ),
    )
    newest = max((out / "checkpoints").glob("step-*"))
    damage(newest)
    said = real("resume", out, "--quiet")
    assert said.code == 0, said.err
    assert f"{newest.name} has changed since it was written" in said.out
    assert bits(out) == whole.bits


def test_when_all_checkpoints_are_damaged_the_way_out_is_told(whole: Whole, tmp_path: Path) -> None:
    out = tmp_path / "run"
    kill_when(whole, out, is_writing_a_checkpoint)
    for path in (out / "checkpoints").glob("step-*"):
        damage(path)
    said = real("resume", out)
    assert said.code == 2 and "Every checkpoint of the run is damaged" in said.err
    assert "recipe.toml" in said.err and "Traceback" not in said.err
