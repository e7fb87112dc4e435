"""What a loss is: its kind and options, read from the module or from the autograd graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .graph import node_name

KINDS: dict[type[nn.Module], str] = {
    nn.CrossEntropyLoss: "cross-entropy",
    nn.NLLLoss: "nll",
    nn.BCEWithLogitsLoss: "binary-cross-entropy",
    nn.BCELoss: "binary-cross-entropy",
    nn.MSELoss: "mse",
    nn.L1Loss: "l1",
    nn.SmoothL1Loss: "huber",
    nn.HuberLoss: "huber",
}
# How deep below the loss its own node may lie: sums of penalties, scaling, means over parts.
MAX_NODES = 24


@dataclass(frozen=True)
class LossFacts:
    """Kind and options of a loss; ``kind`` is "" where it is not one that is known.

    ``composite`` says that the kind is that of one term, and the loss is something else.
    ``of_scores``: a binary cross-entropy takes scores, not probabilities.
    """

    kind: str = ""
    label_smoothing: float = 0.0
    weight: Tensor | None = None
    pos_weight: Tensor | None = None
    reduction: str = "mean"
    ignore_index: int = -100
    delta: float = 1.0
    composite: bool = False
    of_scores: bool = True


@dataclass(frozen=True)
class Judged:
    """What a loss was computed from: its facts, the network's outputs, the targets."""

    facts: LossFacts
    outputs: Tensor | None = None
    targets: Tensor | None = None


def facts_of(loss_fn: nn.Module) -> LossFacts:
    """Return kind and options of a loss module.

    Example:
        >>> facts_of(nn.CrossEntropyLoss(label_smoothing=0.1)).label_smoothing
        0.1
    """
    kind = next((kind for cls, kind in KINDS.items() if isinstance(loss_fn, cls)), "")
    return LossFacts(
        kind=kind,
        label_smoothing=float(getattr(loss_fn, "label_smoothing", 0.0)),
        weight=getattr(loss_fn, "weight", None),
        pos_weight=getattr(loss_fn, "pos_weight", None),
        reduction=str(getattr(loss_fn, "reduction", "mean")),
        ignore_index=int(getattr(loss_fn, "ignore_index", -100)),
        delta=float(getattr(loss_fn, "delta", getattr(loss_fn, "beta", 1.0))),
        of_scores=not isinstance(loss_fn, nn.BCELoss),
    )


NODES = {
    "NllLoss": "nll",
    "NllLoss2D": "nll",
    "BinaryCrossEntropyWithLogits": "binary-cross-entropy",
    "BinaryCrossEntropy": "binary-cross-entropy",
    "MseLoss": "mse",
    "SmoothL1Loss": "huber",
    "HuberLoss": "huber",
}
REDUCTIONS = ("none", "mean", "sum")
# A penalty may add so much to a loss, or take it away, before the loss is no longer its first term.
MAIN = 1.5
# By so much the share of a mixed target may leave [0, 1] by rounding.
ROUNDED = 1e-3


def judged_by(loss: Tensor) -> Judged:
    """Return what a loss was computed from, read from its autograd graph before ``backward``.

    So a loss that is a plain function is known too, and also whether it is no more than a term of
    what is trained (the terms of a variational autoencoder, two heads). MixUp's two terms, one of
    each target for the same outputs, are one loss with shares of classes for targets. Kind ""
    where no known loss is found near the root, or where ``backward`` has freed the graph already.

    Example:
        >>> import torch
        >>> logits = torch.zeros(4, 3, requires_grad=True)
        >>> found = judged_by(nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0])))
        >>> found.facts.kind, found.targets.tolist()
        ('cross-entropy', [0, 1, 2, 0])
    """
    terms = list(islice(_known_terms(loss), 2))
    if not terms:
        return Judged(LossFacts())
    return _mixed(terms, loss) or whole_or_term(terms[0], loss)


def _known_terms(loss: Tensor) -> Iterator[Judged]:
    """Yield the known losses of which a loss is made, the nearest to its root first."""
    waiting, met = [loss.grad_fn], 0
    while waiting and met < MAX_NODES:
        node, met = waiting.pop(0), met + 1
        if node is None:
            continue
        kind = NODES.get(node_name(node))
        if kind:
            yield _read(kind, node)
        else:
            waiting.extend(parent for parent, _ in node.next_functions)


def _mixed(terms: Sequence[Judged], loss: Tensor) -> Judged | None:
    """Return ``s loss(output, y) + (1 - s) loss(output, y[order])`` as one loss of mixed targets.

    The share s is what makes the sum right. None for other losses, as those of two heads.
    Source: Zhang et al., "mixup", ICLR 2018.
    """
    if len(terms) < 2 or not all(map(_is_of_classes, terms)) or loss.numel() != 1:
        return None
    (outputs, other), targets = [one.outputs for one in terms], [one.targets for one in terms]
    assert outputs is not None and other is not None
    if outputs.shape != other.shape or not torch.equal(outputs, other):
        return None
    one, two = (next(_alone(term)) for term in terms)
    share = (float(loss.detach()) - two) / (one - two) if one != two else 0.5
    if not -ROUNDED < share < 1.0 + ROUNDED:
        return None
    mixed = torch.zeros_like(outputs, requires_grad=False)
    for weight, y in zip((share, 1.0 - share), targets, strict=True):
        assert y is not None
        mixed = mixed + weight * F.one_hot(y, outputs.shape[1])
    facts = replace(terms[0].facts, kind="cross-entropy")
    return Judged(facts, outputs.detach(), mixed.clamp(0.0, 1.0))


def _is_of_classes(term: Judged) -> bool:
    """Return whether a term holds scores ``[N, C]`` against classes, all of which count."""
    y, outputs, facts = term.targets, term.outputs, term.facts
    if y is None or outputs is None or facts.kind not in ("cross-entropy", "nll"):
        return False
    plain = facts.reduction == "mean" and facts.weight is None
    return plain and outputs.dim() == 2 and y.dim() == 1 and bool((y >= 0).all())


def _read(kind: str, node: Any) -> Judged:
    try:
        outputs, targets = node._saved_self, node._saved_target
    except RuntimeError:
        return Judged(LossFacts())
    below = node.next_functions[0][0]
    if kind == "nll" and below is not None and node_name(below) == "LogSoftmax":
        kind = "cross-entropy"
    facts = LossFacts(
        kind=kind,
        weight=getattr(node, "_saved_weight", None),
        reduction=REDUCTIONS[getattr(node, "_saved_reduction", 1)],
        ignore_index=signed(int(getattr(node, "_saved_ignore_index", -100))),
        of_scores=node_name(node) != "BinaryCrossEntropy",
    )
    return Judged(facts, outputs, targets)


def signed(number: int) -> int:
    """Read a number as one of 64 bits with a sign: the graph gives -100 as 2^64 - 100.

    Example:
        >>> signed(2**64 - 100), signed(3)
        (-100, 3)
    """
    return number - 2**64 if number >= 2**63 else number


def whole_or_term(judged: Judged, loss: Tensor) -> Judged:
    """Mark a loss that is not, to a factor of 1.5, what its known term alone would be."""
    if judged.outputs is None or judged.targets is None or loss.numel() != 1:
        return judged
    heard = float(loss.detach())
    near = (heard / alone if alone else 0.0 for alone in _alone(judged))
    if any(1.0 / MAIN < ratio < MAIN for ratio in near) or heard == 0.0:
        return judged
    return replace(judged, facts=replace(judged.facts, composite=True))


def _alone(judged: Judged) -> Iterator[float]:
    """Yield what the known term may be by itself: of logits or of probabilities."""
    facts, outputs, targets = judged.facts, judged.outputs, judged.targets
    weights = {"weight": facts.weight, "reduction": "none"}
    calls: dict[str, tuple[Callable[..., Tensor], ...]] = {
        "binary-cross-entropy": (F.binary_cross_entropy_with_logits, F.binary_cross_entropy),
        "mse": (F.mse_loss,),
        "l1": (F.l1_loss,),
        "huber": (F.smooth_l1_loss,),
    }
    options = weights if facts.kind == "binary-cross-entropy" else {"reduction": "none"}
    reduction = facts.reduction if facts.reduction != "none" else "mean"
    if facts.kind in ("cross-entropy", "nll"):
        calls[facts.kind] = (F.nll_loss, F.cross_entropy)
        options = {**weights, "ignore_index": facts.ignore_index, "reduction": reduction}
    for call in calls.get(facts.kind, ()):
        try:
            with torch.no_grad():
                values = call(outputs, targets, **options)
        except (RuntimeError, ValueError, IndexError):
            continue
        yield float(values.sum() if reduction == "sum" else values.mean())
