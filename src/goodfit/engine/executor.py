"""Who runs the steps: eager Python, the traced graph, or a compiled one; one choice, one door.

An executor moves a population in place, a few steps at a call. All kinds do the same arithmetic;
they differ in what else they do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, fx

from .fused import Fused
from .population import Batch, Noise, Population
from .replay import build_replay
from .trace import compile_graph, draws_noise, num_operations, trace

Kind = Literal["eager", "traced", "compiled"]
STEPS_PER_CALL = 8
OPERATIONS_OF_AN_UPDATE = 12
# Tracing changes modules and torch for the time that it takes: one thread at a time, and none
# that calls a module beside it.
TRACING = threading.RLock()
Form = tuple[tuple[torch.Size, tuple[int, ...], torch.dtype], ...]


class Executor(Protocol):
    """Runs steps of one population, in place; ``reason`` says why it was chosen."""

    kind: Kind
    reason: str

    def run(self, first_step: int, coefficients: Tensor, batches: Sequence[Batch]) -> Tensor:
        """Run one step per batch and return the probes ``[S, 2, K]``.

        ``coefficients`` is ``[S, C, K]``. A batch is ``(index,)`` into data in memory, or
        ``(x, y)``.
        """
        ...


@dataclass
class EagerExecutor:
    """Runs the step as plain Python with plain autograd: slow, and right for any module."""

    step: Callable[..., Any]
    population: Population
    data: Batch
    noise: Noise
    reason: str
    kind: Kind = "eager"

    def run(self, first_step: int, coefficients: Tensor, batches: Sequence[Batch]) -> Tensor:
        steps = range(first_step, first_step + len(batches))
        return torch.stack(
            [self._one(*each) for each in zip(steps, coefficients, batches, strict=True)]
        )

    def _one(self, number: int, coefficients: Tensor, batch: Batch) -> Tensor:
        p, noise = self.population, self.noise.draw(number, batch)
        with torch.no_grad():
            moved = self.step(p.w, p.slots, p.buffers, coefficients, *self.data, *batch, noise)
            p.copy_(Population(*moved[:3]))
        return moved[3]


class Graphs:
    """Traced steps by form of batch, shared by all who step populations of one shape."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._modules: dict[Form, fx.GraphModule] = {}

    def get(self, form: Form, make: Callable[[], fx.GraphModule]) -> fx.GraphModule:
        """Return the graph of a form; made at most once."""
        if form not in self._modules:
            self._modules[form] = make()
        return self._modules[form]


class TracedExecutor:
    """Replays the traced step; one graph per form of batch, traced when the form first comes."""

    kind: Kind = "traced"

    def __init__(
        self,
        step: Callable[..., Any],
        population: Population,
        data: Batch,
        noise: Noise,
        reason: str = "",
        graphs: Graphs | None = None,
        fused: Fused | None = None,
    ) -> None:
        self.step, self.population, self.data, self.noise = step, population, data, noise
        self.fused = fused
        self.reason, self.graphs = reason, graphs or Graphs()
        self.num_operations = 0
        self._coefficients: Tensor | None = None
        self._replays: dict[Form, Callable[..., tuple[Tensor, ...]]] = {}

    def run(self, first_step: int, coefficients: Tensor, batches: Sequence[Batch]) -> Tensor:
        table, probes = coefficients.unbind(0), []
        numbers = coefficients.transpose(1, 2).tolist() if self.fused else []
        for s, batch in enumerate(batches):
            noise = self.noise.draw(first_step + s, batch)
            replay = self._replays.get(_form(batch))
            if replay is None:
                replay = self.prepare(table[s], batch, noise)
                # Tracing shows whether the network draws noise of its own, and draws some.
                noise = self.noise.draw(first_step + s, batch)
            with torch.inference_mode():
                if self.fused:
                    g, measured = replay(*batch, *noise)
                    self.fused.update(g, numbers[s])
                else:
                    self._coefficients.copy_(table[s])  # pyright: ignore[reportOptionalMemberAccess]
                    measured = replay(*batch, *noise)[0]
                probes.append(measured.clone())
        return torch.stack(probes)

    def prepare(self, coefficients: Tensor, batch: Batch, noise: Sequence[Tensor]):
        """Trace the step for the shapes of this batch and return its replay."""
        began = time.perf_counter()
        with TRACING:
            replay = (
                self._prepare_gradient(self.fused, batch, noise)
                if self.fused
                else self._prepare_step(coefficients, batch, noise)
            )
            self.graphs.seconds += time.perf_counter() - began
        self._replays[_form(batch)] = replay
        return replay

    def _prepare_step(self, coefficients: Tensor, batch: Batch, noise: Sequence[Tensor]):
        if self._coefficients is None:
            self._coefficients = coefficients.clone()
        kept = [*self.population.tensors(), self._coefficients, *self.data]
        flat = flat_step(self.step, self.population, len(self.data) + len(batch))
        moved = len(self.population.tensors())
        return self._replay(flat, kept, batch, noise, donated={i: i for i in range(moved)})

    def _prepare_gradient(self, fused: Fused, batch: Batch, noise: Sequence[Tensor]):
        """Let buffers be written over; the gradient and the probes come back."""
        held = [self.population.buffers[name] for name in sorted(self.population.buffers)]
        kept = [self.population.w, *held, *self.data]
        flat = flat_gradient(fused.gradient, self.population, len(self.data) + len(batch))
        donated = {1 + i: 1 + i for i in range(len(held))}
        return self._replay(flat, kept, batch, noise, donated=donated)

    def _replay(
        self,
        flat: Callable[..., tuple[Tensor, ...]],
        kept: Sequence[Tensor],
        batch: Batch,
        noise: Sequence[Tensor],
        *,
        donated: dict[int, int],
    ) -> Callable[..., tuple[Tensor, ...]]:
        args = [*kept, *batch, *noise]
        static = [i < len(kept) for i in range(len(args))]
        module = self.graphs.get(_form(batch), lambda: trace(flat, args))
        self.noise.seeds_torch |= draws_noise(module)
        self.num_operations = num_operations(module) + OPERATIONS_OF_AN_UPDATE * bool(self.fused)
        return build_replay(module, args, static=static, donated=donated)


class CompiledExecutor:
    """Runs several steps in one compiled call; what does not fill a call goes to the replay."""

    kind: Kind = "compiled"

    def __init__(self, traced: TracedExecutor, reason: str) -> None:
        self.traced, self.reason = traced, reason
        self._calls: dict[Form, Callable[..., Tensor]] = {}

    def run(self, first_step: int, coefficients: Tensor, batches: Sequence[Batch]) -> Tensor:
        form = _form(batches[0])
        same = all(_form(batch) == form for batch in batches)
        if len(batches) != STEPS_PER_CALL or not same or form not in self._calls:
            return self.traced.run(first_step, coefficients, batches)
        noise = [self.traced.noise.draw(first_step + s, b) for s, b in enumerate(batches)]
        return self._call(coefficients, batches, noise)

    def prepare(self, coefficients: Tensor, batch: Batch) -> None:
        """Compile for the shapes of this batch; the population stays as it was."""
        traced, saved = self.traced, self.traced.population.clone()
        # Tensors of their own: the compiler takes one that comes twice for one argument.
        batches = [tuple(part.clone() for part in batch) for _ in range(STEPS_PER_CALL)]
        noise = [traced.noise.draw(s, batch) for s in range(STEPS_PER_CALL)]
        several = flat_steps(
            traced.step, traced.population, len(traced.data), len(batch), len(noise[0])
        )
        table = coefficients.expand(STEPS_PER_CALL, *coefficients.shape).contiguous()
        fixed = [*traced.population.tensors(), *traced.data]
        try:
            module = trace(several, [*fixed, table, *_flatten(batches), *_flatten(noise)])
            self._calls[_form(batch)] = compile_graph(module)
            self._call(table, batches, noise)
        finally:
            traced.population.copy_(saved)

    def _call(self, coefficients: Tensor, batches: Sequence[Batch], noise: Sequence) -> Tensor:
        fixed = [*self.traced.population.tensors(), *self.traced.data]
        call = self._calls[_form(batches[0])]
        with torch.no_grad():
            return call(*fixed, coefficients, *_flatten(batches), *_flatten(noise))


def _form(batch: Batch) -> Form:
    """Return what a trace is made for: a batch's shapes, strides and types."""
    return tuple((tensor.shape, tensor.stride(), tensor.dtype) for tensor in batch)


def _flatten(groups: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [tensor for group in groups for tensor in group]


def flat_step(step: Callable[..., Any], population: Population, num_data: int):
    """Return a step that takes and returns its tensors in flat lists, which tracing wants."""
    num_slots, names = len(population.slots), sorted(population.buffers)
    moved = 1 + num_slots + len(names)

    def flat(*args: Tensor) -> tuple[Tensor, ...]:
        w, slots, held = args[0], args[1 : 1 + num_slots], args[1 + num_slots : moved]
        coefficients, data = args[moved], args[moved + 1 : moved + 1 + num_data]
        noise = args[moved + 1 + num_data :]
        buffers = dict(zip(names, held, strict=True))
        w, slots, buffers, probes = step(w, slots, buffers, coefficients, *data, noise)
        return (w, *slots, *(buffers[name] for name in names), probes)

    return flat


def flat_gradient(gradient: Callable[..., Any], population: Population, num_data: int):
    """Return the gradient as a function of flat lists: ``(g, *buffers, probes)``."""
    names = sorted(population.buffers)

    def flat(*args: Tensor) -> tuple[Tensor, ...]:
        w, held = args[0], args[1 : 1 + len(names)]
        data, noise = args[1 + len(names) :][:num_data], args[1 + len(names) + num_data :]
        g, buffers, probes = gradient(w, dict(zip(names, held, strict=True)), *data, noise)
        return (g, *(buffers[name] for name in names), probes)

    return flat


def flat_steps(
    step: Callable[..., Any], population: Population, num_data: int, per_batch: int, per_noise: int
) -> Callable[..., Tensor]:
    """Return :data:`STEPS_PER_CALL` steps as one function that moves its population in place."""
    one, moved = flat_step(step, population, num_data + per_batch), len(population.tensors())

    def several(*args: Tensor) -> Tensor:
        state, data = args[:moved], args[moved : moved + num_data]
        coefficients, rest = args[moved + num_data], args[moved + num_data + 1 :]
        batches, noise = rest[: STEPS_PER_CALL * per_batch], rest[STEPS_PER_CALL * per_batch :]
        values, probes = list(state), []
        for s in range(STEPS_PER_CALL):
            batch = batches[s * per_batch : (s + 1) * per_batch]
            drawn = noise[s * per_noise : (s + 1) * per_noise]
            *values, measured = one(*values, coefficients[s], *data, *batch, *drawn)
            probes.append(measured)
        for old, new in zip(state, values, strict=True):
            old.copy_(new)
        return torch.stack(probes)

    return several
