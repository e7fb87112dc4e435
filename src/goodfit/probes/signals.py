"""How a signal passes a layer: what goes in and comes out, and what the weights multiply it by."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from .layers import Output
from .rows import some_rows

WITH_UNITS = (nn.Linear, _ConvNd)


def signal(output: Output) -> Mapping[str, Tensor]:
    """Return the columns of :class:`~goodfit.records.Signal`, as far as they can be measured.

    Of layers with weights, in the first look only.
    """
    if not output.start or output.role != "weights":
        return {}
    return signal_of(output.place.module, output.entered, output.rows)


def signal_of(
    module: nn.Module, entered: Tensor | None, given: Tensor | None
) -> Mapping[str, Tensor]:
    """Return the same of a layer, by what went into it and came out ``[N, ...]``.

    Each may be None, as token ids are, which are no floats.
    """
    found = {"gain": _gain(module)}
    if given is not None:
        found["spread_out"] = _spread(given)
    if entered is not None and entered.numel():
        found |= {"size_in": _size(entered), "spread_in": _spread(entered)}
    return {name: value for name, value in found.items() if value is not None}


def _gain(module: nn.Module) -> Tensor | None:
    """Return ``rms(weight) * sqrt(fan_in)`` of a dense or convolutional layer, else None."""
    weight = getattr(module, "weight", None)
    if not isinstance(module, WITH_UNITS) or not isinstance(weight, Tensor) or not weight.numel():
        return None
    return _size(some_rows(weight.detach())) * math.sqrt(weight[0].numel())


def _size(values: Tensor) -> Tensor:
    """Return the root mean square."""
    return torch.linalg.vector_norm(values.float()) * values.numel() ** -0.5


def _spread(values: Tensor) -> Tensor | None:
    """Return the standard deviation over rows, the root mean square over features."""
    rows = values.float()
    return rows.var(0).mean().sqrt() if rows.dim() and len(rows) > 1 else None
