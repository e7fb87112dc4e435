"""What a gradient check found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .base import Record


@dataclass(frozen=True, kw_only=True)
class GradientCheck(Record):
    """Gradients as backpropagation gives them against central differences, in float64.

    ``errors`` has the largest relative error ``|a - b| / max(|a|, |b|)`` of each parameter, of the
    ``compared`` numbers; ``worst`` is the place of the largest of all ("0.weight[3, 1]"), where
    backpropagation gave ``written`` and the differences ``measured``. ``kinks`` numbers were not
    judged, since the loss has a kink or a jump there; ``not_compared`` names the parameters of
    which none was.
    """

    verdict: Literal["right", "wrong", "not judged"]
    errors: Mapping[str, float]
    worst: str = ""
    worst_error: float = 0.0
    written: float = 0.0
    measured: float = 0.0
    compared: int = 0
    not_compared: tuple[str, ...] = ()
    kinks: int = 0
    forward_passes: int = 0
