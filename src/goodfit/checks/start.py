"""Checks of the first answers: their loss, and whether they know the classes' shares."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ..records import Finding, Severity, Verdict, found, not_judged, passed
from .labels import class_counts
from .observe import REGRESSION
from .subject import LOOKED_AT_ROWS, Subject

# He's start in the last layer alone gives up to three times chance, four for squared errors. An MLP
# on digits was harmed from six times on by SGD with momentum, and by Adam not at nine.
FAR_ABOVE_CHANCE, FAR_ABOVE_FOR_ADAPTIVE = 5.0, 10.0
FAR_TARGET, FAR_OUTPUT, USUAL_OUTPUT = 100.0, 4.0, 0.3
UNEVEN, TOO_EVEN, FAR_MEAN = 4.0, 0.1, 5.0


def initial_loss_off(subject: Subject) -> Verdict:
    """Fires when the first loss is over five times that of an answer that knows nothing.

    Ten times where the optimiser is known to be of Adam's kind, which is not thrown off by it: from
    five to ten times that is said as info.
    Quantities: over ten times, by outputs of over four times the targets' size. Or the targets
    have over 100 times the outputs' size, which takes thousands of steps to come to.
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
    loss, misfit = first_loss(subject), _misfit(subject)
    if misfit == "small":
        return _off("The targets are far larger than what the network gives.", loss, chance)
    easy = misfit is not None or subject.adaptive
    bound = FAR_ABOVE_FOR_ADAPTIVE if easy else FAR_ABOVE_CHANCE
    if not (math.isfinite(loss) and (loss <= bound * chance + 1e-6 or misfit == "fits")):
        meaning = "The first loss is far above chance: the network starts sure and wrong."
        return _off(meaning, loss, chance)
    if misfit is None and loss > FAR_ABOVE_CHANCE * chance + 1e-6:
        meaning = (
            "The first loss is above chance: Adam mends that, and loses its first steps by it."
        )
        return _off(meaning, loss, chance, "info")
    return passed(name, f"the first loss is {loss:.3g}, chance is {chance:.3g}")


def _off(meaning: str, loss: float, chance: float, severity: Severity = "warning") -> Verdict:
    return found(
        Finding(
            rule="initial-loss-off",
            severity=severity,
            meaning=meaning,
            remedy="Use smaller initial weights in the last layer, standardise targets that are"
            " quantities, and check inputs and loss.",
            source="notes n3, Sanity Checking; notes n4, step 3",
            evidence={"loss": loss, "chance": chance},
        ),
    )


def _misfit(subject: Subject) -> Literal["small", "fits", "large"] | None:
    """Say how the first outputs' size compares with the targets'; None for classes.

    Targets of a narrow range have a small variance, beside which a healthy start looks far off.
    """
    outputs, call = subject.outputs, subject.call
    if outputs is None or call is None or call.kind not in REGRESSION:
        return None
    target, given = (
        float(t.detach().float().square().mean().sqrt()) for t in (call.target, outputs)
    )
    if target > FAR_TARGET * max(given, USUAL_OUTPUT):
        return "small"
    return "fits" if given <= FAR_OUTPUT * max(target, 1.0) else "large"


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


def _embeds(outputs: Tensor, y: Tensor) -> bool:
    """Say whether outputs ``[N, C]`` are other than one for each class of ``y`` (one of two)."""
    num_classes = int(y.max()) + 1 if y.numel() and not y.is_floating_point() else 0
    width = outputs.shape[1] if outputs.dim() > 1 else 1
    return width < num_classes - 1 or width > num_classes


def chance_loss(subject: Subject) -> float | None:
    """Return the loss of the answer that knows nothing; None where that is not known.

    Nor is it of an own loss on outputs that are not one for each class: it may compare rows.
    """
    outputs = subject.outputs
    if outputs is None or not outputs.is_floating_point():
        return None
    y = subject.y[: len(outputs)]
    like = outputs.detach()
    unknown = subject.call is None
    if subject.goal == "classification" and not (unknown and _embeds(like, y)):
        answer = _uniform(subject, like)
    elif subject.goal == "regression" and not unknown:
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


def bias_not_from_prior(subject: Subject) -> Verdict:
    """Fires, as advice, when classes are uneven and the first answers are even. Notes n3, n4.

    The first steps then only learn the classes' shares. A last bias of ``log(share)`` starts
    there (Lin et al., Focal Loss, 2017; Karpathy, A Recipe for Training Neural Networks). Also
    when a quantity's mean is over 5 of its standard deviations from the first answers: a warning,
    for then the first steps, large and all in one direction, spoil the weights, or the run ends
    before the mean is reached (standardised targets: 0 to 0.5; 10 did harm). Of several targets
    in one tensor both are root mean squares over all, as in the loss: one that is next to constant
    (the border of an image) weighs little there.
    """
    name, subject = "bias-not-from-prior", subject.clean
    if not subject.broken and subject.goal == "regression":
        return _far_from_mean(subject)
    counts, outputs = class_counts(subject), subject.outputs
    if subject.broken or len(counts) < 2 or min(counts) == 0:
        return not_judged(name, subject.broken or "the classes' shares are not known")
    shares = torch.tensor(counts, dtype=torch.float64) / sum(counts)
    if outputs is None or max(counts) < UNEVEN * min(counts):
        return passed(
            name, f"the largest class is {max(counts) / min(counts):.2g} times the rarest"
        )
    first = _first_shares(outputs.detach().double(), subject.kind)
    if first is None or len(first) != len(shares):
        return not_judged(name, "the outputs are not one score for each class")
    excess = float((shares * (shares / first.clamp_min(1e-12)).log()).sum())
    if excess < TOO_EVEN:
        return passed(name, "the first answers have the classes' shares")
    return _bias(
        "info",
        "Classes are uneven and the network starts as if they were even: the first steps only"
        " learn their shares.",
        "Set the last bias to the logarithm of each class's share (for one output:"
        " log(p / (1 - p))).",
        {"excess_loss": excess, "largest_share": float(shares.max())},
    )


def _bias(severity: Severity, meaning: str, remedy: str, evidence: dict[str, float]) -> Verdict:
    return found(
        Finding(
            rule="bias-not-from-prior",
            severity=severity,
            meaning=meaning,
            remedy=remedy,
            source="notes n3, Sanity Checking; Lin et al., Focal Loss, 2017",
            evidence=evidence,
        ),
    )


def _far_from_mean(subject: Subject) -> Verdict:
    """Judge how many standard deviations of a quantity the first answers are from its mean."""
    name, outputs = "bias-not-from-prior", subject.outputs
    if outputs is None or len(subject.y) < 2:
        return not_judged(name, "the outputs are not one tensor with a row a sample")
    target = subject.as_target(subject.y).double().reshape(len(subject.y), -1)
    first = outputs.detach().double().reshape(len(outputs), -1)
    if first.shape[1] != target.shape[1]:
        return not_judged(name, "outputs and targets differ in shape")
    off, spread = (first.mean(0) - target.mean(0)).square().mean(), target.var(0).mean()
    worst = float((off / spread).sqrt()) if spread > 0 else 0.0
    if worst <= FAR_MEAN:
        return passed(name, f"the first answers are {worst:.2g} deviations from the targets' mean")
    return _bias(
        "warning",
        "The targets' mean is many standard deviations from the first answers: the first steps"
        " only learn the mean.",
        "Standardise the target, or set the last bias to its mean.",
        {"deviations_from_mean": worst, "target_mean": float(target.mean())},
    )


def _first_shares(outputs: Tensor, kind: str) -> Tensor | None:
    """Return the mean probabilities that the first outputs stand for."""
    if kind == "cross-entropy" and outputs.ndim == 2:
        return outputs.softmax(1).mean(0)
    if kind == "binary-cross-entropy" and outputs[0].numel() == 1:
        positive = outputs.sigmoid().mean()
        return torch.stack([1.0 - positive, positive])
    return None
