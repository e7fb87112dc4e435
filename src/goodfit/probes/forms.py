"""In which form a loss is given outputs and targets: shapes, scores or probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .graph import last_operation, node_name, softmax_dim
from .losses import LossFacts

ELEMENT_BY_ELEMENT = ("mse", "l1", "huber", "binary-cross-entropy")
# What an operation can give: lowest and highest value.
RANGES = {
    "Sigmoid": (0.0, 1.0),
    "Softmax": (0.0, 1.0),
    "Hardsigmoid": (0.0, 1.0),
    "Tanh": (-1.0, 1.0),
    "Relu": (0.0, math.inf),
    "Softplus": (0.0, math.inf),
    "Exp": (0.0, math.inf),
    "LogSoftmax": (-math.inf, 0.0),
    "LogSigmoid": (-math.inf, 0.0),
}
# What cuts scores, of which some come out equal: before a loss of classes, and of yes and no.
CUTS = ("Relu", "Tanh", "Sigmoid", "Hardsigmoid", "Hardtanh")
CUTS_OF_YES_AND_NO = ("Relu", "Tanh", "Hardtanh")
# So many targets may be out of reach, as outliers are.
OUT_OF_REACH_SHARE = 0.05
# Log-probabilities of a row sum to 1 within this, also in half precision.
CLOSE = 0.05


def mistaken_forms(facts: LossFacts, outputs: Tensor, targets: Tensor) -> Mapping[str, bool]:
    """Return what a known loss might be given wrongly, by the names of tallies, and whether it is.

    ``spread-shapes``: ``[N, 1]`` meets ``[N]`` and makes ``[N, N]``. ``shares-as-scores``: a loss
    that applies softmax or sigmoid is given their result. ``scores-as-shares``: ``NLLLoss`` is
    given what is no logarithm of probabilities. ``cut-outputs``: the last operation cuts scores, or
    cannot give many of the targets. ``softmax-over-rows``: rows compete for each class. Of one term
    of several nothing is said but that a sigmoid is applied twice.

    Example:
        >>> outputs = torch.zeros(4, 1, requires_grad=True)
        >>> mistaken_forms(LossFacts("mse"), outputs, torch.zeros(4))
        {'cut-outputs': False, 'softmax-over-rows': False, 'spread-shapes': True}
    """
    kind, found = "" if facts.composite else facts.kind, dict[str, bool]()
    if kind:
        found["cut-outputs"] = _are_cut(facts, outputs, targets)
        found["softmax-over-rows"] = _is_over_rows(outputs)
    if kind in ELEMENT_BY_ELEMENT:
        found["spread-shapes"] = _are_spread(outputs, targets)
    if kind == "cross-entropy":
        found["shares-as-scores"] = _last(outputs, but=("LogSoftmax",)) == "Softmax"
    elif facts.kind == "binary-cross-entropy" and facts.of_scores:
        found["shares-as-scores"] = _last(outputs) in ("Sigmoid", "Softmax", "Hardsigmoid")
    elif kind == "nll" and outputs.dim() > 1:
        sums = outputs.detach().float().logsumexp(1)
        found["scores-as-shares"] = not bool((sums.abs() < CLOSE).all())
    return found


def reach_of(outputs: Tensor) -> tuple[str, float, float] | None:
    """Return the last operation of outputs, if it bounds them, and the lowest and highest value.

    Example:
        >>> reach_of(torch.zeros(2, requires_grad=True).relu())
        ('Relu', 0.0, inf)
    """
    node: Any = last_operation(outputs, exact=True)
    if node is None:
        return None
    name = node_name(node)
    if name == "Hardtanh":
        return name, float(node._saved_min_val), float(node._saved_max_val)
    return (name, *RANGES[name]) if name in RANGES else None


def share_out_of_reach(targets: Tensor, low: float, high: float) -> float:
    """Return the share of targets outside of what outputs can be."""
    return float(((targets < low) | (targets > high)).float().mean())


def _are_cut(facts: LossFacts, outputs: Tensor, targets: Tensor) -> bool:
    if facts.kind == "cross-entropy":
        return _last(outputs, but=("LogSoftmax",), exact=True) in CUTS
    if facts.kind == "binary-cross-entropy" and facts.of_scores:
        return _last(outputs, exact=True) in CUTS_OF_YES_AND_NO
    reach = reach_of(outputs) if facts.kind in ("mse", "l1", "huber") else None
    return bool(reach) and share_out_of_reach(targets, *reach[1:]) >= OUT_OF_REACH_SHARE


def _are_spread(outputs: Tensor, targets: Tensor) -> bool:
    """Return whether each of both is repeated to meet the other."""
    if outputs.shape == targets.shape:  # a loss of torch's own has spread them already
        return _is_repeated(outputs) and _is_repeated(targets)
    try:
        whole = torch.broadcast_shapes(outputs.shape, targets.shape).numel()
    except RuntimeError:
        return False
    return whole > max(outputs.numel(), targets.numel())


def _is_over_rows(outputs: Tensor) -> bool:
    """Return whether outputs are a softmax over dimension 0, where the rows are."""
    node: Any = last_operation(outputs, exact=True)
    if node_name(node) == "LogSoftmax" and softmax_dim(node, outputs.dim()):
        node = last_operation(outputs, but=("LogSoftmax",), exact=True)  # it may be the loss's own
    if node_name(node) not in ("Softmax", "LogSoftmax") or outputs.dim() < 2:
        return False
    return softmax_dim(node, outputs.dim()) == 0 and len(outputs) > 1


def _is_repeated(tensor: Tensor) -> bool:
    return any(
        step == 0 and size > 1 for step, size in zip(tensor.stride(), tensor.shape, strict=True)
    )


def _last(outputs: Tensor, but: Sequence[str] = (), *, exact: bool = False) -> str:
    return node_name(last_operation(outputs, but, exact=exact))
