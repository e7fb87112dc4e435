"""The family of checks before training, and how they are run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from ..records import Verdict, not_judged
from .data import input_not_finite, input_out_of_scale, split_overlap
from .fit import loss_output_mismatch, loss_sum_reduction
from .handed import not_in_optimizer
from .init import dead_at_init, init_too_large, init_too_small, symmetric_init
from .inputs import FAILURES
from .labels import class_imbalance, label_out_of_range, labels_sorted
from .learning import cannot_overfit_tiny_batch
from .norms import batch_norm_tiny_batch, dropout_before_batch_norm, regularization_inert
from .numeric import gradient_wrong
from .order import suspects
from .output import double_softmax, loss_broadcast, missing_softmax, softmax_wrong_axis
from .start import bias_not_from_prior, initial_loss_off
from .straight import no_activation
from .subject import Subject, quiet
from .sure import loss_not_finite
from .wiring import batch_mixing, input_ignored, no_gradient

Check = Callable[[Subject], Verdict]
# What comes in, whatever the network makes of it.
OF_INPUTS: tuple[Check, ...] = (
    input_not_finite,
    label_out_of_range,
    split_overlap,
    labels_sorted,
    input_out_of_scale,
    class_imbalance,
)
CHECKS: tuple[Check, ...] = (
    *OF_INPUTS,
    loss_broadcast,
    softmax_wrong_axis,
    double_softmax,
    missing_softmax,
    loss_output_mismatch,
    loss_sum_reduction,
    batch_mixing,
    input_ignored,
    gradient_wrong,
    no_gradient,
    not_in_optimizer,
    regularization_inert,
    batch_norm_tiny_batch,
    dropout_before_batch_norm,
    no_activation,
    symmetric_init,
    dead_at_init,
    init_too_large,
    init_too_small,
    initial_loss_off,
    bias_not_from_prior,
    cannot_overfit_tiny_batch,
    loss_not_finite,
)

UNFINISHED = "the program raised"


def run_checks(
    subject: Subject, *, deadline_s: float = 25.0, checks: Sequence[Check] = CHECKS
) -> tuple[Verdict, ...]:
    """Return the verdict of every check, in the order of :data:`CHECKS`.

    Torch's generator is left as it was, and so is the network. What trains gives up ``deadline_s``
    seconds of wall time from now, or at the subject's own ``until``, and says so.
    """
    subject = replace(subject, until=min(subject.until, time.monotonic() + deadline_s))
    with torch.random.fork_rng(devices=[]), torch.enable_grad(), quiet():
        torch.manual_seed(subject.seeds[0])
        verdicts: list[Verdict] = []
        for check in checks:
            verdict = _verdict(check, subject)
            verdicts.append(verdict)
            if verdict.finding and suspects([verdict]):
                subject = replace(subject, suspects=suspects(verdicts))
        return tuple(verdicts)


def _verdict(check: Check, subject: Subject) -> Verdict:
    """Return a check's verdict; what a user's program raises on the way is a reason, not an end."""
    try:
        return check(subject)
    except FAILURES as error:
        name = check.__name__.replace("_", "-")
        return not_judged(name, f"{UNFINISHED} {type(error).__name__}: {error}")
