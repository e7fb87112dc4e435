"""Any module trains: what can be traced is, what cannot runs eagerly, and the executor says why."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from engine_teams import (
    TABLE,
    MakeNet,
    Row,
    distance,
    index_of,
    make_problem,
    make_team,
    plain_loop,
    same_bits,
    with_executor,
    worst_distance,
)
from torch import Tensor, nn
from torch.nn import functional

from goodfit.engine import Noise, make_executor
from goodfit.engine.trace import draws_noise, trace
from goodfit.errors import NetError
from goodfit.nets import pack_parameters
from goodfit.recipe import AdamW

ROW = Row(AdamW(lr=3e-3))


class Base(nn.Module):
    """A linear layer and something unusual before it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.unusual(x))

    def unusual(self, x: Tensor) -> Tensor:
        return x


class Branches(Base):
    """Goes another way for about half of the batches."""

    def unusual(self, x: Tensor) -> Tensor:
        return x if x.mean() > 0.305 else -x


class ReadsANumber(Base):
    def unusual(self, x: Tensor) -> Tensor:
        return x * x.square().mean().item()


class Double(torch.autograd.Function):
    """An autograd function of the old style, which function transforms refuse."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        return 2.0 * x

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grads: Tensor) -> Tensor:
        return 2.0 * grads[0]


class OldFunction(Base):
    def forward(self, x: Tensor) -> Tensor:
        return Double.apply(self.linear(x))  # pyright: ignore[reportReturnType]


class Counts(Base):
    """Changes after 20 calls, long after any trial run."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def unusual(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x if self.calls < 20 else -x


class Alternates(Base):
    """Keeps its count where no one sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = itertools.count()

    def unusual(self, x: Tensor) -> Tensor:
        return x if next(self.turns) % 2 else 3.0 * x


class OwnNoise(Base):
    def unusual(self, x: Tensor) -> Tensor:
        return x + torch.rand(x.shape)


def functional_dropout() -> nn.Module:
    class Drops(Base):
        def unusual(self, x: Tensor) -> Tensor:
            return functional.dropout(x, 0.5, self.training)

    return Drops()


UNTRACEABLE = [(Branches, "cannot be traced"), (ReadsANumber, "cannot be traced")]
UNTRACEABLE += [(OldFunction, "cannot be traced")]


@pytest.mark.parametrize("mode", ["auto", "traced", "compiled"])
@pytest.mark.parametrize(("make", "words"), UNTRACEABLE)
def test_what_cannot_be_traced_runs_eagerly_and_says_so(
    make: MakeNet, words: str, mode: str
) -> None:
    executor = make_team(make, [ROW], mode=mode).executor
    assert executor.kind == "eager"
    assert words in executor.reason
    assert executor.reason.endswith("so it runs eagerly")
    assert "\n" not in executor.reason


@pytest.mark.parametrize("make", [make for make, _ in UNTRACEABLE])
def test_what_cannot_be_traced_trains_as_in_a_plain_loop(make: MakeNet) -> None:
    net, expected = plain_loop(
        make, ROW, lambda net: torch.optim.AdamW(net.parameters(), lr=3e-3), 40
    )
    team = make_team(make, [ROW])
    torch.testing.assert_close(team.run(40)[:, :, 0], expected, rtol=1e-4, atol=1e-5)
    assert distance(team.population.w, pack_parameters([net])) < 1e-5


@pytest.mark.parametrize("make", [make for make, _ in UNTRACEABLE])
def test_what_cannot_be_traced_trains_as_a_row_too(make: MakeNet) -> None:
    rows = [Row(AdamW(lr=lr), net_seed=k) for k, lr in enumerate((3e-3, 1e-3))]
    team = make_team(make, rows)
    team.run(20)
    for k, row in enumerate(rows):
        alone = make_team(make, [row])
        alone.run(20)
        assert worst_distance(team.population, alone.population, k) < 1e-5


def test_branches_are_both_taken() -> None:
    """The test above would show nothing if every batch went one way."""
    means = [float(TABLE[0][index_of(ROW.seed, step)].mean()) for step in range(40)]
    assert 10 < sum(mean > 0.305 for mean in means) < 30


@pytest.mark.parametrize(
    ("make", "words"),
    [(Counts, "keeps count in Python"), (Alternates, "gave other numbers than the network")],
)
def test_what_a_replay_would_get_wrong_runs_eagerly(make: MakeNet, words: str) -> None:
    team = make_team(make, [ROW])
    assert team.executor.kind == "eager"
    assert words in team.executor.reason
    losses = team.run(40)[:, 0, 0]
    assert losses[-1] < losses[0]


def test_a_network_that_counts_changes_when_its_count_says() -> None:
    """Its losses jump when it turns its inputs round; a frozen trace would not."""
    team = make_team(Counts, [Row(AdamW(lr=0.02))])
    jumps = team.run(40)[:, 0, 0].diff()
    assert float(jumps.max()) > 1.0
    assert 10 < int(jumps.argmax()) < 20


@pytest.mark.parametrize("make", [OwnNoise, functional_dropout])
@pytest.mark.parametrize("mode", ["traced", "eager"])
def test_noise_of_its_own_depends_on_seed_and_step_alone(make: MakeNet, mode: str) -> None:
    whole = make_team(make, [ROW], mode=mode)
    assert whole.executor.kind == mode
    expected = whole.run(20)
    torch.rand(7)  # another place in torch's generator
    again = make_team(make, [ROW], mode=mode)
    first = again.run(8)
    torch.rand(3)
    resumed = with_executor([ROW], again.problem, again.population, mode=mode)
    found = torch.cat([first, resumed.run(12, first=8)])
    assert same_bits(found, expected)
    assert same_bits(again.population.w, whole.population.w)


@pytest.mark.parametrize("make", [OwnNoise, functional_dropout])
def test_noise_of_its_own_is_the_same_traced_and_eager(make: MakeNet) -> None:
    teams = [make_team(make, [ROW], mode=mode) for mode in ("traced", "eager")]
    traced, eager = (team.run(20) for team in teams)
    torch.testing.assert_close(traced, eager, rtol=1e-4, atol=1e-5)


def test_noise_of_its_own_differs_between_steps_and_seeds() -> None:
    class Probe(Base):
        """Its loss is its noise: the linear layer has no say."""

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * 0.0 + torch.rand(len(x), 10)

        def unusual(self, x: Tensor) -> Tensor:
            return x

    losses = [
        make_team(Probe, [Row(AdamW(), seed=seed)], mode="traced").run(6)[:, 0, 0]
        for seed in (0, 1)
    ]
    assert len(torch.cat(losses).unique()) == 12


def test_noise_of_its_own_survives_a_resume_between_batch_sizes() -> None:
    """A batch size that comes late is traced late: that must not shift the noise."""
    whole, broken = (make_team(OwnNoise, [ROW]) for _ in range(2))
    sizes = [16, 7, 16, 7]
    for step, size in enumerate(sizes):
        whole.run(1, first=step, batch=size)
    for step, size in enumerate(sizes[:3]):
        broken.run(1, first=step, batch=size)
    resumed = with_executor([ROW], broken.problem, broken.population)
    resumed.run(1, first=3, batch=7)
    assert same_bits(broken.population.w, whole.population.w)


@pytest.mark.parametrize("mode", ["traced", "eager"])
def test_rows_share_the_noise_that_a_network_draws(mode: str) -> None:
    rows = [Row(AdamW(lr=lr), net_seed=k) for k, lr in enumerate((3e-3, 1e-3, 1e-2))]
    team = make_team(OwnNoise, rows, mode=mode)
    assert team.executor.kind == mode
    team.run(20)
    for k, row in enumerate(rows):
        alone = make_team(OwnNoise, [row], mode=mode)
        alone.run(20)
        assert worst_distance(team.population, alone.population, k) < 1e-5


@pytest.mark.parametrize("make", [Branches, OwnNoise, Counts, lambda: nn.Linear(64, 10)])
def test_trying_out_leaves_the_population_as_it_was(make: MakeNet) -> None:
    problem, population = make_problem(make, [ROW])
    before = population.clone()
    with_executor([ROW], problem, population)
    for name, tensor in population.named().items():
        assert same_bits(tensor, before.named()[name]), name


def test_traced_steps_without_noise_of_their_own_leave_torch_s_generator() -> None:
    team = make_team(lambda: nn.Sequential(nn.Linear(64, 10), nn.Dropout(0.5)), [ROW])
    torch.manual_seed(1)
    state = torch.get_rng_state()
    team.run(3)
    team.run(3, first=3, batch=7)
    assert torch.equal(torch.get_rng_state(), state)


def test_tracing_leaves_torch_s_generator() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    module = trace(lambda x: (x + torch.rand(3),), [torch.zeros(3)])
    assert draws_noise(module)
    assert torch.equal(torch.get_rng_state(), state)
    assert not draws_noise(trace(lambda x: (x + 1.0,), [torch.zeros(3)]))


class Fails(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("no such luck")


@pytest.mark.parametrize("mode", ["auto", "eager"])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Sequential(nn.Linear(64, 10), Fails()), "no such luck"),
        (lambda: nn.Linear(63, 10), "mat1 and mat2"),
    ],
)
def test_a_network_that_fails_on_a_batch_is_an_error_with_words(
    make: Callable[[], nn.Module], words: str, mode: str
) -> None:
    with pytest.raises(NetError) as caught:
        make_team(make, [ROW], mode=mode)
    assert caught.value.what.startswith("The network fails on a batch")
    assert words in caught.value.what
    assert caught.value.given == "inputs of shape [16, 64]"
    assert "inputs of that shape" in caught.value.do


def test_a_batch_may_come_as_tensors_instead_of_an_index() -> None:
    """A loader's batches: also such as lie in memory in another order, or are of another type."""
    problem, population = make_problem(lambda: nn.Sequential(ToFloat(), nn.Linear(64, 10)), [ROW])
    twin, other = make_problem(lambda: nn.Sequential(ToFloat(), nn.Linear(64, 10)), [ROW])
    table = make_team(lambda: nn.Linear(64, 10), [ROW]).table
    x, y = TABLE[0][:16].clone(), TABLE[1][:16]
    turned = torch.empty(64, 16).t().copy_(x)
    batches = [(x, y), (turned, y), (x.double(), y), (x.flip(0), y.flip(0)), (x[:5], y[:5])]
    found, expected = (
        make_executor(
            each,
            rows,
            (),
            Noise(each, rows, (), [0]),
            coefficients=table[0],
            batch=batches[0],
            mode=mode,
            num_steps=5,
        ).run(0, table[:5], batches)
        for each, rows, mode in ((problem, population, "traced"), (twin, other, "eager"))
    )
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert distance(population.w, other.w) < 1e-6


class ToFloat(nn.Module):
    """Views its input, which another layout does not allow."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(-1, 8, 8).float().flatten(1)
