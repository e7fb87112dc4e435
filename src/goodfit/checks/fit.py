"""Checks of whether loss, outputs and targets fit together."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..probes.forms import (
    CUTS,
    CUTS_OF_YES_AND_NO,
    OUT_OF_REACH_SHARE,
    reach_of,
    share_out_of_reach,
)
from ..records import Finding, Severity, Verdict, found, not_judged, passed
from .inputs import FAILURES
from .observe import BINARY, OVER_CLASSES, REGRESSION, last_operation, operation_name
from .subject import Subject, quiet

Misfit = tuple[Severity, str, dict[str, float | int | str]]


def loss_output_mismatch(subject: Subject) -> Verdict:
    """Fires when the loss does not fit what it compares.

    That is: a loss for classes on quantities or the reverse; an output whose last operation
    (sigmoid, tanh, ReLU, softmax) cannot reach the targets; scores that a ReLU, a tanh or a
    sigmoid has cut before cross-entropy; a loss that fails, or gives many numbers.
    """
    name = "loss-output-mismatch"
    if subject.broken and subject.first.at != "loss":
        return not_judged(name, subject.broken)
    misfit = _misfit(subject) or _failure(subject)
    if misfit is None:
        if subject.call is None:
            return not_judged(name, "the loss is none that is known")
        return passed(name, f"{subject.kind} fits outputs and targets")
    severity, meaning, evidence = misfit
    return found(
        Finding(
            rule=name,
            severity=severity,
            meaning=meaning,
            remedy="Classes: one linear output for each, and CrossEntropyLoss on class numbers."
            " Quantities: a linear output of the target's shape, and MSELoss or HuberLoss.",
            source="notes n0, What loss function is appropriate; notes n3, Sanity Checking",
            evidence=evidence,
        ),
    )


def _failure(subject: Subject) -> Misfit | None:
    """Return why the loss fails, unless another check names it: labels, a missing sigmoid."""
    call = subject.call
    if not subject.first.failed:
        return None
    if call is not None:
        if call.kind == "binary-cross-entropy-of-probabilities":
            return None
        whole = not call.target.is_floating_point()
        if call.kind in OVER_CLASSES and whole and call.input.ndim > 1:
            wrong = (call.target >= call.input.shape[1]) | (call.target < 0)
            if wrong.any():
                return None
    evidence = {"failed": subject.first.failed}
    return "error", f"The loss fails on a batch: {subject.first.failed}.", {**evidence}


def _misfit(subject: Subject) -> Misfit | None:
    call = subject.call
    if call is None:
        return None
    if call.kind in OVER_CLASSES:
        return _classes_misfit(subject, call.input, call.target)
    if call.kind in BINARY:
        return _binary_misfit(call.input, call.target, call.kind)
    return _quantity_misfit(subject, call.input, call.target) if call.kind in REGRESSION else None


def _classes_misfit(subject: Subject, scores: Tensor, target: Tensor) -> Misfit | None:
    if scores.ndim > 1 and scores.shape[1] == 1:
        meaning = "Cross-entropy over a single class is always 0: there is nothing to learn."
        return "error", meaning, {"num_outputs": 1}
    if _are_quantities(subject.y) or (target.is_floating_point() and _are_quantities(target)):
        meaning = "A loss for classes is given targets that are quantities."
        return "error", meaning, {"lowest": float(target.min()), "highest": float(target.max())}
    ends = operation_name(last_operation(scores))
    if subject.kind == "cross-entropy" and ends in CUTS:
        meaning = f"The network ends in {ends}, which cuts the scores that cross-entropy needs."
        return "warning", meaning, {"ends_in": ends}
    return None


def _are_quantities(y: Tensor) -> bool:
    """Say whether targets are neither whole numbers nor shares."""
    if not y.is_floating_point() or not y.numel():
        return False
    shares = y.ndim > 1 and y.shape[1] > 1 and bool(((y >= 0) & (y <= 1)).all())
    return not shares and not bool((y == y.round()).all())


def _binary_misfit(scores: Tensor, target: Tensor, kind: str) -> Misfit | None:
    if _are_quantities(target) and bool(((target < 0) | (target > 1)).any()):
        meaning = "A loss for yes and no is given targets that are quantities."
        return "error", meaning, {"lowest": float(target.min()), "highest": float(target.max())}
    ends = operation_name(last_operation(scores))
    if kind == "binary-cross-entropy" and ends in CUTS_OF_YES_AND_NO:
        meaning = f"The network ends in {ends}, which cuts the scores that the loss needs."
        return "warning", meaning, {"ends_in": ends}
    return None


def _quantity_misfit(subject: Subject, outputs: Tensor, target: Tensor) -> Misfit | None:
    classes = _num_classes(subject.y)
    if classes and outputs.ndim > 1 and outputs.shape[1] == classes > 2:
        one_hot = target.shape == outputs.shape
        severity: Severity = "info" if one_hot else "error"
        meaning = "A loss for quantities is given classes; cross-entropy learns them faster."
        return severity, meaning, {"num_classes": classes, "loss": subject.kind}
    if classes > 2 and subject.task is None:
        meaning = "Class numbers are fitted as quantities, as if class 2 were twice class 1."
        return "warning", meaning, {"num_classes": classes, "loss": subject.kind}
    return _unreachable(outputs, target)


def _num_classes(y: Tensor) -> int:
    """Return C where targets are whole numbers by type, and all of 0 to C - 1; 0 otherwise."""
    if y.is_floating_point() or y.is_complex() or not y.numel() or y.ndim > 2:
        return 0
    values = torch.unique(y)
    counted = int(values[0]) == 0 and int(values[-1]) == len(values) - 1
    return len(values) if counted and len(values) <= max(2, y.numel() // 4) else 0


def _unreachable(outputs: Tensor, target: Tensor) -> Misfit | None:
    reach = reach_of(outputs)
    if reach is None:
        return None
    ends, low, high = reach
    share = share_out_of_reach(target, low, high)
    if share < OUT_OF_REACH_SHARE:
        return None
    meaning = f"The network ends in {ends}, which cannot give many of the targets."
    evidence = {"ends_in": ends, "share_out_of_reach": share, "lowest_target": float(target.min())}
    return "warning", meaning, {**evidence, "highest_target": float(target.max())}


def loss_sum_reduction(subject: Subject) -> Verdict:
    """Fires when the loss grows with the number of rows: reduction="sum".

    The same rows given twice double it. Gradients then are N times those of the mean, and so
    would the right learning rate be N times smaller; for Adam, which divides by their size, it
    is no more than a statement.
    """
    name, outputs = "loss-sum-reduction", subject.outputs
    if subject.broken:
        return not_judged(name, subject.broken)
    if outputs is None:
        return not_judged(name, "the output is not one tensor with a row a sample")
    ratio = _ratio_when_doubled(subject, outputs.detach())
    if ratio is None:
        return not_judged(name, "the loss is near 0, or fails on a batch of another size")
    if abs(ratio - 2.0) > 0.05:
        return passed(name, f"the loss of the same rows twice is {ratio:.3g} times that of once")
    return found(
        Finding(
            rule=name,
            severity="info" if subject.adaptive else "warning",
            meaning="The loss is a sum over rows: gradients grow with the batch size, and the"
            " usual learning rates are too high.",
            remedy='Take reduction="mean", or divide the learning rate by the batch size.',
            source="notes n3, Inter-dependence of Hyperparameters; PyTorch, reduction",
            evidence={"ratio": ratio, "rows": len(outputs)},
        ),
    )


def _ratio_when_doubled(subject: Subject, outputs: Tensor) -> float | None:
    y = subject.y[: len(outputs)]
    with torch.no_grad(), quiet():
        try:
            once = float(subject.loss_fn(outputs, y))
            twice = float(subject.loss_fn(torch.cat([outputs, outputs]), torch.cat([y, y])))
        except FAILURES:
            return None
    return twice / once if math.isfinite(twice) and abs(once) > 1e-6 else None
