"""Checks of the targets: their range, their order, their shares."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..records import Finding, Verdict, found, not_judged, passed
from .observe import BINARY, OVER_CLASSES
from .subject import Subject

RARE_SHARE, FEW_OF_A_CLASS = 0.3, 50.0
SORTED_SHARE = 0.5
FEWEST_BATCHES, FEWEST_ROWS = 3, 4


def label_out_of_range(subject: Subject) -> Verdict:
    """Fires when a target is none that the loss can take.

    Class numbers run from 0 to C - 1, where C is the number of outputs (``ignore_index`` is
    allowed); targets of binary cross-entropy lie in [0, 1], shares of classes sum to 1; no target
    is NaN. On a GPU a wrong class number is an assertion without a line, or silence.
    """
    name = "label-out-of-range"
    if not len(subject.y):
        return not_judged(name, "there are no targets")
    wrong = torch.cat([_wrong(subject, y) for y in targets_of(subject)])
    if not wrong.numel():
        if subject.call is None:
            return not_judged(name, subject.broken or "the loss is none that is known")
        return passed(name, "every target is one that the loss can take")
    return found(
        Finding(
            rule=name,
            severity="error",
            meaning="Some targets are none that the loss can take: outside the classes that the"
            " network has outputs for, outside [0, 1], or not a number.",
            remedy="Count classes from 0 to C - 1 and give the network C outputs; mark what is to"
            " be left out with ignore_index.",
            source="notes n3, Sanity Checking; PyTorch, CrossEntropyLoss",
            evidence={
                "num_wrong": wrong.numel(),
                "example": float(wrong[0]),
                "num_classes": _num_classes(subject),
            },
        ),
    )


def targets_of(subject: Subject) -> tuple[Tensor, ...]:
    """Return the targets of each batch that was read, as the loss gets them."""
    return subject.reading.targets if subject.reading else (subject.y,)


def _wrong(subject: Subject, y: Tensor) -> Tensor:
    """Return the targets, of one batch, that the loss cannot take."""
    target, call = subject.as_target(y), subject.call
    if target.is_floating_point() and not torch.isfinite(target).all():
        return target[~torch.isfinite(target)].float()
    if call is None:
        return torch.empty(0)
    if call.kind in BINARY:
        return target[(target < 0) | (target > 1)].float() if _yes_or_no(target) else _NOTHING
    if call.kind not in OVER_CLASSES or call.input.ndim < 2 or call.input.shape[1] < 2:
        return _NOTHING
    if target.is_floating_point():
        return _wrong_shares(target) if target.shape == call.input.shape else _NOTHING
    allowed = target == int(call.options.get("ignore_index", -100))
    return target[((target < 0) | (target >= call.input.shape[1])) & ~allowed].float()


_NOTHING = torch.empty(0)


def _yes_or_no(target: Tensor) -> bool:
    """Say whether targets are whole numbers or shares; quantities are another check's matter."""
    inside = bool(((target >= 0) & (target <= 1)).all())
    return inside or not target.is_floating_point() or bool((target == target.round()).all())


def _wrong_shares(target: Tensor) -> Tensor:
    """Return shares of classes that are negative, or whose sum is not 1."""
    sums = target.sum(1)
    return torch.cat([target[target < 0], sums[(sums - 1.0).abs() > 0.01]]).float()


def _num_classes(subject: Subject) -> int:
    call = subject.call
    return call.input.shape[1] if call and call.input.ndim > 1 else 2


def labels_sorted(subject: Subject) -> Verdict:
    """Fires when batches hold one class, or targets of one size, where they should be mixed.

    Measured by the share of the targets' variance (of class indicators, or of the quantity) that
    lies between batches instead of within them; shuffled rows have ``(B - 1)/(N - 1)`` of it
    between B batches. Rows that are mixed within a batch (shares of classes) leave its mean as it
    was. Each step then unlearns what the step before has learned. Notes n0, mini-batches; Bengio,
    Practical recommendations, 2012, shuffling.
    """
    name = "labels-sorted"
    batches = [
        y if _are_shares(y) else y.flatten()
        for y in targets_of(subject)
        if len(y) >= FEWEST_ROWS and (y.ndim == 1 or y.shape[1:] == (1,) or _are_shares(y))
    ]
    if len(batches) < FEWEST_BATCHES or subject.goal is None:
        return not_judged(name, "it takes three batches or more, with one target a row")
    between, expected = _share_between(batches, classes=subject.goal == "classification")
    if math.isnan(between):
        return _one_class(subject, batches)
    excess = (between - expected) / (1.0 - expected) if expected < 1.0 else 0.0
    if excess < SORTED_SHARE:
        return passed(name, f"{between:.2g} of the targets' variance lies between batches")
    evidence = {"share_between_batches": between, "share_if_shuffled": expected}
    return _sorted({**evidence, "num_batches": len(batches)})


def _sorted(evidence: dict[str, float | int | str]) -> Verdict:
    return found(
        Finding(
            rule="labels-sorted",
            severity="warning",
            meaning="The batches are not mixed: each holds one class, or targets of one size, so"
            " each step unlearns what the step before has learned.",
            remedy="Shuffle the training part: DataLoader(..., shuffle=True).",
            source="notes n0, mini-batches; Bengio, Practical Recommendations, 2012",
            evidence=evidence,
        ),
    )


def _one_class(subject: Subject, batches: list[Tensor]) -> Verdict:
    """Judge batches that all hold the same target: the rest may not have come yet."""
    num_rows = sum(len(y) for y in batches)
    if subject.reading is None or subject.reading.whole:
        return not_judged("labels-sorted", "all targets are the same")
    return _sorted({"num_classes_seen": 1, "num_rows": num_rows})


def _share_between(batches: Sequence[Tensor], *, classes: bool) -> tuple[float, float]:
    """Return the share of variance between batches, and what shuffling leaves of it."""
    values = torch.cat(list(batches)).double()
    groups = torch.repeat_interleave(torch.tensor([len(y) for y in batches]))
    if values.ndim > 1:
        columns = values
    elif classes:
        codes = torch.unique(values, return_inverse=True)[1]
        columns = torch.nn.functional.one_hot(codes).double() if codes.max() < 1000 else None
    else:
        columns = values[:, None]
    if columns is None:
        return 0.0, 0.0
    centred = columns - columns.mean(0)
    total = float(centred.square().sum())
    if total == 0.0:
        return math.nan, 0.0
    sums = torch.zeros(len(batches), columns.shape[1], dtype=torch.double)
    sums.index_add_(0, groups, centred)
    sizes = torch.tensor([len(y) for y in batches], dtype=torch.double)
    between = float((sums.square() / sizes[:, None]).sum()) / total
    return between, (len(batches) - 1) / max(1, len(values) - 1)


def class_imbalance(subject: Subject) -> Verdict:
    """Fires when the rarest class has under three tenths of an equal share of the rows.

    (15 % of two classes. Programs that had 0.25 to 0.29 were harmed; healthy ones have 0.7 and
    more, or weigh their classes.) Silent where the loss weighs the rarest class more than the
    most frequent one (``weight``, ``pos_weight``); where it weighs it less, rows count by their
    weight. Silent too where so few rows were seen that chance could have done it (three standard
    deviations of a count). Soft targets count by their shares.
    """
    name, counts = "class-imbalance", class_counts(subject)
    if len(counts) < 2:
        return not_judged(name, "the target is a quantity, or classes cannot be counted")
    weights, rarest = _weights(subject, len(counts)), counts.index(min(counts))
    if weights[rarest] > weights[counts.index(max(counts))]:
        return passed(name, f"the rarest class has {min(counts)} rows, and the loss weighs it more")
    weighted = [count * weight for count, weight in zip(counts, weights, strict=True)]
    share = weighted[rarest] * len(weighted) / (sum(weighted) or 1.0)
    few = sum(counts) / len(counts) < FEW_OF_A_CLASS
    chance = 3.0 / math.sqrt(counts[rarest]) if few and counts[rarest] else 0.0
    if share * (1.0 + chance) >= RARE_SHARE:
        return passed(name, f"the rarest class has {share:.2g} of an equal share, as it is weighed")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="One class is rare: accuracy looks good for a model that never predicts it.",
            remedy="Judge by the confusion matrix and log loss; collect or weigh the rare class.",
            source="notes n3, Relationship Between Loss and Other Metrics",
            evidence={
                "rarest": min(counts),
                "most_frequent": max(counts),
                "majority_accuracy": max(counts) / sum(counts),
            },
        ),
    )


def _weights(subject: Subject, num: int) -> Sequence[float]:
    """Return what the loss multiplies the rows of each of ``num`` classes by."""
    options = subject.call.options if subject.call else {}
    weight, positive = options.get("weight"), options.get("pos_weight")
    if weight is not None and weight.shape == (num,):
        return weight.detach().double().tolist()
    if positive is not None and positive.numel() == 1 and num == 2:
        return 1.0, float(positive)
    return [1.0] * num


def _are_shares(target: Tensor) -> bool:
    """Say whether targets are shares of classes, a row each, as under MixUp."""
    shares = target.ndim == 2 and target.shape[1] > 1 and target.is_floating_point()
    return shares and not _wrong_shares(target).numel()


def class_counts(subject: Subject) -> tuple[int, ...]:
    """Return the rows of each class: as given, or counted in what was read; () if unknown."""
    if subject.class_counts:
        return subject.class_counts
    if subject.goal != "classification":
        return ()
    if subject.call is not None and subject.call.kind in OVER_CLASSES:
        soft = [y for y in map(subject.as_target, targets_of(subject)) if _are_shares(y)]
        if soft:
            return tuple(round(float(count)) for count in torch.cat(soft).double().sum(0))
    targets = [
        subject.as_target(y) for y in targets_of(subject) if y.ndim == 1 or y.shape[1:] == (1,)
    ]
    if not targets or any(y.ndim > 1 and y.shape[1:] != (1,) for y in targets):
        return ()
    values = torch.cat([y.flatten() for y in targets]).double().cpu().numpy()
    values = values[np.isfinite(values)]
    if len(values) == 0 or (values != np.round(values)).any() or values.min() < 0:
        return ()
    num_classes = max(_num_classes(subject), int(values.max()) + 1)
    if num_classes > len(values):
        return ()
    return tuple(int(count) for count in np.bincount(values.astype(int), minlength=num_classes))
