"""What the loss module was given, and how to give it the same again in a replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..probes.hooks import forward_of
from ..probes.layers import first_tensor
from ..probes.losses import LossFacts
from .parts import FAILURES


def outputs_and_targets(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """Return what a loss module was given as outputs and as targets.

    Example:
        >>> outputs_and_targets((1,), {"target": 2})
        (1, 2)
    """
    outputs = args[0] if args else kwargs.get("input")
    targets = args[1] if len(args) > 1 else kwargs.get("target")
    return outputs, targets


def shaped(outputs: Any, shape: torch.Size | None) -> Any:
    """Return a network's outputs in the shape in which the loss got them.

    So what a loop does between network and loss (``squeeze``, ``.logits``) is done again, where
    only the shape differs; anything else raises ValueError.
    """
    if isinstance(outputs, Tensor) and (shape is None or outputs.shape == shape):
        return outputs
    found = first_tensor(outputs)
    if found is None or (shape is not None and found.numel() != shape.numel()):
        raise ValueError("between network and loss the outputs were changed")
    return found if shape is None else found.reshape(shape)


def again(loss_fn: Callable[..., Any], outputs: Any) -> Callable[[Any, Any], Any]:
    """Return the loss as a function of a network's raw outputs, without the hooks of a module."""
    call = forward_of(loss_fn)
    shape = outputs.shape if isinstance(outputs, Tensor) else None
    return lambda made, targets: call(shaped(made, shape), targets)


FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "cross-entropy": F.cross_entropy,
    "nll": F.nll_loss,
    "binary-cross-entropy": F.binary_cross_entropy_with_logits,
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "huber": F.smooth_l1_loss,
}
# Two computations of one loss agree to this, relative; half precision to a percent.
AGREE, AGREE_HALF = 1e-4, 1e-2


def relearned(
    given: Callable[..., Any] | None,
    facts: LossFacts,
    output: Any,
    targets: Tensor,
    heard: float,
    shape: torch.Size,
) -> Callable[[Any, Any], Any] | None:
    """Return a function that gives the loss that was heard, from raw outputs and targets.

    ``shape`` is that in which the loss got the outputs. Tried are the function that the user gave,
    then torch's own of that kind; None where neither gives the same number, as with a penalty in
    the loss.
    """
    raw = first_tensor(output)
    if raw is None:
        return None
    bound = (AGREE if raw.dtype is torch.float32 else AGREE_HALF) * max(abs(heard), 1e-3)
    known = FUNCTIONS.get(facts.kind)
    shaped_alike = None if known is None else lambda made, held: known(_like(made, shape), held)
    for call in (given, shaped_alike):
        if call is None:
            continue
        try:
            with torch.no_grad():
                value = float(call(raw.detach(), targets))
        except FAILURES:
            continue
        if abs(value - heard) <= bound:
            return lambda outputs, held, call=call: call(first_tensor(outputs), held)
    return None


def _like(outputs: Tensor, shape: torch.Size) -> Tensor:
    """Return outputs, of another number of rows it may be, in a shape ``[N, ...]``."""
    alike = outputs.dim() == len(shape) and outputs.shape[1:] == shape[1:]
    return outputs if alike else outputs.reshape(-1, *shape[1:])


def same_numbers(output: Any, judged: Tensor) -> bool:
    """Say whether the loss got just what the network gave, but for its shape."""
    found = first_tensor(output)
    if found is None or found.numel() != judged.numel():
        return False
    return bool(torch.equal(found.detach().reshape(judged.shape), judged.detach()))
