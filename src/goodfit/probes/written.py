"""Losses that are written out by hand, known by the graph between the network and the number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import Tensor

from .graph import TRANSPARENT, node_name
from .losses import Judged, LossFacts, signed, whole_or_term

MAX_HOPS, MAX_NODES = 10, 48
SUMS_TO_1, LEAST = 1e-3, 1e-30
# What makes one number out of many, and turns its sign.
GATHERING = ("Mean", "Sum", "Div", "Neg", *TRANSPARENT)
# What meets element by element, of outputs and of targets that ask for no gradient.
MEETING = ("Sub", "Add", "Mul", "Div")


def written_loss(loss: Tensor, output: Tensor) -> Judged | None:
    """Return what a loss was computed from that is written out, None where it is another.

    ``((output - y) ** 2).mean()`` and ``(output - y).abs().mean()``, also with sums; minus the mean
    of ``log_softmax``, or of the logarithm of ``softmax``, at the classes: by indices, by
    ``gather``, or times shares of classes. ``output`` is what the network gave; between it and the
    loss its shape may change.

    Example:
        >>> import torch
        >>> output, y = torch.ones(4, 1, requires_grad=True) * 2, torch.arange(4.0)
        >>> found = written_loss(((output[:, 0] - y) ** 2).mean(), output)
        >>> found.facts.kind, found.targets.tolist()
        ('mse', [0.0, 1.0, 2.0, 3.0])
    """
    if not output.dim() or not output.numel():
        return None
    try:
        found = _of_quantities(loss, output) or _of_classes(loss, output)
        return None if found is None else _with_reduction(found, loss)
    except (RuntimeError, IndexError):  # backward has freed the graph
        return None


def is_spread_inside(loss: Tensor, output: Tensor) -> bool:
    """Return whether outputs ``[N, 1]`` met ``[N]`` within a loss, which gives ``[N, N]``.

    Example:
        >>> import torch
        >>> output, y = torch.ones(4, 1, requires_grad=True) * 2, torch.arange(4.0)
        >>> is_spread_inside(((output - y) ** 2).mean(), output)
        True
        >>> is_spread_inside(((output[:, 0] - y) ** 2).mean(), output)
        False
    """
    num = output.shape[0] if output.dim() == 2 and output.shape[1] == 1 else 0
    if num < 2:
        return False
    waiting, met = [loss.grad_fn], 0
    while waiting and met < MAX_NODES:
        node, met = waiting.pop(0), met + 1
        if node is None or node is output.grad_fn:
            continue
        above = [parent for parent, _ in node.next_functions]
        shapes = [_shape(parent) for parent in above if parent is not None]
        if _shape(node) == (num, num) and node_name(node) in MEETING and shapes == [(num, 1)]:
            # Who turns a column into a table on purpose says so: unsqueeze, expand, view; or has a
            # table already, as of who is at risk when.
            on_purpose = node_name(_above(node)).startswith(TRANSPARENT)
            return not on_purpose and (num, num) not in _constants(node)
        waiting.extend(above)
    return False


def _constants(node: Any) -> list[tuple[int, ...]]:
    """Return the shapes of the factors that a product or quotient keeps for its gradient."""
    held = [getattr(node, name, None) for name in ("_saved_self", "_saved_other")]
    return [tuple(one.shape) for one in held if isinstance(one, Tensor)]


def _shape(node: Any) -> tuple[int, ...]:
    """Return the shape of what a node gave."""
    held = node._input_metadata
    return tuple(held[0].shape) if held else ()


def _gathered(loss: Tensor) -> Iterator[Any]:
    """Yield the operations that gather many numbers to the loss, and the first of another kind."""
    node = loss.grad_fn
    for _ in range(MAX_HOPS):
        if node is None:
            return
        yield node
        above = {parent for parent, _ in node.next_functions if parent is not None}
        if len(above) != 1 or not node_name(node).startswith(GATHERING):
            return
        node = above.pop()


def _of_quantities(loss: Tensor, output: Tensor) -> Judged | None:
    gathered = list(_gathered(loss))
    node: Any = gathered[-1] if gathered else None
    kind = _error_of(node)
    below = node.next_functions[0][0] if kind else None
    if below is None or node_name(below) != "Sub" or not _meets(below, output):
        return None
    rest = node._saved_self.detach()
    if rest.numel() != output.numel():
        return None
    given = output.detach().reshape(rest.shape)
    turned = below.next_functions[0][0] is None
    targets = given + rest if turned else given - rest
    return Judged(LossFacts(kind=kind), output.reshape(rest.shape), targets)


def _error_of(node: Any) -> str:
    """Return of which loss a node makes the errors: squares, or absolute values."""
    if node is None:
        return ""
    name = node_name(node)
    if name == "Pow":
        return "mse" if getattr(node, "_saved_exponent", None) == 2 else ""
    if name == "Mul" and node._saved_self is not None and node._saved_other is not None:
        return "mse" if node._saved_self is node._saved_other else ""
    return "l1" if name == "Abs" else ""


def _meets(node: Any, output: Tensor) -> bool:
    """Return whether one of two that meet is the network's output, the other no gradient's."""
    return len(node.next_functions) == 2 and _is_given(_above(node), output)


def _is_given(node: Any, output: Tensor) -> bool:
    """Return whether a node gives the network's output, but for its shape."""
    for _ in range(MAX_HOPS):
        if node is output.grad_fn:
            return node is not None
        if node is None or not node.next_functions:
            return False
        if not node_name(node).startswith((*TRANSPARENT, "Select")):
            return False
        node = node.next_functions[0][0]
    return False


def _of_classes(loss: Tensor, output: Tensor) -> Judged | None:
    gathered = list(_gathered(loss))
    node: Any = gathered[-1] if gathered else None
    negative = any(node_name(each) == "Neg" for each in gathered)
    if node is None or not negative:
        return None
    of_shares = node_name(node) == "Log"
    if of_shares:
        node = _above(node)
        # Next to nothing is often added, lest the logarithm be of 0.
        node = _above(node) if node is not None and node_name(node) == "Add" else node
    softmax = None if node is None else _above(node)
    if softmax is None or node_name(softmax) != ("Softmax" if of_shares else "LogSoftmax"):
        return None
    result = softmax._saved_result.detach()
    over_classes = result.dim() == 2 and signed(softmax._saved_dim) in (1, -1)
    if not over_classes or not (softmax is output.grad_fn or _is_given(_above(softmax), output)):
        return None
    logs = result.clamp_min(LEAST).log() if of_shares else result
    targets = _picked(node, logs)
    return None if targets is None else Judged(LossFacts(kind="cross-entropy"), logs, targets)


def _above(node: Any) -> Any:
    """Return the one operation that a node came from, None where there are several."""
    above = [parent for parent, _ in node.next_functions if parent is not None]
    return above[0] if len(above) == 1 else None


def _picked(node: Any, logs: Tensor) -> Tensor | None:
    """Return the classes ``[N]``, or shares of classes ``[N, C]``, at which a node reads."""
    name, num = node_name(node), len(logs) if logs.dim() == 2 else 0
    if name == "Index":
        held = [index for index in node._saved_indices if index is not None]
        fits = len(held) == 2 and held[1].shape == (num,) and not held[1].is_floating_point()
        # A negative place counts from the end.
        return held[1].detach().long().remainder(logs.shape[1]) if fits else None
    if name == "Gather":
        place = node._saved_index.detach()
        return place[:, 0] if place.shape == (num, 1) else None
    if name != "Mul":
        return None
    shares = node._saved_other if node._saved_other is not None else node._saved_self
    if shares is None or shares.shape != logs.shape or not num:
        return None
    sums = shares.detach().float().sum(1)
    of_shares = bool(((sums - 1.0).abs() < SUMS_TO_1).all())
    return shares.detach().to(logs.dtype) if of_shares else None


def _with_reduction(found: Judged, loss: Tensor) -> Judged:
    """Return the same with the reduction that makes it the loss, or as a part of it."""
    tried = []
    for reduction in ("mean", "sum"):
        facts = replace(found.facts, reduction=reduction)
        tried.append(whole_or_term(replace(found, facts=facts), loss))
    return next((one for one in tried if not one.facts.composite), tried[0])
