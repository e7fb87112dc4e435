"""Trace a step once into a flat graph of tensor operations."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

from .simplify import simplify


def trace(function: Callable[..., Any], args: Sequence[Tensor]) -> fx.GraphModule:
    """Return the graph of ``function`` at ``args``: every operation, gradient and update included.

    The function runs once to be recorded; it must be pure, and must return a flat tuple. Torch's
    global generator is left as it was.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad(), _short_stacks():
        # Views, because a tensor that comes twice would be taken for one argument.
        module = make_fx(function)(*(arg.detach() for arg in args))
    simplify(module.graph)
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


@contextmanager
def _short_stacks() -> Iterator[None]:
    """Let stacks be one frame deep: tracing notes one for each tensor, a third of its time."""
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = 1
    try:
        yield
    finally:
        if before is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before


def draws_noise(module: fx.GraphModule) -> bool:
    """Tell whether a graph draws from torch's generator, beside the noise that it is given."""
    return any(
        torch.Tag.nondeterministic_seeded in node.target.tags
        for node in module.graph.nodes
        if isinstance(node.target, torch._ops.OpOverload)
    )


def num_operations(module: fx.GraphModule) -> int:
    """Count the tensor operations of a graph, views included."""
    return sum(isinstance(node.target, torch._ops.OpOverload) for node in module.graph.nodes)


def compile_graph(module: fx.GraphModule) -> Callable[..., Any]:
    """Compile a graph with Inductor for these shapes, with its C++ wrapper.

    Takes 10 to 40 s and needs a C++ compiler; the first call compiles. Later calls check nothing
    (5 us of a step's 60): the caller gives tensors of the same shapes, strides and types.
    """
    logging.getLogger("torch._inductor").setLevel(logging.ERROR)
    options = {"cpp_wrapper": True, "guard_filter_fn": _without_guards}
    return torch.compile(module, dynamic=False, options=options)


def _without_guards(guards: Sequence[Any]) -> list[bool]:
    return [False] * len(guards)
