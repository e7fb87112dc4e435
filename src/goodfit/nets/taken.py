"""What weights must be like to be taken over: finite floating-point numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..errors import NetError

SHOWN = 6


def refuse_odd_numbers(taken: Mapping[str, Tensor], own: Mapping[str, Tensor], source: str) -> None:
    """Refuse NaN and infinite weights, and whole numbers where weights are fractions.

    Raises:
        NetError: that is so; names the tensors.
    """
    weights = {name: t for name, t in taken.items() if own[name].is_floating_point()}
    whole = [name for name, tensor in weights.items() if not tensor.is_floating_point()]
    if whole:
        raise NetError(
            f"Some weights of {source} are no floating-point numbers.",
            given=first_of([f"{name} is {str(weights[name].dtype)[6:]}" for name in whole]),
            do="Save weights as float32; what was quantised has to be scaled back first.",
        )
    broken = [name for name, tensor in weights.items() if not bool(tensor.isfinite().all())]
    if broken:
        raise NetError(
            f"Some weights of {source} are NaN or infinite.",
            given=first_of([_counted(name, weights[name]) for name in broken]),
            do="Take weights of before its training broke down, or name the layers to take over"
            " without these in transfer.layers.",
        )


def _counted(name: str, tensor: Tensor) -> str:
    num = int((~torch.isfinite(tensor)).sum())
    return f"{name}: {num:,} of {tensor.numel():,}"


def first_of(told: Sequence[str]) -> str:
    """Join the first 6, and say how many more there are.

    Example:
        >>> first_of(["a", "b"]), first_of(list("abcdefgh"))
        ('a; b', 'a; b; c; d; e; f, and 2 more')
    """
    return "; ".join(told[:SHOWN]) + (f", and {len(told) - SHOWN} more" * (len(told) > SHOWN))
