"""Check of what the loss makes of an answer that is sure."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..records import Finding, Verdict, found, not_judged, passed
from .inputs import FAILURES
from .subject import LOOKED_AT_ROWS, Subject, quiet

# float32: exp(88.8) is infinite and exp(-104) is 0.
SURE = 120.0
SHIFT, SAME = 1.0, 1e-3


def loss_not_finite(subject: Subject) -> Verdict:
    """Fires when a loss of scores, or its gradient, is not finite for an answer that is sure.

    Cross-entropy by hand takes ``exp`` and ``log`` apart: of a score of 120 the first is infinite,
    of one of -120 it is 0, whose logarithm is. Networks come to such scores when rates are high or
    inputs far out; taken at once, ``log sum exp`` costs 120 there. Two answers are tried: scores of
    120 for one class and 0 for the others, each class in turn; and the same lowered by 240.

    Judged where classes are told by scores ``[N, C]``: that is known by a loss that stays as it is
    when 1 is added to all scores of a row. Abstains otherwise. Notes n3, Loss and Not a Number.
    """
    name, subject = "loss-not-finite", subject.clean
    if subject.broken:
        return not_judged(name, subject.broken)
    outputs = subject.outputs
    if outputs is None or outputs.ndim != 2 or outputs.shape[1] < 2 or not _takes_scores(subject):
        return not_judged(name, "the loss is none of scores, one for each class")
    answers = _sure_answers(outputs.detach())
    lost = {said: what for said, scores in answers.items() if (what := _lost(subject, scores))}
    if not lost:
        return passed(name, f"loss and gradient are finite for scores up to {SURE:g}")
    said, what = next(iter(lost.items()))
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning=f"The {what} is not a finite number for an answer that is {said}: it will be"
            " lost as soon as the network is so sure of a row.",
            remedy="Take CrossEntropyLoss, or log_softmax(scores, dim=1), which shifts scores"
            " before exp; do not take the logarithm of a softmax.",
            source="notes n3, Loss and Not a Number",
            evidence={"score": SURE, "lost": what, "answer": said},
        ),
    )


def _loss_of(subject: Subject, scores: Tensor) -> Tensor | None:
    y = subject.y[: min(len(subject.y), LOOKED_AT_ROWS)]
    with torch.enable_grad(), quiet():
        try:
            loss = subject.loss_fn(scores, y)
        except FAILURES:
            return None
    return loss if isinstance(loss, Tensor) and loss.numel() == 1 else None


def _takes_scores(subject: Subject) -> bool:
    """Say whether the loss is finite, moves with the scores, and not with what they share."""
    outputs = subject.outputs
    if outputs is None or not outputs.is_floating_point():
        return False
    plain = outputs.detach().float()
    plain = plain / max(1.0, float(plain.abs().max()))
    values = [_loss_of(subject, scores) for scores in (plain, plain + SHIFT, 2.0 * plain)]
    if any(value is None for value in values):
        return False
    here, shifted, doubled = (float(v.detach()) for v in values if v is not None)
    if not all(math.isfinite(value) for value in (here, shifted, doubled)):
        return False
    size = max(abs(here), 1e-6)
    return abs(shifted - here) < SAME * size < abs(doubled - here)


def _sure_answers(like: Tensor) -> dict[str, Tensor]:
    """Return scores by what they say; every class is the sure one for some rows."""
    scores = torch.zeros_like(like, dtype=torch.float32)
    classes = torch.arange(len(scores), device=like.device) % scores.shape[1]
    scores[torch.arange(len(scores), device=like.device), classes] = SURE
    return {"sure of one class": scores, "low in all scores": scores - 2.0 * SURE}


def _lost(subject: Subject, scores: Tensor) -> str:
    """Return what is not finite for these scores: "loss", "gradient", or "" for nothing."""
    scores = scores.clone().requires_grad_()
    loss = _loss_of(subject, scores)
    if loss is None:
        return ""
    if not bool(torch.isfinite(loss.detach()).all()):
        return "loss"
    if not loss.requires_grad:
        return ""
    try:
        (gradient,) = torch.autograd.grad(loss.sum(), [scores])
    except FAILURES:
        return ""
    return "" if bool(torch.isfinite(gradient).all()) else "gradient"
