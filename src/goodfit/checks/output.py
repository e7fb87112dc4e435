"""Checks of what the loss does with what the network gives."""

from __future__ import annotations

import math

from torch import Tensor

from ..probes.graph import softmax_dim
from ..records import Finding, Verdict, found, not_judged, passed
from .observe import (
    OVER_CLASSES,
    last_operation,
    operation_name,
    saved,
    sums_to_one,
)
from .subject import Subject


def loss_broadcast(subject: Subject) -> Verdict:
    """Fires when outputs and targets meet as ``[N]`` and ``[N, 1]``, which gives ``[N, N]``.

    Every output is then compared with every target, and the best answer is their mean.
    """
    name, run = "loss-broadcast", subject.first
    if subject.broken and run.at != "loss":
        return not_judged(name, subject.broken)
    shapes = run.spread or _unequal(subject)
    if shapes is None:
        return passed(name, "outputs and targets meet element by element")
    return found(
        Finding(
            rule=name,
            severity="error",
            meaning="Outputs and targets have different shapes and are spread against each other:"
            " each output is compared with the targets of other rows.",
            remedy="Give both the same shape: outputs.squeeze(1), or targets[:, None].",
            source="notes n3, Sanity Checking; PyTorch, broadcasting semantics",
            evidence={"one": str(list(shapes[0])), "other": str(list(shapes[1]))},
        ),
    )


def _unequal(subject: Subject) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return the shapes that an element-wise loss was given, where they are not the same."""
    call = subject.call
    if call is None or call.kind in OVER_CLASSES or call.input.shape == call.target.shape:
        return None
    return None if subject.broken else (tuple(call.input.shape), tuple(call.target.shape))


def softmax_wrong_axis(subject: Subject) -> Verdict:
    """Fires when the output is a softmax over rows or positions, or over a single class.

    Classes stand in dimension 1 of what the loss is given (PyTorch, CrossEntropyLoss, NLLLoss).
    """
    name, call = "softmax-wrong-axis", subject.call
    if subject.broken and call is None:
        return not_judged(name, subject.broken)
    outputs = call.input if call else subject.outputs
    if outputs is None:
        return not_judged(name, "the output is not one tensor with a row a sample")
    node = last_operation(outputs)
    if operation_name(node) in ("Softmax", "LogSoftmax"):
        result = saved(node, "result")
        if result is None:
            return not_judged(name, "the softmax's result was overwritten")
        dim, shape = softmax_dim(node, result.ndim), tuple(result.shape)
        over_rows = dim == 0 and result.ndim > 1
        if over_rows or shape[dim] == 1 or _over_positions(outputs, result, dim):
            return _wrong_axis(dim, shape)
        return passed(name, f"the softmax is over {shape[dim]} classes")
    return passed(name, "the output is no softmax")


def _over_positions(outputs: Tensor, result: Tensor, dim: int) -> bool:
    """Say whether a softmax of ``[N, C, ...]`` runs over another dimension than 1."""
    return result.ndim > 2 and result.shape == outputs.shape and dim != 1


def _wrong_axis(dim: int, shape: tuple[int, ...]) -> Verdict:
    return found(
        Finding(
            rule="softmax-wrong-axis",
            severity="error",
            meaning="The softmax does not run over the classes of a row: it makes rows compete"
            " with each other, or leaves nothing to choose.",
            remedy="Take dim=1, where the loss expects the classes; better, leave the softmax to"
            " CrossEntropyLoss.",
            source="notes n3, Sanity Checking; PyTorch, Softmax",
            evidence={"dim": dim, "shape": str(list(shape)), "size": shape[dim]},
        ),
    )


def double_softmax(subject: Subject) -> Verdict:
    """Fires when the network ends in a softmax (or sigmoid) that its loss applies again.

    Probabilities taken for logits differ by at most 1, so cross-entropy over C classes cannot
    fall below ``log(1 + (C - 1)/e)``, and gradients are small.
    """
    name, call = "double-softmax", subject.call
    if call is None:
        return not_judged(name, subject.broken or "the loss is none that is known")
    if call.kind not in ("cross-entropy", "binary-cross-entropy"):
        return passed(name, f"{call.kind} applies no softmax")
    ends = operation_name(last_operation(call.input))
    shares = call.input.ndim > 1 and call.input.shape[1] > 1 and sums_to_one(call.input, 1)
    twice = ends == "Softmax" or shares
    if call.kind == "binary-cross-entropy":
        twice = twice or ends in ("Sigmoid", "Hardsigmoid")
    if not twice:
        return passed(name, "the loss gets scores, not probabilities")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="The network gives probabilities, and the loss takes them for scores and"
            " applies softmax or sigmoid again: gradients are small, and the loss cannot fall"
            " far.",
            remedy="Leave out the last softmax or sigmoid; the loss contains it.",
            source="notes n3, Sanity Checking; PyTorch, CrossEntropyLoss",
            evidence={"ends_in": ends or "shares", "loss": call.kind, **_floor(subject)},
        ),
    )


def _floor(subject: Subject) -> dict[str, float]:
    call = subject.call
    if call is None or call.kind != "cross-entropy":
        return {}
    return {"lowest_loss": math.log1p((call.input.shape[1] - 1) / math.e)}


def missing_softmax(subject: Subject) -> Verdict:
    """Fires when a loss that wants (log-)probabilities is given scores. Notes n3, "the log".

    ``NLLLoss`` wants ``log_softmax``: of raw scores it only makes one larger, without end.
    """
    name, call = "missing-softmax", subject.call
    if call is None:
        return not_judged(name, subject.broken or "the loss is none that is known")
    if call.kind == "binary-cross-entropy-of-probabilities":
        inside = bool(((call.input >= 0) & (call.input <= 1)).all())
        ok, wanted = inside, "a sigmoid"
    elif call.kind in ("nll", "kl"):
        dim = 1 if call.kind == "nll" else -1
        ok, wanted = sums_to_one(call.input.detach().exp(), dim), "log_softmax"
    else:
        return passed(name, f"{call.kind} takes scores")
    if ok:
        return passed(name, f"the loss gets what it wants, {wanted}")
    return found(
        Finding(
            rule=name,
            severity="error",
            meaning=f"The loss wants the result of {wanted} and is given something else: it has"
            " no lower bound there, or fails.",
            remedy="End the network in log_softmax(dim=1) for NLLLoss, in a sigmoid for BCELoss;"
            " or take CrossEntropyLoss or BCEWithLogitsLoss.",
            source="notes n3, Loss and Not a Number (forgetting the log); PyTorch, NLLLoss",
            evidence={
                "loss": call.kind,
                "lowest": float(call.input.detach().min()),
                "highest": float(call.input.detach().max()),
            },
        ),
    )
