"""The same recipe gives the same bits, and a training leaves no trace in the process."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from pipeline_helpers import TINY, bits_of, rows_of, tensors_of

import goodfit as gf
from goodfit.recipe import read

NOISY = TINY.model_copy(update={"net": gf.MLP(hidden=(8,), norm="batch", dropout=0.3)})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of one recipe: twice, from the file that the first wrote, and with another seed."""
    root = tmp_path_factory.mktemp("runs")
    gf.train(NOISY, out=root / "once")
    torch.manual_seed(77)
    torch.rand(5)
    gf.train(NOISY, out=root / "twice")
    gf.train(read(root / "once" / "recipe.toml"), out=root / "from-its-file")
    gf.train(NOISY.model_copy(update={"seed": 1}), out=root / "other-seed")
    return root


@pytest.mark.parametrize("other", ["twice", "from-its-file"])
def test_the_same_recipe_gives_the_same_bits(other: str, runs: Path) -> None:
    assert bits_of(runs / "once") == bits_of(runs / other)


def test_the_best_weights_are_equal_files(runs: Path) -> None:
    files = [runs / name / "best.safetensors" for name in ("once", "twice")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_another_seed_gives_other_rows_and_other_weights(runs: Path) -> None:
    once, other = (tensors_of(runs / name / "best.safetensors") for name in ("once", "other-seed"))
    assert once.keys() == other.keys() and once["w"] != other["w"]
    tested = [rows_of(runs / name, "test").tolist() for name in ("once", "other-seed")]
    assert tested[0] != tested[1]


def seed_all(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_threads_generators_and_signals_are_left_as_they_were() -> None:
    seed_all(5)
    state, handler = torch.get_rng_state(), signal.getsignal(signal.SIGINT)
    run = gf.train(NOISY)
    assert run.recipe.engine.threads == 1 and torch.get_num_threads() == 3
    assert torch.equal(torch.get_rng_state(), state)
    assert signal.getsignal(signal.SIGINT) is handler
    drawn = (np.random.random(), random.random())
    seed_all(5)
    assert drawn == (np.random.random(), random.random())


QUIET = """
import gc, pathlib, tempfile, sys
tempfile.tempdir = sys.argv[1]
import goodfit as gf
run = gf.train(gf.Recipe(data="iris", net=gf.MLP(hidden=(4,)), epochs=1))
folder = run.folder.path
print(folder.exists(), folder.is_relative_to(sys.argv[1]))
del run
gc.collect()
print(folder.exists())
kept = gf.train(gf.Recipe(data="iris", net=gf.MLP(hidden=(4,)), epochs=1))
"""


def test_a_run_without_a_folder_leaves_nothing_and_no_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", QUIET, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (result.stdout.split(), result.stderr) == (["True", "True", "False"], "")
    assert list(tmp_path.iterdir()) == []
