"""What a network is fed: a tensor, or a tuple or dict of tensors, with rows in dimension 0."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import DataError

Inputs = Tensor | tuple[Tensor, ...] | dict[str, Tensor]
TARGET_NAMES = ("labels", "label", "target", "targets", "y")
# What a user's network, loss or loader may raise when it is given something that does not fit.
FAILURES = (
    *(RuntimeError, ValueError, TypeError, LookupError),
    *(AttributeError, ArithmeticError, AssertionError, OSError),
)


def tensors_of(x: Inputs) -> list[Tensor]:
    """Return the tensors of an input.

    Example:
        >>> len(tensors_of((torch.zeros(2), torch.ones(2))))
        2
    """
    if isinstance(x, Tensor):
        return [x]
    return list(x.values()) if isinstance(x, dict) else list(x)


def map_inputs(change: Callable[[Tensor], Tensor], x: Inputs) -> Inputs:
    """Return the input with each of its tensors changed.

    Example:
        >>> map_inputs(lambda t: t + 1, {"a": torch.zeros(2)})
        {'a': tensor([1., 1.])}
    """
    if isinstance(x, Tensor):
        return change(x)
    if isinstance(x, dict):
        return {name: change(tensor) for name, tensor in x.items()}
    return tuple(change(tensor) for tensor in x)


def take_rows(x: Inputs, rows: Tensor | slice) -> Inputs:
    """Return some rows of an input."""
    return map_inputs(lambda tensor: tensor[rows], x)


def join_rows(parts: Sequence[Inputs]) -> Inputs:
    """Return inputs of the same form one after the other."""
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat([cast(Tensor, part) for part in parts])
    if isinstance(first, dict):
        dicts = [cast(dict[str, Tensor], part) for part in parts]
        return {name: torch.cat([part[name] for part in dicts]) for name in first}
    tuples = [cast(tuple[Tensor, ...], part) for part in parts]
    return tuple(torch.cat(column) for column in zip(*tuples, strict=True))


def row_shapes(x: Inputs) -> list[tuple[int, ...]]:
    """Return the shape of one row of each tensor."""
    return [tuple(tensor.shape[1:]) for tensor in tensors_of(x)]


def as_batch(batch: Any) -> tuple[Inputs, Tensor]:
    """Return a batch of a user's iterable as ``(x, y)``.

    Takes ``(x, y)``, ``(x1, x2, ..., y)``, and a dict with its target under "labels", "label",
    "target", "targets" or "y"; tensors or arrays.

    Raises:
        DataError: it is something else.
    """
    if isinstance(batch, Mapping):
        return _of_mapping(batch)
    if isinstance(batch, tuple | list) and len(batch) >= 2:
        *x, y = batch
        return _as_inputs(x[0] if len(x) == 1 else x), _as_tensor(y)
    raise _not_a_batch(batch)


def _of_mapping(batch: Mapping[str, Any]) -> tuple[Inputs, Tensor]:
    names = [name for name in TARGET_NAMES if name in batch]
    if not names or len(batch) < 2:
        raise _not_a_batch(batch)
    x = {name: value for name, value in batch.items() if name != names[0]}
    return _as_inputs(x), _as_tensor(batch[names[0]])


def _as_inputs(x: Any) -> Inputs:
    if isinstance(x, Mapping):
        return {str(name): _as_tensor(value) for name, value in x.items()}
    if isinstance(x, tuple | list):
        return tuple(_as_tensor(value) for value in x)
    return _as_tensor(x)


def _as_tensor(value: Any) -> Tensor:
    if isinstance(value, Tensor) and value.ndim:
        return value.detach()
    if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "fiub":
        return torch.from_numpy(value)
    raise _not_a_batch(value)


def _not_a_batch(given: Any) -> DataError:
    return DataError(
        "A batch has to be (x, y): tensors with one row a sample.",
        given=type(given).__name__,
        do="Let the loader yield (x, y), (x1, x2, y), or a dict with its target in 'labels'.",
    )


def feed(net: nn.Module, x: Inputs) -> Any:
    """Return the network's output: a tuple is spread over its arguments, a dict over names."""
    if isinstance(x, Tensor):
        return net(x)
    if isinstance(x, dict):
        return net(x) if _takes_one(net) else net(**x)
    return net(x) if _takes_one(net) else net(*x)


def _takes_one(net: nn.Module) -> bool:
    kinds = [p.kind for p in inspect.signature(net.forward).parameters.values()]
    open_ended = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return len(kinds) == 1 and not open_ended & set(kinds)
