"""Check of gradients that the user wrote: against differences of the loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction

from ..records import Finding, Verdict, found, not_judged, passed
from .inputs import FAILURES, feed, map_inputs, take_rows
from .observe import gradients, nodes_of
from .subject import Subject, quiet, without_dropout

ROWS, MOST_WEIGHTS = 16, 16
STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
AGREE, WRONG = 0.01, 0.05


def gradient_wrong(subject: Subject) -> Verdict:
    """Fires when a gradient that the user wrote differs from the loss's differences.

    Only where the graph holds a custom ``autograd.Function``: torch's own need no check. A copy
    in float64 is moved along a random direction of each weight ``d``, and ``g.d`` is compared with
    ``(L(w + h d) - L(w - h d)) / 2h``. Two steps ``h`` must agree, so that a kink is not taken
    for a mistake; where the loss moves in jumps (rounding, signs) the gradient is one of
    choice, and not judged. Notes n1, Backpropagation.
    """
    name, subject = "gradient-wrong", subject.clean
    if subject.broken:
        return not_judged(name, subject.broken)
    functions = _custom_functions(subject)
    if not functions:
        return passed(name, "every gradient is torch's own")
    try:
        compared = _compare(subject)
    except FAILURES as error:
        return not_judged(name, f"{functions[0]} does not run in float64: {error}")
    judged = {key: pair for key, pair in compared.items() if pair is not None}
    if not judged:
        return not_judged(name, f"the loss behind {functions[0]} moves in jumps, or not at all")
    key, (written, measured) = max(judged.items(), key=lambda item: _error(*item[1]))
    if _error(written, measured) < WRONG:
        return passed(name, f"the gradient through {functions[0]} agrees with differences")
    return found(
        Finding(
            rule=name,
            severity="error",
            meaning=f"The gradient through {functions[0]} is not that of the loss.",
            remedy="Mend backward, and keep torch.autograd.gradcheck as its test. If it is meant"
            " (straight-through, reversal), ignore this.",
            source="notes n4, Babysitting the Learning Process; PyTorch, gradcheck",
            evidence={"written": written, "measured": measured, "function": functions[0]},
            where=key,
        ),
    )


def _error(written: float, measured: float) -> float:
    size = max(abs(written), abs(measured))
    return abs(written - measured) / size if size > 1e-9 else 0.0


def _custom_functions(subject: Subject) -> list[str]:
    """Return the names of the autograd functions in the graph that are written in Python."""
    loss = subject.first.loss
    nodes = [] if loss is None else nodes_of(loss)
    return [node.name().removesuffix("Backward") for node in nodes if _is_custom(node)]


def _is_custom(node: object) -> bool:
    return isinstance(node, BackwardCFunction)


def _compare(subject: Subject) -> dict[str, tuple[float, float] | None]:
    """Return for each weight the derivative as written and as measured; None where it jumps."""
    net = without_dropout(subject.fresh_net().train()).double()
    x = take_rows(subject.inputs(), slice(ROWS))
    x = map_inputs(lambda t: t.double() if t.is_floating_point() else t, x)
    y = subject.y[:ROWS].double() if subject.y.is_floating_point() else subject.y[:ROWS]

    def loss_of() -> Tensor:
        torch.manual_seed(subject.seeds[0])
        with quiet():
            return subject.loss_fn(feed(net, x), y)

    named = [(key, p) for key, p in net.named_parameters() if p.requires_grad][:MOST_WEIGHTS]
    written = gradients(loss_of(), [p for _, p in named])
    pairs = {}
    for (key, parameter), gradient in zip(named, written, strict=True):
        if gradient is not None:
            pairs[key] = _pair(parameter, gradient, lambda: float(loss_of().detach()))
    return pairs


def _pair(
    parameter: nn.Parameter, gradient: Tensor, loss_of: Callable[[], float]
) -> tuple[float, float] | None:
    """Return the derivative along a random direction, written and measured."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    direction = drawn.to(parameter.device)
    size = float(parameter.detach().square().mean().sqrt()) or 1.0
    measured = [slope(parameter, direction, step * size, loss_of) for step in STEPS]
    for one, other in pairwise(measured):
        if other != 0.0 and abs(one - other) <= AGREE * abs(other):
            return float((gradient * direction).sum()), other
    return None


def slope(
    parameter: nn.Parameter, direction: Tensor, step: float, loss_of: Callable[[], float]
) -> float:
    """Return the derivative along a direction by central differences; 0 where not finite."""
    below, above = around(parameter, direction, step, loss_of)
    slope = (above - below) / (2.0 * step)
    return slope if math.isfinite(slope) else 0.0


def around(
    parameter: nn.Parameter, direction: Tensor, step: float, loss_of: Callable[[], float]
) -> tuple[float, float]:
    """Return the loss a step against a direction, and along it; the parameter is put back."""
    before = parameter.detach().clone()
    with torch.no_grad():
        parameter.copy_(before + step * direction)
        above = loss_of()
        parameter.copy_(before - step * direction)
        below = loss_of()
        parameter.copy_(before)
    return below, above
