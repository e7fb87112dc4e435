"""The planting functions do what they say; the oracle, the measures and the resuming too.

python -m pytest bench/test_faults.py
"""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from bench.faults import plant_data, plant_loop, plant_net
from bench.faults.bases import BASES, DEVELOPMENT, HELD_OUT
from bench.faults.cases import Case, cases_of, fault_of, program_of
from bench.faults.faults import FAULTS
from bench.faults.measure import first_right, named, overall, wilson
from bench.faults.oracle import Outcome, Twin, harmed, judge
from bench.faults.pairs import PAIRS
from bench.faults.program import Program, start, train
from bench.faults.run import read_results, run_all

# The project turns warnings into errors; broken programs may well cause some.
pytestmark = pytest.mark.filterwarnings("default")
MLP, BINARY, NORMED = (
    BASES[n] for n in ("digits-mlp-sgd-cosine", "cancer-binary-sgd", "digits-bn-adam")
)
REGRESSION = BASES["diabetes-adam"]
# Bases whose data come with scikit-learn; the others need the folder of Fashion-MNIST.
WITHOUT_FOLDER = [p for p in BASES.values() if not p.name.startswith("fashion")]


def weights(program: Program, seed: int = 0) -> list[torch.Tensor]:
    """The network's weights before training."""
    return [p.detach() for p in plant_net.weights_of(start(program, seed).net)]


@pytest.mark.parametrize("base", WITHOUT_FOLDER, ids=lambda base: base.name)
def test_healthy_base_learns(base: Program) -> None:
    """One short training gets well above chance."""
    script = start(base, 0)
    train(script)
    chance = 0.0 if base.task == "regression" else 1 / script.parts.num_classes
    assert judge(script).score > chance + 0.3


def test_parts_share_neither_data_nor_architecture() -> None:
    """The held-out part is other data sets and other networks."""
    for field in ("load", "make_net"):
        first, second = ({str(getattr(p, field)) for p in part} for part in (DEVELOPMENT, HELD_OUT))
        assert not first & second


@pytest.mark.parametrize(
    "fault", [*FAULTS, *PAIRS], ids=lambda f: f"{f.name}-{next(iter(f.doses))}"
)
def test_every_dose_gives_a_program_that_starts(fault) -> None:
    """Each dose can be planted, and something is different from the base."""
    base = next(p for p in WITHOUT_FOLDER if fault.fits(p))
    for plant in fault.doses.values():
        program = plant(base)
        assert program != base
        assert start(program, 0).num_steps >= 2


def test_cases_have_seeds_and_unique_keys() -> None:
    """At least 5 seeds for each fault kind, at least 200 healthy runs, no run twice."""
    cases = [*cases_of("development"), *cases_of("held-out")]
    assert len({case.key for case in cases}) == len(cases)
    assert sum(not case.fault for case in cases) >= 200
    for name in {case.fault for case in cases if case.fault}:
        assert len({case.seed for case in cases if case.fault == name}) >= 5
    assert all(Case.of_key(case.key) == case for case in cases)


def test_rates_and_optimiser_settings() -> None:
    """Factors apply to what the optimiser gets."""
    for plant, key, value in (
        (plant_loop.rate(10), "lr", 10 * MLP.optim.lr),
        (plant_loop.decay(3.0), "weight_decay", 3.0),
        (plant_loop.momentum(0.99), "momentum", 0.99),
    ):
        group = start(plant(MLP), 0).optimizer.param_groups[0]
        assert group[key] == pytest.approx(value) or group[f"initial_{key}"] == pytest.approx(value)


def test_head_gets_a_rate_of_its_own() -> None:
    """The head's group has the factor, the body's has not."""
    program = replace(plant_loop.head_times(100)(MLP), schedule="constant")
    body, head = start(program, 0).optimizer.param_groups
    assert head["lr"] == pytest.approx(100 * body["lr"])


def test_only_half_of_the_parameters_are_given() -> None:
    """Not all of the network's parameters stand in the optimiser."""
    script = start(plant_loop.groups(plant_loop.only_head)(MLP), 0)
    given = {id(p) for group in script.optimizer.param_groups for p in group["params"]}
    assert given == {id(p) for p in script.net.get_submodule("head").parameters()}


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_scaled_init(factor: float) -> None:
    """All weights are multiplied, nothing else is drawn."""
    for healthy, planted in zip(
        weights(MLP), weights(plant_net.scaled_init(factor)(MLP)), strict=True
    ):
        assert torch.allclose(planted, factor * healthy)


@pytest.mark.parametrize("base", [MLP, NORMED], ids=lambda base: base.name)
def test_negative_biases_kill_all_units(base: Program) -> None:
    """No unit before a ReLU fires, with batch norm as without."""
    script = start(plant_net.negative_biases(-20)(base), 0)
    fired: list[bool] = []
    for module in script.net.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda m, i, out: fired.append(bool(out.any())))
    script.net(script.parts.train.x[:64])
    assert fired and not any(fired)


def test_data_faults_leave_the_sealed_part_right() -> None:
    """Wrong labels, NaN and rare classes stand in the other parts only."""
    sealed = MLP.load().sealed
    for plant in (
        plant_data.wrong_labels(0.4),
        plant_data.bad_inputs(math.nan, 0.03),
        plant_data.rare_classes(0.1),
    ):
        parts = plant(MLP).load()
        assert torch.equal(parts.sealed.x, sealed.x) and torch.equal(parts.sealed.y, sealed.y)


def test_wrong_labels_and_bad_inputs_have_their_share() -> None:
    """About 40 % chosen, of which a tenth keep their class by chance; 3 % of the rows are NaN."""
    healthy, noisy = MLP.load().train, plant_data.wrong_labels(0.4)(MLP).load().train
    assert float((healthy.y != noisy.y).float().mean()) == pytest.approx(0.36, abs=0.04)
    spoiled = plant_data.bad_inputs(math.nan, 0.03)(MLP).load().train.x
    assert int(spoiled.isnan().any(1).sum()) == round(0.03 * len(spoiled))


def test_sorted_rows_come_sorted() -> None:
    """The batches come in order of the classes."""
    script = start(plant_data.sorted_rows(1)(MLP), 0)
    targets = torch.cat([y for _, y in script.batches])
    assert bool((targets.diff() >= 0).all())


def test_overlap_puts_training_rows_into_validation() -> None:
    """Half of the validation rows are training rows."""
    parts = plant_data.overlapping_parts(0.5)(MLP).load()
    shared = (parts.validation.x[:, None] == parts.train.x[None]).all(2).any(1)
    assert float(shared.float().mean()) >= 0.49


@pytest.mark.parametrize("mistake", ["sign", "mask", "lost", "value"])
def test_wrong_backward_is_wrong_and_its_forward_right(mistake: str) -> None:
    """Same outputs as ReLU, another gradient."""
    x = torch.linspace(-2, 2, 9, requires_grad=True)
    net = plant_net.wrong_backward(mistake)(
        replace(MLP, make_net=lambda: nn.Sequential(nn.ReLU()))
    ).make_net()
    y = net(x)
    assert torch.equal(y, x.relu())
    (wrong,) = torch.autograd.grad(y.sum(), x)
    assert not torch.equal(wrong, (x > 0).float())


def test_lines_of_forward() -> None:
    """Softmax, detach and mixing stand where they should."""
    x = torch.randn(16, 64)
    probabilities = start(fault_of_named("double-softmax").doses["softmax"](MLP), 0).net(x)
    assert torch.allclose(probabilities.sum(1), torch.ones(16))
    net = start(fault_of_named("no-gradient").doses["detached"](MLP), 0).net
    net(x).sum().backward()
    assert all(p.grad is None for p in net.get_submodule("body").parameters())
    net = start(fault_of_named("batch-mixing").doses["features_reshaped"](MLP), 0).net.eval()
    assert not torch.allclose(net(x)[:8], net(torch.cat([x[:8], -x[8:]]))[:8])


def fault_of_named(name: str):
    """The first fault of a name."""
    return next(fault for fault in FAULTS if fault.name == name)


def test_loop_faults() -> None:
    """No step leaves the weights; ascent climbs; a fixed batch stays; a mode is not changed."""
    script = start(MLP.with_loop(take_step=False), 0)
    before = weights(MLP)
    train(script)
    assert all(map(torch.equal, before, plant_net.weights_of(script.net)))
    script = start(plant_loop.ascent(MLP), 0)
    x, y = script.parts.train.x, script.parts.train.y
    first = float(script.loss_fn(script.net(x), y))
    train(script)
    last = float(script.loss_fn(script.net(x), y))
    assert not last < first
    script = start(NORMED.with_loop(eval_mode=False), 0)
    train(script)
    assert script.net.training


def test_summed_loss_is_the_batch_times_the_mean() -> None:
    """For a loss module and for a plain function."""
    outputs, y = torch.randn(8, 10), torch.arange(8)
    for base in (MLP, NORMED):
        mean, total = base.make_loss()(outputs, y), plant_loop.summed(base).make_loss()(outputs, y)
        assert torch.allclose(total, 8 * mean)


def test_flat_target_broadcasts() -> None:
    """The loss sees ``[N, 1]`` against ``[N]``."""
    script = start(plant_net.flat_target(REGRESSION), 0)
    x, y = next(iter(script.batches))
    assert script.net(x).shape == (32, 1) and y.shape == (32,)


def test_oracle_asks_for_both_spread_and_amount() -> None:
    """A tiny loss under a tiny spread is no harm; a loss inside a wide spread is none either."""
    assert not harmed(Outcome(0.94, 0.0), Twin(0.95, 0.001, 0.0, 0.01))
    assert not harmed(Outcome(0.80, 0.0), Twin(0.95, 0.06, 0.0, 0.01))
    assert harmed(Outcome(0.80, 0.0), Twin(0.95, 0.01, 0.0, 0.01))


def test_wilson_against_the_published_example() -> None:
    """1 of 10: 0.0179 to 0.4042 (Newcombe 1998's method 3)."""
    assert wilson(1, 10) == pytest.approx((0.0179, 0.4042), abs=2e-4)


def finding(rule: str, severity: str = "warning") -> dict[str, str]:
    """A finding as the records keep it."""
    return {"rule": rule, "severity": severity, "where": ""}


def record(case: Case, score: float, found: list[dict[str, str]]) -> dict:
    """A record as a run gives it."""
    stages = {"before": [], "during": {"1": [], "5": found}, "found": found}
    outcome = {"score": score, "optimism": 0.0, "error": ""}
    return {**vars(case), "key": case.key, **outcome, **stages}


def test_measures_on_made_up_records() -> None:
    """One right, one misnamed, one missed, one unharmed; one false alarm in three."""
    healthy = [Case("development", MLP.name, "", "", seed) for seed in range(3)]
    planted = [Case("development", MLP.name, "lr-too-high", "x100", seed) for seed in range(4)]
    found = [[finding("lr-too-high")], [finding("plateau")], [], [finding("lr-too-high")]]
    scores = [0.1, 0.1, 0.1, 0.97]
    records = [record(c, 0.97, [finding("overfitting")] * (c.seed == 2)) for c in healthy]
    records += [record(*row) for row in zip(planted, scores, found, strict=True)]
    shares = {name: (s.hits, s.num) for name, s in overall(records).items()}
    assert shares["detected"] == (2, 3)
    assert shares["named right"] == (1, 3)
    assert shares["false alarms at any time"] == (1, 3)
    assert shares["planted but unharmed"] == (1, 4)
    assert shares["right within the first 5 % of the run"] == (1, 1)


def test_only_the_first_two_count() -> None:
    """The third finding is no naming."""
    found = [finding("plateau"), finding("dead-units"), finding("lr-too-high")]
    assert not named(found, ("lr-too-high",)) and named(found[1:], ("lr-too-high",))
    case = Case("development", MLP.name, "lr-too-high", "x100", 0)
    assert first_right(record(case, 0.1, found[2:]), ("lr-too-high",)) == 5


def test_results_are_resumed_after_a_torn_line(tmp_path: Path) -> None:
    """What is there is not run again, half a record is."""
    cases, path = cases_of("development")[:3], tmp_path / "results.jsonl"
    path.write_text(json.dumps({"key": cases[0].key}) + "\n" + '{"key": "half')
    ran: list[str] = []

    def runner(case: Case) -> dict:
        ran.append(case.key)
        return {"key": case.key}

    run_all(cases, path, 1, runner)
    assert ran == [case.key for case in cases[1:]]
    assert [r["key"] for r in read_results(path)] == [case.key for case in cases]


def test_a_case_is_the_same_run_twice() -> None:
    """Seeded from start to end."""
    case = Case("development", MLP.name, "label-noise", "noise_20", 1)
    outcomes = []
    for _ in range(2):
        script = start(program_of(case), case.seed)
        train(script)
        outcomes.append(judge(script))
    assert outcomes[0] == outcomes[1]
    assert fault_of(case).right == ("label-noise",)
    assert BINARY.task == "binary"
