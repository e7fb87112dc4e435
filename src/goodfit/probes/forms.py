"""In which form a loss is given outputs and targets: shapes, scores or probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from .graph import last_operation, node_name
from .losses import LossFacts

ELEMENT_BY_ELEMENT = ("mse", "l1", "huber", "binary-cross-entropy")
# Log-probabilities of a row sum to 1 within this, also in half precision.
CLOSE = 0.05


def mistaken_forms(facts: LossFacts, outputs: Tensor, targets: Tensor) -> Mapping[str, bool]:
    """Return what a known loss might be given wrongly, by the names of tallies, and whether it is.

    ``spread-shapes``: ``[N, 1]`` meets ``[N]`` and makes ``[N, N]``. ``shares-as-scores``: a loss
    that applies softmax or sigmoid is given their result. ``scores-as-shares``: ``NLLLoss`` is
    given what is no logarithm of probabilities. Nothing is said of one term of several.

    Example:
        >>> outputs = torch.zeros(4, 1, requires_grad=True)
        >>> mistaken_forms(LossFacts("mse"), outputs, torch.zeros(4))
        {'spread-shapes': True}
    """
    kind, found = "" if facts.composite else facts.kind, dict[str, bool]()
    if kind in ELEMENT_BY_ELEMENT:
        found["spread-shapes"] = _are_spread(outputs, targets)
    if kind == "cross-entropy":
        found["shares-as-scores"] = _last(outputs, but=("LogSoftmax",)) == "Softmax"
    elif kind == "binary-cross-entropy" and facts.of_scores:
        found["shares-as-scores"] = _last(outputs) in ("Sigmoid", "Softmax", "Hardsigmoid")
    elif kind == "nll" and outputs.dim() > 1:
        sums = outputs.detach().float().logsumexp(1)
        found["scores-as-shares"] = not bool((sums.abs() < CLOSE).all())
    return found


def _are_spread(outputs: Tensor, targets: Tensor) -> bool:
    """Return whether each of both is repeated to meet the other."""
    if outputs.shape == targets.shape:  # a loss of torch's own has spread them already
        return _is_repeated(outputs) and _is_repeated(targets)
    try:
        whole = torch.broadcast_shapes(outputs.shape, targets.shape).numel()
    except RuntimeError:
        return False
    return whole > max(outputs.numel(), targets.numel())


def _is_repeated(tensor: Tensor) -> bool:
    return any(
        step == 0 and size > 1 for step, size in zip(tensor.stride(), tensor.shape, strict=True)
    )


def _last(outputs: Tensor, but: Sequence[str] = ()) -> str:
    node = last_operation(outputs, but)
    return "" if node is None else node_name(node)
