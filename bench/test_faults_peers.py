"""The published rules fire where their descriptions say, and the spy changes nothing of a run.

python -m pytest bench/test_faults_peers.py
"""

from dataclasses import replace

import pytest

from bench.faults import plant_data, plant_loop
from bench.faults.bases import BASES
from bench.faults.means import MEANS
from bench.faults.oracle import judge
from bench.faults.packages import IMPORTS, WORDS, installed, label_of, meanings
from bench.faults.peers import peer_named, run_peers
from bench.faults.program import Program, start, train
from bench.faults.published import TOOLS, fired
from bench.faults.run import cases_of
from bench.faults.trace import Spy, Trace

pytestmark = pytest.mark.filterwarnings("default")
BASE = replace(BASES["digits-mlp-sgd-cosine"], epochs=4)


def traced(program: Program) -> Trace:
    """The trace of a whole run."""
    script = start(program, 0)
    spy = Spy(script)
    train(script, spy, spy.step)
    return spy.finish()


def test_spy_changes_nothing() -> None:
    """The same sealed score, bit for bit, with and without it."""
    bare = start(BASE, 0)
    train(bare)
    script = start(BASE, 0)
    spy = Spy(script)
    train(script, spy, spy.step)
    assert judge(script) == judge(bare)
    assert len(spy.trace.losses) == script.num_steps
    assert len(spy.trace.validation_loss) == BASE.epochs


def test_healthy_run_is_left_alone_by_most() -> None:
    """On a short healthy run, AutoTrainer and DeepDiagnosis say nothing."""
    trace = traced(BASE)
    assert not fired(trace, "AutoTrainer") and not fired(trace, "DeepDiagnosis")


@pytest.mark.parametrize(
    ("plant", "tool", "rule"),
    [
        (plant_data.bad_inputs(float("nan"), 0.03), "SageMaker Debugger", "ExplodingTensor"),
        (plant_data.bad_inputs(float("nan"), 0.03), "AutoTrainer", "explode"),
        (plant_data.bad_inputs(float("nan"), 0.03), "DeepDiagnosis", "numerical error"),
        (plant_loop.loop(take_step=False), "SageMaker Debugger", "UnchangedTensor"),
        (plant_loop.loop(take_step=False), "AutoTrainer", "not_converge"),
        (plant_loop.loop(take_step=False), "DeepDiagnosis", "unchanged weight"),
        (plant_data.rare_classes(0.03), "SageMaker Debugger", "ClassImbalance"),
    ],
    ids=str,
)
def test_rule_fires_on_its_fault(plant, tool: str, rule: str) -> None:
    """Planted, and found by the rule of that name."""
    assert rule in dict(fired(traced(plant(BASE)), tool))


def test_each_rule_has_a_meaning() -> None:
    """No rule's alert could never be right."""
    assert {rule for rules in TOOLS.values() for rule in rules} == set(MEANS)
    assert all(label_of(word) in WORDS and meanings(word) for word in WORDS)


def test_only_the_first_two_alerts_name() -> None:
    """As for our own findings."""
    said = [("DeadRelu", 1), ("AllZero", 2), ("Overfit", 3)]
    assert peer_named(said, ("dead-units",)) and not peer_named(said, ("overfitting",))


def test_all_tools_answer_on_a_case() -> None:
    """Three sets of rules, and the packages that are installed."""
    case = next(c for c in cases_of("development") if c.base == "cancer-binary-sgd" and not c.fault)
    said = run_peers(case)["said"]
    assert set(said) == {*TOOLS, *installed()} and set(installed()) <= set(IMPORTS)
