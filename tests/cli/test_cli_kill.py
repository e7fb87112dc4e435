"""A real process, killed by SIGKILL at 20 random moments of its life, ends in the same bits."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import sys
import time
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from goodfit.cli import main

KILLS = 20
TRAIN = ("train", "--quiet", "--recipe")
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["torch._dynamo", "goodfit.pipeline", "goodfit.checks"])
RECIPE = """
data = "digits"
epochs = 20
[net]
kind = "mlp"
hidden = [64, 64]
norm = "batch"
dropout = 0.2
"""


def goodfit(arguments: list[str], said: Path) -> None:
    """Be the command, in a process that was forked for it; what it says goes to a file."""
    with said.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["goodfit", *arguments]
    main()


def start(said: Path, *arguments: str) -> BaseProcess:
    """Start goodfit as a process of its own, forked where torch is imported and has run nothing.

    So it is killed in its work, and not, most of the time, while it imports.
    """
    process = FORKS.Process(target=goodfit, args=(list(arguments), said))
    process.start()
    return process


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


def begin_or_go_on(recipe: Path, out: Path) -> BaseProcess:
    """Do what a person would: resume the run if there is one, start it if there is none."""
    said = recipe.with_name("said.txt")
    if (out / "recipe.toml").exists():
        return start(said, "resume", str(out), "--quiet")
    shutil.rmtree(out, ignore_errors=True)
    return start(said, *TRAIN, str(recipe), "--out", str(out))


def survive(recipe: Path, out: Path, life_s: float) -> int:
    """Kill the run again and again, and let it end; return the number of kills."""
    moments, kills = random.Random(0), 0
    while True:
        process = begin_or_go_on(recipe, out)
        process.join(moments.uniform(0.05, 0.9) * life_s if kills < KILLS else 60 + 5 * life_s)
        if process.is_alive():
            process.kill()
            process.join()
            assert process.exitcode == -signal.SIGKILL
            kills += 1
            continue
        assert process.exitcode == 0, recipe.with_name("said.txt").read_text()
        if kills >= KILLS:
            return kills
        shutil.rmtree(out)  # done before the twentieth kill: once more from the start


@pytest.mark.slow
def test_twenty_kills_change_no_bit(tmp_path: Path) -> None:
    recipe, said = tmp_path / "recipe.toml", tmp_path / "said.txt"
    recipe.write_text(RECIPE)
    start(said, "explain", "adam").join()  # imports all, once
    began = time.monotonic()
    whole = start(said, *TRAIN, str(recipe), "--out", str(tmp_path / "whole"))
    whole.join(120)
    assert whole.exitcode == 0, said.read_text()
    life_s = time.monotonic() - began
    assert survive(recipe, tmp_path / "killed", life_s) == KILLS
    assert bits(tmp_path / "killed") == bits(tmp_path / "whole")
