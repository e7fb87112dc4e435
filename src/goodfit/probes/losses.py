"""What a loss is: its kind and options, read from the module or from the autograd graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    """Kind and options of a loss; ``kind`` is "" where it is not one that is known."""

    kind: str = ""
    label_smoothing: float = 0.0
    weight: Tensor | None = None
    pos_weight: Tensor | None = None
    reduction: str = "mean"
    ignore_index: int = -100
    delta: float = 1.0


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


def judged_by(loss: Tensor) -> Judged:
    """Return what a loss was computed from, read from its autograd graph before ``backward``.

    So a loss that is a plain function is known too. Kind "" where no known loss is found near
    the root, or where ``backward`` has freed the graph already.

    Example:
        >>> import torch
        >>> logits = torch.zeros(4, 3, requires_grad=True)
        >>> found = judged_by(nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0])))
        >>> found.facts.kind, found.targets.tolist()
        ('cross-entropy', [0, 1, 2, 0])
    """
    waiting, met = [loss.grad_fn], 0
    while waiting and met < MAX_NODES:
        node, met = waiting.pop(0), met + 1
        if node is None:
            continue
        kind = NODES.get(node_name(node))
        if kind:
            return _read(kind, node)
        waiting.extend(parent for parent, _ in node.next_functions)
    return Judged(LossFacts())


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
        ignore_index=int(getattr(node, "_saved_ignore_index", -100)),
    )
    return Judged(facts, outputs, targets)
