"""The floor under a step: the matrix products and convolutions of its layers alone, on one thread.

Each layer with weights has one operation forward and two of the same size backward: its weights'
gradient, and its inputs', which the first layer does not need. They are timed one by one, dense
ones as the products that they are, convolutions in channels-last. What a step costs beyond their
sum is everything else: activations, pooling, the loss, the update, dispatch.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.search_problems import SearchProblem

TIMED_S, REPEATS = 0.05, 5


@dataclass(frozen=True)
class Operation:
    """Something to time, and its floating-point operations."""

    flop: int
    run: Callable[[], object]


def step_operations(net: nn.Module, x: Tensor) -> Iterator[Operation]:
    """The operations of a step on a batch, layer by layer."""
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    for layer, (before, after) in zip(layers, layer_shapes(net, layers, x), strict=True):
        make = dense if isinstance(layer, nn.Linear) else convolution
        yield from make(layer, before, after, inputs_too=layer is not layers[0])


def layer_shapes(
    net: nn.Module, layers: list[nn.Module], x: Tensor
) -> list[tuple[torch.Size, torch.Size]]:
    """The shapes of inputs and outputs of some layers, in the order of their calls."""
    found: list[tuple[torch.Size, torch.Size]] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found.append((inputs[0].shape, output.shape))

    handles = [layer.register_forward_hook(note) for layer in layers]
    with torch.no_grad():
        net(x)
    for handle in handles:
        handle.remove()
    return found


def dense(
    layer: nn.Linear, before: torch.Size, after: torch.Size, *, inputs_too: bool
) -> Iterator[Operation]:
    """Products of a dense layer."""
    w, x, g = layer.weight.detach(), torch.randn(before), torch.randn(after)
    flop = 2 * g.numel() * w.shape[1]
    yield Operation(flop, lambda: x @ w.T)
    yield Operation(flop, lambda: g.T @ x)
    if inputs_too:
        yield Operation(flop, lambda: g @ w)


def convolution(
    layer: nn.Conv2d, before: torch.Size, after: torch.Size, *, inputs_too: bool
) -> Iterator[Operation]:
    """A convolution forward, and backward in one call, channels-last."""
    x, g, w = (
        tensor.contiguous(memory_format=torch.channels_last)
        for tensor in (torch.randn(before), torch.randn(after), layer.weight.detach())
    )
    flop = 2 * g.numel() * w[0].numel()
    how = (layer.stride, layer.padding, layer.dilation)
    yield Operation(flop, lambda: functional.conv2d(x, w, None, *how))
    mask, rest = [inputs_too, True, False], (False, [0, 0], layer.groups)
    backward = torch.ops.aten.convolution_backward
    yield Operation(flop * (1 + inputs_too), lambda: backward(g, x, w, None, *how, *rest, mask))


def seconds_of(operation: Operation) -> float:
    """Processor time; the shortest of some averages, since other programs only add to it."""
    operation.run()
    return min(average_s(operation.run) for _ in range(REPEATS))


def average_s(run: Callable[[], object]) -> float:
    """Seconds of this thread, averaged over at least `TIMED_S`."""
    num, began = 0, time.thread_time()
    while (passed := time.thread_time() - began) < TIMED_S:
        run()
        num += 1
    return passed / num


def arithmetic_of(problem: SearchProblem) -> dict[str, float]:
    """Operations of a step, the rate they reach alone, and the milliseconds they take."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    net, x = problem.make_net(), problem.x[: problem.batch_size]
    with torch.no_grad():
        timed = [(each.flop, seconds_of(each)) for each in step_operations(net, x)]
    torch.set_num_threads(before)
    flop, seconds = (sum(column) for column in zip(*timed, strict=True))
    largest_flop, largest_s = max(timed)
    return {
        "mflop_per_step": flop / 1e6,
        "gflop_per_s": flop / seconds / 1e9,
        "gflop_per_s_largest": largest_flop / largest_s / 1e9,
        "products_ms_per_step": seconds * 1e3,
    }
