"""Row k of a population is the run that configuration k is alone.

Kernels differ between one row and several (``bmm`` for ``mm``, grouped convolutions), so equality
is to float tolerance: the length of the difference over the length of what is expected stays
under 1e-5 for weights, optimiser state and buffers over 40 steps (seen: 1e-6 at most). Where
shapes are equal, bits are.
"""

from __future__ import annotations

import pytest
import torch
from engine_teams import (
    IMAGES,
    TABLE,
    MakeNet,
    Row,
    Team,
    distance,
    keep_rows,
    make_team,
    same_bits,
    worst_distance,
)
from torch import nn

from goodfit.engine import Batch
from goodfit.nets import Dropout, build_net
from goodfit.recipe import (
    CNN,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Constant,
    Cosine,
    Exponential,
    Momentum,
    Nesterov,
    OneCycle,
    Optimizer,
    RMSProp,
    Step,
)

TOLERANCE, STEPS = 1e-5, 40
OPTIMISERS: dict[str, list[Optimizer]] = {
    "sgd": [SGD(), SGD(lr=0.02), SGD(weight_decay=0.01), SGD(lr=0.2)],
    "momentum": [Momentum(), Momentum(momentum=0.5), Momentum(lr=0.05), Momentum(weight_decay=0.1)],
    "nesterov": [Nesterov(), Nesterov(momentum=0.5), Nesterov(lr=0.05), Nesterov(weight_decay=0.1)],
    "adagrad": [Adagrad(), Adagrad(lr=0.05), Adagrad(eps=1e-3), Adagrad(weight_decay=0.1)],
    "rmsprop": [RMSProp(), RMSProp(alpha=0.8), RMSProp(eps=1e-3), RMSProp(weight_decay=0.1)],
    "adam": [Adam(), Adam(betas=(0.5, 0.9)), Adam(lr=1e-2), Adam(weight_decay=0.1)],
    "adamw": [AdamW(), AdamW(betas=(0.5, 0.9)), AdamW(eps=1e-3), AdamW(lr=0.01, weight_decay=0.5)],
}
SCHEDULES = [Cosine(), OneCycle(), Exponential(gamma=0.7), Step(every=2, warmup=0.2)]


def dense() -> nn.Module:
    """Batch norm and dropout; no bias before batch norm, whose gradient is rounding alone."""
    return nn.Sequential(
        nn.Linear(64, 24, bias=False),
        nn.BatchNorm1d(24),
        nn.Tanh(),
        Dropout(0.2),
        nn.Linear(24, 10),
    )


def conv() -> nn.Module:
    recipe = CNN(channels=(4, 6), norm="batch", dropout=0.2, activation="silu")
    return build_net(recipe, input_shape=(1, 8, 8), num_outputs=10, seed=1)


def rows_of(name: str) -> list[Row]:
    pairs = zip(OPTIMISERS[name], SCHEDULES, strict=True)
    return [Row(config, schedule, net_seed=k) for k, (config, schedule) in enumerate(pairs)]


def check_rows(
    make: MakeNet,
    rows: list[Row],
    *,
    mode: str = "traced",
    alone: str = "eager",
    data: Batch = TABLE,
    own_batches: bool = False,
) -> Team:
    """Compare each row of a population with the same run alone, by plain autograd or traced."""
    together = make_team(make, rows, mode=mode, data=data, own_batches=own_batches)
    assert together.executor.kind == mode
    before = together.population.clone()
    probes = together.run(STEPS)
    for k, row in enumerate(rows):
        single = make_team(make, [row], mode=alone, data=data)
        expected = single.run(STEPS)
        assert worst_distance(together.population, single.population, k) < TOLERANCE, row
        torch.testing.assert_close(probes[:, :, k], expected[:, :, 0], rtol=1e-4, atol=1e-5)
        assert distance(before.w[k], together.population.w[k]) > 0.01, "nothing was learned"
    return together


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_row_is_its_run_alone(name: str) -> None:
    check_rows(dense, rows_of(name))


def test_a_row_is_its_run_alone_traced_as_well() -> None:
    check_rows(dense, rows_of("adamw"), alone="traced")


def test_a_row_of_convolutions_is_its_run_alone() -> None:
    check_rows(conv, rows_of("adamw"), data=IMAGES)


def test_a_row_is_its_run_alone_eagerly() -> None:
    check_rows(dense, rows_of("adamw"), mode="eager")


@pytest.mark.parametrize(("make", "data"), [(dense, TABLE), (conv, IMAGES)])
def test_a_row_with_a_seed_of_its_own_is_its_run_alone(make: MakeNet, data: Batch) -> None:
    rows = [Row(AdamW(lr=3e-3), net_seed=k, seed=10 + k) for k in range(3)]
    check_rows(make, rows, own_batches=True, data=data)


@pytest.mark.parametrize("mode", ["traced", "eager"])
def test_a_single_row_may_have_a_seed_of_its_own(mode: str) -> None:
    check_rows(dense, [Row(AdamW(lr=3e-3), seed=12)], own_batches=True, mode=mode)


def test_a_row_with_a_seed_of_its_own_is_its_run_alone_eagerly() -> None:
    rows = [Row(AdamW(lr=3e-3), net_seed=k, seed=10 + k) for k in range(3)]
    check_rows(dense, rows, own_batches=True, mode="eager")


def test_rows_with_seeds_of_their_own_differ_in_nothing_but_batches_and_noise() -> None:
    """Two rows with one seed are one run; a third with another seed is another."""
    rows = [Row(seed=1), Row(seed=1), Row(seed=2)]
    team = make_team(dense, rows, own_batches=True)
    team.run(5)
    w = team.population.w
    assert same_bits(w[0], w[1])
    assert distance(w[2], w[0]) > 1e-3


@pytest.mark.parametrize("mode", ["traced", "eager"])
def test_each_row_has_a_dropout_rate_of_its_own(mode: str) -> None:
    rows = [Row(AdamW(lr=3e-3), dropout=rate) for rate in (0.0, 0.2, 0.5)]
    team = check_rows(dense, rows, mode=mode)
    assert team.population.buffers["3.rate"].tolist() == pytest.approx([0.0, 0.2, 0.5])
    w = team.population.w
    assert min(distance(w[j], w[k]) for j, k in ((0, 1), (0, 2), (1, 2))) > 0.01


def test_a_rate_of_zero_is_no_dropout() -> None:
    def without() -> nn.Module:
        return nn.Sequential(*(layer for layer in dense() if not isinstance(layer, Dropout)))  # pyright: ignore[reportGeneralTypeIssues]

    dropped, plain = make_team(dense, [Row(dropout=0.0)]), make_team(without, [Row()])
    assert same_bits(dropped.run(20), plain.run(20))
    assert same_bits(dropped.population.w, plain.population.w)


@pytest.mark.parametrize(
    ("make", "data", "mode"),
    [(dense, TABLE, "traced"), (conv, IMAGES, "traced"), (dense, TABLE, "eager")],
)
def test_a_row_that_diverges_harms_no_other(make: MakeNet, data: Batch, mode: str) -> None:
    """The others keep the very bits that they have beside a row that behaves."""
    rates = (3e-3, 1e-3, 1e-2, 3e-3)
    good = [Row(AdamW(lr=lr), net_seed=k) for k, lr in enumerate(rates)]
    bad = [*good[:1], Row(AdamW(lr=1e30), net_seed=1), *good[2:]]
    teams = [make_team(make, rows, mode=mode, data=data) for rows in (good, bad)]
    assert [team.executor.kind for team in teams] == [mode, mode]
    calm, wild = (team.run(30) for team in teams)
    assert calm.isfinite().all()
    assert wild[-1, :, 1].isnan().all()
    assert teams[1].population.w[1].isnan().any()
    others = [0, 2, 3]
    assert same_bits(wild[:, :, others], calm[:, :, others])
    for name, tensor in teams[1].population.named().items():
        assert same_bits(tensor[others], teams[0].population.named()[name][others]), name


@pytest.mark.parametrize("keep", [[0, 2, 3], [2]])
def test_dropping_rows_changes_no_survivor(keep: list[int]) -> None:
    team = make_team(dense, rows_of("adamw"))
    team.run(20)
    fewer = keep_rows(team, keep)
    assert fewer.executor.kind == team.executor.kind == "traced"
    expected, found = team.run(30, first=20), fewer.run(30, first=20)
    torch.testing.assert_close(found, expected[:, :, keep], rtol=1e-4, atol=1e-5)
    for new, old in enumerate(keep):
        assert worst_distance(fewer.population, team.population, new, old) < TOLERANCE


def test_dropping_a_row_that_diverged_changes_no_survivor() -> None:
    rows = [Row(AdamW(lr=lr), net_seed=k) for k, lr in enumerate((3e-3, 1e30, 1e-2))]
    team = make_team(dense, rows)
    team.run(20)
    fewer = keep_rows(team, [0, 2])
    assert fewer.run(30, first=20).isfinite().all()
    team.run(30, first=20)
    for new, old in enumerate([0, 2]):
        assert worst_distance(fewer.population, team.population, new, old) < TOLERANCE


def test_rows_share_their_dropout_noise() -> None:
    """Two equal configurations are one run: that makes trials a paired comparison."""
    team = make_team(dense, [Row(), Row(Adam(lr=3e-3)), Row()][::2])
    team.run(10)
    assert same_bits(team.population.w[0], team.population.w[1])


def test_a_constant_schedule_is_the_base_rate() -> None:
    team = make_team(dense, [Row(SGD(lr=0.1), Constant()), Row(SGD(lr=0.3), Constant())])
    assert team.table[:, 0].unique(dim=0).tolist() == [pytest.approx([0.1, 0.3])]
