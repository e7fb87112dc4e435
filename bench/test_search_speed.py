"""Everybody who searches trains the same trials: same values, same weights, same accuracies.

python -m pytest bench/test_search_speed.py
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.contenders.search_bare import train_one
from bench.idx import read_idx
from bench.problems import make_cnn
from bench.search_arithmetic import step_operations
from bench.search_contenders import SIZES, SPEED
from bench.search_problems import (
    SearchProblem,
    digits_space,
    make_problem,
    write_idx,
)
from bench.search_process import contender_of, in_own_process, run_search
from bench.search_speed import BASELINE
from bench.search_table import REFERENCE, row, run_rounds, summaries, write_files

# The project turns warnings into errors; those of other libraries are not ours.
pytestmark = pytest.mark.filterwarnings("default")
TRIALS = 4
# From about this rate on, rounding grows over 200 steps until other samples are right.
CALM_LR = 0.02
SAME_BATCHES = ("optuna", "optuna-2", "goodfit", "goodfit-trials", "goodfit-trials-1")
# Three standard errors of an accuracy near 0.9 on 270 samples, both runs drawn anew.
OWN_DRAWS, OWN_DRAWS_WITHIN = ("optuna-loader", "optuna-lightning", "sklearn", "keras-tuner"), 0.08


@pytest.fixture(scope="module")
def problem() -> SearchProblem:
    """The digits, and the first calm trials of the list."""
    found = make_problem("digits", digits_space(), trials=TRIALS)
    assert sum(config.lr < CALM_LR for config in found.configs) >= 2
    return found


@pytest.fixture(scope="module")
def file(problem: SearchProblem, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the contenders' processes find the problem."""
    path = tmp_path_factory.mktemp("problem") / "problem.pt"
    problem.save(path)
    return path


@pytest.fixture(scope="module")
def pool(file: Path) -> dict:
    """What the pool of bare loops finds."""
    return in_own_process("speed", "pool", file)


def accuracies(name: str, file: Path) -> list[float]:
    """A contender's accuracies by trial; skips where its package is absent."""
    found = in_own_process("speed", name, file)
    if "skipped" in found:
        pytest.skip(found["skipped"])
    assert found["wall_s"] > 0 and found["cpu_s"] > 0
    return found["accuracies"]


@pytest.mark.parametrize("name", SAME_BATCHES)
def test_same_weights_and_batches_give_the_same_accuracies(
    name: str, problem: SearchProblem, file: Path, pool: dict
) -> None:
    """To one sample for calm trials; where the rate is high, only that it is no other trial."""
    one_sample = 1.5 / len(problem.y_valid)
    pairs = zip(problem.configs, accuracies(name, file), pool["accuracies"], strict=True)
    for config, found, expected in pairs:
        assert abs(found - expected) <= (one_sample if config.lr < CALM_LR else 0.2)


@pytest.mark.parametrize("name", OWN_DRAWS)
def test_own_draws_give_accuracies_as_good(
    name: str, problem: SearchProblem, file: Path, pool: dict
) -> None:
    """Other weights and other orders: as good where the rate is a usual one."""
    pairs = zip(problem.configs, accuracies(name, file), pool["accuracies"], strict=True)
    usual = [(a, b) for config, a, b in pairs if 5e-4 < config.lr < CALM_LR]
    assert usual and all(abs(a - b) < OWN_DRAWS_WITHIN for a, b in usual)


def test_a_problem_is_read_back_as_it_was(problem: SearchProblem, file: Path) -> None:
    """Numbers, tensors and values survive the file."""
    again = SearchProblem.load(file)
    assert again.configs == problem.configs and again.widths == problem.widths
    assert torch.equal(again.x, problem.x) and again.steps == problem.steps == 5 * 40


def test_an_epoch_is_every_row_once(problem: SearchProblem) -> None:
    """Orders are places in the training part; inputs are standardised."""
    for order in problem.orders:
        assert torch.equal(order.sort().values, torch.arange(len(problem.x)))
    assert not torch.equal(problem.orders[0], problem.orders[1])
    assert abs(float(problem.x.mean())) < 1e-4


def test_a_trial_learns(problem: SearchProblem) -> None:
    """The bare loop gets well above chance with a usual rate."""
    config = replace(problem.configs[0], lr=3e-3, weight_decay=1e-2)
    assert train_one(problem, config) > 0.85


def test_own_process_and_this_one_agree(problem: SearchProblem, file: Path) -> None:
    """The harness adds nothing to a search."""
    here = run_search(contender_of("speed", "optuna"), file)
    assert here["accuracies"] == in_own_process("speed", "optuna", file)["accuracies"]


def test_slow_ones_get_the_first_trials(problem: SearchProblem, tmp_path: Path) -> None:
    """And the table is made of what ran."""
    contenders = [contender_of("speed", name) for name in (BASELINE, REFERENCE, "optuna-lightning")]
    files = write_files(problem, contenders, few=1, folder=tmp_path)
    assert len(SearchProblem.load(files["optuna-lightning"]).configs) == 1
    runs, skipped = run_rounds("speed", "test", {n: files[n] for n in (BASELINE, REFERENCE)}, 1)
    results = summaries(runs)
    assert not skipped and results[BASELINE]["ratios"][BASELINE]["wall"]["median"] == 1.0
    assert row(REFERENCE, results[REFERENCE], BASELINE)[-1] == "100%"


def test_names_are_used_once() -> None:
    """A name stands for one line of a table."""
    for contenders in (SPEED, SIZES):
        assert len({one.name for one in contenders}) == len(contenders)


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_operations_of_a_step_are_torchs_own_count(kind: str, problem: SearchProblem) -> None:
    """Forward and backward, said and done, against torch's counter on a training step."""
    net, x = problem.make_net(), problem.x[:32]
    if kind == "cnn":
        net, x = make_cnn(), torch.randn(4, 1, 28, 28)
    with FlopCounterMode(display=False) as counter:
        net(x).sum().backward()
    operations = list(step_operations(net, x))
    with FlopCounterMode(display=False) as own, torch.no_grad():
        for operation in operations:
            operation.run()
    assert sum(operation.flop for operation in operations) == counter.get_total_flops()
    assert own.get_total_flops() == counter.get_total_flops()


def test_written_idx_is_read_back(tmp_path: Path) -> None:
    """A share of the images is read as the whole is."""
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    write_idx(tmp_path / "x.gz", values)
    assert np.array_equal(read_idx(tmp_path / "x.gz"), values)
