"""A real process, killed by SIGKILL at 20 random moments of its life, ends in the same bits."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

KILLS = 20
RECIPE = """
data = "digits"
epochs = 20
[net]
kind = "mlp"
hidden = [64, 64]
norm = "batch"
dropout = 0.2
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start goodfit as a process of its own."""
    command = [sys.executable, "-m", "goodfit", *arguments, "--quiet"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def bits(run: Path) -> dict[str, str]:
    """Hash what must be the same: the last checkpoint, best weights, history, scores."""
    newest = load_file(max((run / "checkpoints").glob("*.safetensors")))
    tensors = b"".join(name.encode() + newest[name].tobytes() for name in sorted(newest))
    lines = (run / "history.jsonl").read_bytes().splitlines()
    parts = {
        "checkpoint": tensors,
        "best": (run / "best.safetensors").read_bytes(),
        "history": b"\n".join(line for line in lines if b'"end"' not in line),
        "scores": (run / "scores-validation.json").read_bytes(),
    }
    return {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()}


def begin_or_go_on(recipe: Path, out: Path) -> subprocess.Popen[str]:
    """Do what a person would: resume the run if there is one, start it if there is none."""
    if (out / "recipe.toml").exists():
        return start("resume", str(out))
    shutil.rmtree(out, ignore_errors=True)
    return start("train", "--recipe", str(recipe), "--out", str(out))


def survive(recipe: Path, out: Path, life_s: float) -> tuple[int, int]:
    """Kill the run again and again; return the number of kills and the last exit code."""
    moments, kills = random.Random(0), 0
    while True:
        process = begin_or_go_on(recipe, out)
        try:
            # Each life is at least as long as loading takes, or nothing would ever be done.
            process.wait(moments.uniform(0.25, 0.9) * life_s if kills < KILLS else 60 + 5 * life_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
        else:
            _, said = process.communicate()
            assert process.returncode == 0, said
            if kills >= KILLS:
                return kills, process.returncode
            shutil.rmtree(out)  # done before the twentieth kill: once more from the start


@pytest.mark.slow
def test_twenty_kills_change_no_bit(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    began = time.monotonic()
    whole = start("train", "--recipe", str(recipe), "--out", str(tmp_path / "whole"))
    _, said = whole.communicate(timeout=120)
    assert whole.returncode == 0, said
    life_s = time.monotonic() - began
    kills, code = survive(recipe, tmp_path / "killed", life_s)
    assert (kills, code) == (KILLS, 0)
    assert bits(tmp_path / "killed") == bits(tmp_path / "whole")
