"""What is measured on one layer's output: small reductions, no transfer from the device."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .layers import Output

# Relative spread under which float32 arithmetic cannot tell two outputs apart.
SAME = 1e-6
RECTIFIERS = ("ReLU", "relu", "ReLU6")
# A slope under a twentieth of the steepest: 1 - tanh(x)^2 < 0.05.
FLAT = math.sqrt(0.95)


def moments(output: Output) -> Mapping[str, Tensor]:
    """Return mean and standard deviation over all numbers of a layer's output.

    Not of an activation's, which follows from its layer's.
    """
    if output.role in ("activation", "input"):
        return {}
    rows = output.rows if output.rows.dtype is torch.float32 else output.rows.float()
    # In two passes: half the time of std_mean on small outputs, and as exact.
    mean = rows.mean()
    std = torch.linalg.vector_norm(rows - mean) * rows.numel() ** -0.5
    return {"output_mean": mean, "output_std": std}


def dead_share(output: Output) -> Mapping[str, Tensor]:
    """Return which units gave the same for every row (and place) of a batch, ``[units]`` bool.

    A unit is a feature of the last dimension or a channel. Only activations are judged; how many
    batches a unit must be the same in is counted by the observer.
    """
    rows = output.rows
    judged = output.role in ("activation", "input") and rows.dim() > 1 and rows.shape[0] > 1
    return {"dead_share": _same(output, rows)} if judged else {}


def _same(output: Output, rows: Tensor) -> Tensor:
    if output.fold:
        rows = rows.reshape(-1, output.fold, rows.shape[-1] // output.fold)
        low, high = torch.aminmax(rows.transpose(0, 1).reshape(output.fold, -1), dim=1)
    elif rows.dim() == 2:
        low, high = torch.aminmax(rows, dim=0)
    else:
        others = [dim for dim in range(rows.dim()) if dim != output.unit_dim % rows.dim()]
        low, high = rows.amin(others), rows.amax(others)
    # A rectifier that is off gives exact zeros; others may differ by rounding.
    return low == high if output.kind in RECTIFIERS else (high - low) <= SAME * high.abs()


def saturated_share(output: Output) -> Mapping[str, Tensor]:
    """Return the share of numbers in the flat ends of a bounded activation.

    Flat is a slope under a twentieth of the steepest.
    """
    ends = _ENDS.get(output.kind)
    if ends is None or output.role not in ("activation", "input"):
        return {}
    centre, reach = ends(output.place.module)
    far = (output.rows - centre).abs() >= reach
    return {"saturated_share": far.to(torch.float32).mean()}


def _hardtanh_ends(module: nn.Module) -> tuple[float, float]:
    low, high = getattr(module, "min_val", -1.0), getattr(module, "max_val", 1.0)
    return (low + high) / 2, (high - low) / 2


def _fixed(centre: float, reach: float) -> Callable[[nn.Module], tuple[float, float]]:
    return lambda module: (centre, reach)


# Middle of the range, and the distance from it at which the slope is a twentieth of the steepest.
_ENDS: dict[str, Callable[[nn.Module], tuple[float, float]]] = {
    **dict.fromkeys(("Tanh", "tanh"), _fixed(0.0, FLAT)),
    **dict.fromkeys(("Sigmoid", "sigmoid"), _fixed(0.5, FLAT / 2)),
    **dict.fromkeys(("Hardtanh", "hardtanh"), _hardtanh_ends),
    **dict.fromkeys(("Hardsigmoid", "hardsigmoid"), _fixed(0.5, 0.5)),
    "Softsign": _fixed(0.0, 1.0 - math.sqrt(0.05)),
}


def norm_gap(output: Output) -> Mapping[str, Tensor]:
    """Return how far a batch norm's running statistics are from this batch's.

    The mean over channels of the larger of ``|mean - running mean|`` and ``|std - running std|``,
    in running standard deviations. Of a norm that normalises by its running statistics (frozen, or
    in evaluation mode) nothing: evaluation sees what is trained.
    """
    module, entered = output.place.module, output.entered
    if not isinstance(module, _BatchNorm) or entered is None or module.running_mean is None:
        return {}
    if not module.training or getattr(module, "held_by_transfer", False):
        return {}
    if entered.dim() < 2 or entered.numel() <= entered.shape[1]:
        return {}
    others = [dim for dim in range(entered.dim()) if dim != 1]
    std, mean = torch.std_mean(entered.float(), dim=others)
    running = torch.sqrt(module.running_var + module.eps)  # pyright: ignore[reportOptionalOperand]
    apart = torch.maximum((mean - module.running_mean).abs(), (std - running).abs())
    return {"norm_gap": (apart / running).mean()}
