"""What the loss module was given, and how to give it the same again in a replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..probes.layers import first_tensor


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
    call = loss_fn.forward if isinstance(loss_fn, nn.Module) else loss_fn
    shape = outputs.shape if isinstance(outputs, Tensor) else None
    return lambda made, targets: call(shaped(made, shape), targets)
