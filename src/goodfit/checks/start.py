"""Checks of the network at its start: the first loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..records import Finding, Verdict, found, not_judged, passed
from .subject import LOOKED_AT_ROWS, Subject

FAR_ABOVE_CHANCE = 3.0


def initial_loss_off(subject: Subject) -> Verdict:
    """Fires when the first loss is over three times that of an answer that knows nothing.

    That answer is found through the loss itself, with all its options (label smoothing, weights,
    reduction): equal scores for C classes, which cost ``log C`` without options; the targets'
    mean, which costs their variance in a squared error. The median over several parts of the
    rows is judged. Notes n3, Sanity Checking; n4, step 3.
    """
    name, subject = "initial-loss-off", subject.clean
    if subject.broken:
        return not_judged(name, subject.broken)
    chance = chance_loss(subject)
    if chance is None:
        return not_judged(name, "the loss of an answer that knows nothing is not known")
    loss = first_loss(subject)
    if math.isfinite(loss) and loss <= FAR_ABOVE_CHANCE * chance + 1e-6:
        return passed(name, f"the first loss is {loss:.3g}, chance is {chance:.3g}")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="The first loss is far above chance: the network starts sure and wrong.",
            remedy="Use smaller initial weights in the last layer, and check inputs and loss.",
            source="notes n3, Sanity Checking; notes n4, step 3",
            evidence={"loss": loss, "chance": chance},
        ),
    )


def first_loss(subject: Subject) -> float:
    """Return the median first loss over parts of the rows, each with its own noise."""
    losses = []
    for part, seed in enumerate(subject.seeds):
        rows = slice(part * LOOKED_AT_ROWS, (part + 1) * LOOKED_AT_ROWS)
        if part and len(subject.y[rows]) < 2:
            rows = slice(LOOKED_AT_ROWS)
        torch.manual_seed(seed)
        loss = subject.run(subject.fresh_net().train(), rows).loss
        losses.append(math.nan if loss is None else float(loss.detach()))
    return sorted(losses, key=lambda loss: (not math.isnan(loss), loss))[len(losses) // 2]


def chance_loss(subject: Subject) -> float | None:
    """Return the loss of the answer that knows nothing; None where that is not known."""
    outputs = subject.outputs
    if outputs is None or not outputs.is_floating_point():
        return None
    y = subject.y[: len(outputs)]
    like = outputs.detach()
    if subject.goal == "classification":
        answer = _uniform(subject, like)
    elif subject.goal == "regression" and subject.call is not None:
        answer = torch.zeros_like(like) + _mean_target(subject, like)
    else:
        return None
    loss = subject.judge(answer, y).loss
    value = math.nan if loss is None else float(loss.detach())
    return value if math.isfinite(value) else None


def _uniform(subject: Subject, like: Tensor) -> Tensor:
    """Return equal scores; as probabilities where the loss takes those."""
    if subject.kind == "binary-cross-entropy-of-probabilities":
        return torch.full_like(like, 0.5)
    if subject.kind == "nll" and like.ndim > 1:
        return torch.full_like(like, -math.log(like.shape[1]))
    return torch.zeros_like(like)


def _mean_target(subject: Subject, like: Tensor) -> Tensor:
    target = subject.as_target(subject.y[: len(like)]).to(like.dtype)
    return target.mean(0) if target.shape == like.shape else target.mean()
