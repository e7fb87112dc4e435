"""Small questions about networks, batches and calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

# The gradient by which a pass is known to be finite has at most so many numbers.
MAX_CANARY = 2**14
# What a network or a loss may raise that is called in another way than its loop does, as one of
# more arguments: that must not end a training.
FAILURES = (
    *(RuntimeError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
    AssertionError,
)


class Parts(nn.Module):
    """Modules by name, where a framework does not register them with their network."""

    def __init__(self, parts: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name.replace(".", "_"), part)


def precision_of(device: str) -> tuple[str, torch.dtype] | None:
    """Return the kind of device and the type of numbers under autocast, None without it."""
    if not torch.is_autocast_enabled(device):
        return None
    return device, torch.get_autocast_dtype(device)


def has_closure(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Say whether an optimiser's step was given a closure; ``args`` begin with the optimiser."""
    return (len(args) > 1 and args[1] is not None) or kwargs.get("closure") is not None


def has_modes(module: nn.Module) -> bool:
    """Say whether a module works differently in training and in evaluation."""
    if isinstance(module, _DropoutNd):
        return module.p > 0.0
    return isinstance(module, _NormBase) or "dropout" in type(module).__name__.lower()


def parameters_of(optimizer: Optimizer) -> Iterator[nn.Parameter]:
    """Yield the parameters that an optimiser has."""
    return (parameter for group in optimizer.param_groups for parameter in group["params"])


def held_by(optimizers: Iterable[Optimizer]) -> set[int]:
    """Return which parameters optimisers have, by identity."""
    return {id(p) for optimizer in optimizers for p in parameters_of(optimizer)}


def foreign_of(network: nn.Module, optimizers: Iterable[Optimizer]) -> tuple[int, int]:
    """Return how many trainable parameters no optimiser has, and how many there are."""
    held = held_by(optimizers)
    own = [p for p in network.parameters() if p.requires_grad]
    return sum(id(p) not in held for p in own), len(own)


def frozen_of(network: nn.Module) -> tuple[int, int]:
    """Return how many weights ask for no gradient, and how many there are.

    Not biases, and not embeddings: vectors of words are often taken as they are.

    Example:
        >>> words = nn.Embedding(100, 3).requires_grad_(False)
        >>> frozen_of(nn.Sequential(words, nn.Linear(3, 2).requires_grad_(False), nn.Linear(2, 1)))
        (6, 8)
    """
    words = {
        id(p)
        for module in network.modules()
        if isinstance(module, nn.Embedding | nn.EmbeddingBag)
        for p in module.parameters(recurse=False)
    }
    known = [p for p in network.parameters() if not is_lazy(p) and id(p) not in words]
    weights = [p for p in known if p.dim() > 1]
    frozen = [p for p in weights if not p.requires_grad]
    return sum(p.numel() for p in frozen), sum(p.numel() for p in weights)


def canary_of(network: nn.Module) -> nn.Parameter | None:
    """Return a small parameter of an early layer: what is not finite flows back to it."""
    early = [p for p in network.parameters() if p.requires_grad][:4]
    small = [p for p in early if p.is_cpu and not is_lazy(p) and p.numel() <= MAX_CANARY]
    return min(small, key=torch.Tensor.numel, default=None)


def tensors_in(value: object) -> list[Tensor]:
    """Return all tensors in what a network was given, or gave.

    Example:
        >>> len(tensors_in((torch.ones(2), {"state": [torch.ones(3)]})))
        2
    """
    if isinstance(value, Tensor):
        return [value]
    if not isinstance(value, list | tuple):
        value = value.values() if isinstance(value, Mapping) else ()
    return [found for part in value for found in tensors_in(part)]


def any_tensor(value: object) -> Tensor | None:
    """Return the first tensor in what a network was given, whatever its type.

    Example:
        >>> any_tensor(((), {"ids": torch.ones(1, dtype=torch.long)}))
        tensor([1])
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, list | tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            found = any_tensor(part)
            if found is not None:
                return found
    return None
