"""Choose who runs the steps: trace if the module can be traced, compile if that pays."""

from __future__ import annotations

import shutil

import torch
from torch import Tensor, nn

from .executor import (
    CompiledExecutor,
    EagerExecutor,
    Executor,
    Graphs,
    TracedExecutor,
)
from .fused import Fused, can_fuse
from .population import Batch, Noise, Population
from .step import Problem, gathered, gathered_gradient, make_gradient, make_step

# Measured on two cores without a GPU: compiling a small network takes 20 to 40 s, and takes
# about 1.5 us a step off each operation of the graph; large operations gain nothing.
COMPILE_S = 40.0
SAVED_PER_OPERATION_S = 1.5e-6
LARGEST_THAT_GAINS = 200_000


def make_executor(
    problem: Problem,
    population: Population,
    data: Batch,
    noise: Noise,
    *,
    coefficients: Tensor,
    batch: Batch,
    mode: str,
    num_steps: int,
    graphs: Graphs | None = None,
) -> Executor:
    """Return the executor for a population; ``coefficients`` and ``batch`` are a first step's.

    ``mode`` is "eager", "traced", "compiled" or "auto". What cannot be traced runs eagerly, what
    cannot be compiled is replayed, and ``reason`` says so. ``graphs`` are those of a population
    of the same shape.

    Raises:
        NetError: the network fails on the batch.
    """
    noise.draw(0, batch)
    eager = _eager(problem, population, data, noise)
    if mode == "eager":
        return eager
    traced = _traced(problem, population, data, noise, graphs)
    flaw = _flaw(problem.net, traced, eager, coefficients, batch)
    if flaw:
        eager.reason = flaw
        return eager
    if mode == "traced":
        traced.reason = "asked for"
        return traced
    return _compiled_if_it_pays(traced, coefficients, batch, mode, num_steps)


def _traced(
    problem: Problem, population: Population, data: Batch, noise: Noise, graphs: Graphs | None
) -> TracedExecutor:
    step, fused = make_step(problem), None
    if can_fuse(problem, population):
        gradient = make_gradient(problem)
        fused = Fused(problem, population, gathered_gradient(gradient) if data else gradient)
    whole = gathered(step) if data else step
    return TracedExecutor(whole, population, data, noise, graphs=graphs, fused=fused)


def _eager(problem: Problem, population: Population, data: Batch, noise: Noise) -> EagerExecutor:
    step = make_step(problem, eager=True)
    own = Noise(problem, population, data, noise.seeds, seeds_torch=True)
    own.seeds, own.starts = noise.seeds, noise.starts
    return EagerExecutor(gathered(step) if data else step, population, data, own, "asked for")


def _flaw(
    net: nn.Module,
    traced: TracedExecutor,
    eager: EagerExecutor,
    coefficients: Tensor,
    batch: Batch,
) -> str:
    """Trace, run two steps both ways from the same weights, and say what is wrong, if anything.

    A module that rolls Python dice traces without complaint and is wrong in the replay; only
    running both shows it. One that counts its calls may be wrong much later; that it counts shows
    at once. Losses and gradient norms are compared, not weights:
    a bias before batch norm has no gradient but rounding, which Adam turns into whole steps.
    """
    population, start = traced.population, traced.population.clone()
    table = coefficients.expand(2, *coefficients.shape).contiguous()
    remembered = _plain_attributes(net)
    try:
        seen = traced.run(0, table, [batch, batch])
    except Exception as error:  # noqa: BLE001 - tracing runs the user's own code
        return f"the network cannot be traced ({_first_line(error)}), so it runs eagerly"
    finally:
        population.copy_(start)
    lived = eager.run(0, table, [batch, batch])
    population.copy_(start)
    if _plain_attributes(net) != remembered:
        return "the network keeps count in Python, which a replay cannot, so it runs eagerly"
    if torch.allclose(seen, lived, rtol=1e-3, atol=1e-5, equal_nan=True):
        return ""
    return "the traced step gave other numbers than the network, so it runs eagerly"


def _plain_attributes(net: nn.Module) -> list[tuple[str, object]]:
    """Return the numbers, words and flags that the modules hold as Python attributes."""
    return [
        (name, value)
        for module in net.modules()
        for name, value in vars(module).items()
        if isinstance(value, int | float | str)
    ]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _compiled_if_it_pays(
    traced: TracedExecutor, coefficients: Tensor, batch: Batch, mode: str, num_steps: int
) -> Executor:
    """Decide by a formula, not by a stopwatch: the same recipe must choose the same executor."""
    saving = num_steps * traced.num_operations * SAVED_PER_OPERATION_S
    pays = traced.population.w.numel() <= LARGEST_THAT_GAINS and saving > COMPILE_S
    estimate = f"compiling would save about {saving:.0f} s and cost about {COMPILE_S:.0f} s"
    traced.reason = estimate
    if mode == "auto" and not pays:
        return traced
    if traced.noise.seeds_torch:
        traced.reason = "the network draws its own noise, which a compiled step would draw anew"
        return traced
    return _compiled(traced, coefficients, batch, "asked for" if mode == "compiled" else estimate)


def _compiled(traced: TracedExecutor, coefficients: Tensor, batch: Batch, reason: str) -> Executor:
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++", "cl")):
        traced.reason = "there is no C++ compiler, so the traced step is replayed"
        return traced
    compiled = CompiledExecutor(traced, reason)
    try:
        compiled.prepare(coefficients, batch)
    except Exception as error:  # noqa: BLE001 - Inductor raises anything
        traced.reason = f"compiling failed ({_first_line(error)}), so the traced step is replayed"
        return traced
    return compiled
