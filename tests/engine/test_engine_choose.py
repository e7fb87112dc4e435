"""Who runs the steps: the decision, what stands in the way of compiling, and the compiled step."""

from __future__ import annotations

import math
import shutil
import types
from collections.abc import Callable

import pytest
import torch
from engine_teams import Row, Team, distance, make_team, same_bits
from torch import Tensor, nn

from goodfit.engine import STEPS_PER_CALL, choose, executor
from goodfit.nets import Dropout
from goodfit.recipe import AdamW, Cosine

LONG = 10_000_000
ROW = Row(AdamW(lr=3e-3), Cosine(), dropout=0.2)


def small() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 16), nn.ReLU(), Dropout(0.2), nn.Linear(16, 10))


def large() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 3000), nn.ReLU(), nn.Linear(3000, 10))


class OwnNoise(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x + torch.rand(x.shape))


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the reasons for which something would be compiled, and compile nothing."""
    reasons: list[str] = []

    def record(traced: executor.TracedExecutor, *others: object) -> executor.TracedExecutor:
        reasons.append(str(others[-1]))
        return traced

    monkeypatch.setattr(choose, "_compiled", record)
    return reasons


def test_a_short_run_is_not_compiled(compiled: list[str]) -> None:
    team = make_team(small, [ROW], mode="auto", announced=10_000)
    assert compiled == []
    assert team.executor.kind == "traced"
    assert team.executor.reason == "compiling would save about 1 s and cost about 40 s"


def test_a_long_run_is_compiled(compiled: list[str]) -> None:
    make_team(small, [ROW], mode="auto", announced=LONG)
    (reason,) = compiled
    assert reason.startswith("compiling would save about ")
    assert float(reason.split()[4]) > 100.0


def test_the_more_steps_the_more_is_saved(compiled: list[str]) -> None:
    for num_steps in (LONG, 2 * LONG):
        make_team(small, [ROW], mode="auto", announced=num_steps)
    fewer, more = (float(reason.split()[4]) for reason in compiled)
    assert more == pytest.approx(2.0 * fewer, rel=0.01)


@pytest.mark.parametrize("rows", [1, 8])
def test_a_large_network_is_not_compiled(compiled: list[str], rows: int) -> None:
    team = make_team(large, [ROW] * rows, mode="auto", announced=LONG)
    assert compiled == []
    assert team.executor.kind == "traced"


def test_many_rows_of_a_small_network_count_together(compiled: list[str]) -> None:
    weights = sum(p.numel() for p in small().parameters())
    for rows in (1, choose.LARGEST_THAT_GAINS // weights + 1):
        make_team(small, [ROW] * rows, mode="auto", announced=LONG)
    assert len(compiled) == 1


def test_what_is_asked_for_is_compiled_however_short(compiled: list[str]) -> None:
    make_team(small, [ROW], mode="compiled", announced=10)
    assert compiled == ["asked for"]


@pytest.mark.parametrize("mode", ["eager", "traced"])
def test_what_is_asked_for_is_not_compiled_however_long(compiled: list[str], mode: str) -> None:
    team = make_team(small, [ROW], mode=mode, announced=LONG)
    assert compiled == []
    assert (team.executor.kind, team.executor.reason) == (mode, "asked for")


@pytest.mark.parametrize("mode", ["auto", "compiled"])
def test_a_network_with_noise_of_its_own_is_not_compiled(compiled: list[str], mode: str) -> None:
    team = make_team(OwnNoise, [Row()], mode=mode, announced=LONG)
    assert compiled == []
    assert team.executor.kind == "traced"
    assert "draws its own noise" in team.executor.reason


def test_without_a_compiler_the_step_is_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    team = make_team(small, [ROW], mode="compiled")
    assert team.executor.kind == "traced"
    assert team.executor.reason == "there is no C++ compiler, so the traced step is replayed"


def test_when_compiling_fails_the_step_is_replayed_from_the_same_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(module: object) -> None:
        raise RuntimeError("no room\nfor objects")

    monkeypatch.setattr(executor, "compile_graph", fail)
    failed, plain = (
        make_team(lambda: nn.Linear(64, 10), [Row()], mode=mode) for mode in ("compiled", "traced")
    )
    assert failed.executor.kind == "traced"
    assert failed.executor.reason == "compiling failed (no room), so the traced step is replayed"
    assert same_bits(failed.population.w, plain.population.w)
    assert same_bits(failed.run(5), plain.run(5))
    assert same_bits(failed.population.w, plain.population.w)


def test_several_steps_as_one_function_are_those_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is handed to the compiler, run by torch's interpreter instead: calls and leftovers."""
    monkeypatch.setattr(executor, "compile_graph", lambda module: module)
    team, plain = (make_team(small, [ROW, ROW], mode=mode) for mode in ("compiled", "traced"))
    assert team.executor.kind == "compiled"
    check_compiled(team, plain, tolerance=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_compiled_step_is_the_traced_step() -> None:
    """Fused arithmetic rounds differently: within 1e-5 of the weights after 40 steps."""
    team, plain = (make_team(small, [ROW], mode=mode) for mode in ("compiled", "traced"))
    assert (team.executor.kind, team.executor.reason) == ("compiled", "asked for")
    assert same_bits(team.population.w, plain.population.w), "compiling moved the weights"
    check_compiled(team, plain, tolerance=1e-5)


def check_compiled(team: Team, plain: Team, *, tolerance: float) -> None:
    """Run whole calls, a few steps that do not fill one, and smaller batches: 40 steps at least."""
    calls = [(STEPS_PER_CALL, 16)] * math.ceil(32 / STEPS_PER_CALL)
    first = 0
    for num_steps, batch in [*calls, (3, 16), (STEPS_PER_CALL, 7), (1, 16)]:
        found = team.run(num_steps, first=first, batch=batch)
        expected = plain.run(num_steps, first=first, batch=batch)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        first += num_steps
    assert 40 <= first <= len(team.table)
    assert distance(team.population.w, plain.population.w) < tolerance
    assert all(
        distance(mine, theirs) < tolerance
        for mine, theirs in zip(team.population.slots, plain.population.slots, strict=True)
    )


def test_the_compiler_is_shown_tensors_that_are_all_different(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes a tensor that comes twice for one argument, and would compile again when it does."""
    shown: list[int] = []

    def record(module: torch.fx.GraphModule) -> Callable[..., Tensor]:
        def call(*args: Tensor) -> Tensor:
            shown.extend(id(arg) for arg in args)
            return module(*args)

        return call

    monkeypatch.setattr(executor, "compile_graph", record)
    make_team(lambda: nn.Linear(64, 10), [Row()], mode="compiled")
    assert len(shown) > STEPS_PER_CALL
    assert len(set(shown)) == len(shown)


def test_compiled_calls_are_whole_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is short, or of several sizes, goes to the replay."""
    monkeypatch.setattr(executor, "compile_graph", lambda module: module)
    team, lengths = make_team(lambda: nn.Linear(64, 10), [Row()], mode="compiled"), []
    compiled = team.executor
    assert isinstance(compiled, executor.CompiledExecutor)
    inner = executor.CompiledExecutor._call

    def spy(self: executor.CompiledExecutor, table: Tensor, *others: object) -> Tensor:
        lengths.append(len(table))
        return inner(self, table, *others)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(compiled, "_call", types.MethodType(spy, compiled))
    full = STEPS_PER_CALL
    for num_steps, batch in ((full, 16), (full - 1, 16), (full, 7), (1, 16), (full, 16)):
        team.run(num_steps, batch=batch)
    assert lengths == [full, full]
