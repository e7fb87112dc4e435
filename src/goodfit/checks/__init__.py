"""Checks before training: each looks at a :class:`Subject` and gives a verdict, never silence."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..records import Verdict
from .data import class_imbalance, input_not_finite, input_out_of_scale
from .start import cannot_overfit_tiny_batch, initial_loss_off, no_gradient
from .subject import Subject

CHECKS: tuple[Callable[[Subject], Verdict], ...] = (
    input_not_finite,
    input_out_of_scale,
    class_imbalance,
    initial_loss_off,
    no_gradient,
    cannot_overfit_tiny_batch,
)


def run_checks(subject: Subject) -> tuple[Verdict, ...]:
    """Return the verdict of every check, in the order of :data:`CHECKS`.

    Torch's generator is left as it was, and so is the network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return tuple(check(subject) for check in CHECKS)


__all__ = ["CHECKS", "Subject", "run_checks"]
