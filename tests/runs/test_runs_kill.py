"""A writer that is really killed, at random moments, again and again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# One process imports torch and forks the writers, since the import takes seconds.
KILLER = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from goodfit.runs import Journal, checkpoints, create, read_rows

run = create(Path(sys.argv[1]), recipe="seed = 0")

def go_on():
    with run.locked(), Journal(run.history) as journal:
        found = checkpoints.load_latest(run.checkpoints)
        step = found.step if found else 0
        journal.truncate_to(found.state["journal_bytes"] if found else 0)
        while True:
            step += 1
            journal.append({"kind": "steps", "step": [step]})
            weights = {"w": torch.full((100_000,), step, dtype=torch.int32)}
            checkpoints.save_best(run.best, step, weights, {})
            state = {"journal_bytes": journal.sync()}
            checkpoints.save(run.checkpoints, step, weights, state)

def check():
    with run.locked():
        found = checkpoints.load_latest(run.checkpoints)
        assert not list(run.path.rglob("*.tmp")), "left over"
    if found is None:
        return 0
    assert found.skipped == (), found.skipped
    assert (found.tensors["w"] == found.step).all(), "mixed"
    best = checkpoints.load_best(run.best)
    assert best and best.step >= found.step, "best is older"
    steps = [row["step"][0] for row in read_rows(run.history).rows]
    assert steps[:found.step] == list(range(1, found.step + 1)), "history"
    return found.step

random.seed(0)
last, torn, kills = 0, 0, 0
while kills < 30 or last < 10 or torn < 3:
    writer = os.fork()
    if writer == 0:
        go_on()
    time.sleep(random.uniform(0.0, 0.15))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    kills += 1
    torn += any(run.path.rglob("*.tmp"))
    step = check()
    assert step >= last, "went back"
    last = step

# A kill before the old ones are taken away leaves one more; the next save that ends takes them all.
with run.locked():
    checkpoints.save(run.checkpoints, last + 1, {"w": torch.zeros(1)}, {"journal_bytes": 0})
assert len(list(run.checkpoints.iterdir())) == 2
print(f"{kills} kills, {torn} of them amid a file, {last} steps")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL and no fork")
def test_after_any_kill_the_state_is_whole_and_never_goes_back(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLER, str(tmp_path / "digits-1")]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    print(result.stdout)
