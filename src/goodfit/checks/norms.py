"""Checks of what regularises: dropout, weight decay, batch norm."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ..records import Finding, Verdict, found, not_judged, passed
from .inputs import FAILURES, feed, take_rows
from .observe import last_operation, operation_name
from .signals import first_tensor
from .subject import Subject

TINY_BATCH = 4
_DROPOUTS = (
    *(functional.dropout, functional.dropout1d, functional.dropout2d, functional.dropout3d),
    *(functional.alpha_dropout, functional.feature_alpha_dropout),
)
# What may stand between a dropout and a batch norm that it still disturbs.
_BETWEEN = (
    *("Relu", "LeakyRelu", "Elu", "Gelu", "Silu", "Tanh", "Sigmoid", "Softplus"),
    *("MaxPool2DWithIndices", "AvgPool2D", "MeanDim", "AdaptiveAvgPool2D"),
)


@dataclass
class _Seen(TorchFunctionMode):
    """Notes, while it is entered, dropouts with their effect, and what batch norms are given."""

    acting: set[Any] = field(default_factory=set)
    idle: int = 0
    normed: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is functional.batch_norm and args and isinstance(args[0], Tensor):
            self.normed.append(args[0])
        result = func(*args, **kwargs)
        if func in _DROPOUTS:
            rate = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
            training = kwargs.get("training", args[2] if len(args) > 2 else True)
            self.note(result, acts=bool(training), stated=float(rate) > 0.0)
        return result

    def note(self, result: Tensor, *, acts: bool, stated: bool) -> None:
        """Note one dropout of a rate above 0."""
        if stated and acts:
            self.acting.add(result.grad_fn if result.grad_fn is not None else id(result))
        elif stated:
            self.idle += 1


def _watch(subject: Subject) -> tuple[_Seen, nn.Module] | str:
    """Run a copy in training mode and note its dropouts and norms; or say why it cannot be."""
    if subject.first.at == "network":
        return subject.broken
    net, seen = subject.fresh_net().train(), _Seen()
    hooks = [module.register_forward_hook(_noting(seen)) for module in _own_dropouts(net)]
    # Graph nodes mark what came from where, so inputs need a gradient too.
    x = take_rows(subject.inputs(), slice(32))
    with seen:
        try:
            feed(net, x)
        except FAILURES as error:
            return f"the network fails: {error}"
    for hook in hooks:
        hook.remove()
    return seen, net


def _own_dropouts(net: nn.Module) -> Iterator[nn.Module]:
    """Yield dropout layers that are not torch's, which call no function that can be seen."""
    for module in net.modules():
        ours = not isinstance(module, nn.modules.dropout._DropoutNd)
        if ours and "dropout" in type(module).__name__.lower():
            yield module


def _noting(seen: _Seen) -> Any:
    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        before, after = first_tensor(inputs), first_tensor(output)
        if before is not None and after is not None and not torch.equal(before, after):
            seen.note(after, acts=True, stated=True)

    return note


def regularization_inert(subject: Subject) -> Verdict:
    """Fires when regularisation is stated and does nothing. Notes n3, Sanity Checking; n4, step 3.

    More of it should raise the training loss. What can be seen before training: a dropout of a
    rate above 0 that is not called, or is told that it is not training; a weight decay whose
    parameters are all frozen, or whose learning rate is 0; a recipe's decay or penalty where no
    weight that it pulls on is trained. Penalties beside the recipe, in a loss, are not seen.
    """
    name, seen = "regularization-inert", _watch(subject)
    if isinstance(seen, str):
        return not_judged(name, seen)
    stated = [m for m in seen[1].modules() if isinstance(m, nn.modules.dropout._DropoutNd)]
    num_stated, num_acting = sum(m.p > 0.0 for m in stated), len(seen[0].acting)
    decays = [group for each in subject.optimizers for group in each.param_groups]
    decays = [group for group in decays if group.get("weight_decay", 0.0) > 0.0]
    idle = [group for group in decays if not _decays(group)]
    if (num_stated or seen[0].idle) and not num_acting:
        meaning = "The network has dropout, and none of it acts while training."
        return _inert(meaning, {"num_dropouts": max(num_stated, seen[0].idle)})
    if idle:
        meaning = "A weight decay is set for parameters that are frozen, or with a rate of 0."
        return _inert(meaning, {"num_groups": len(idle), "of": len(decays)})
    if not all(subject.pulls.values()):
        meaning = "A decay is set, and none of the weights that it pulls on is trained."
        return _inert(meaning, {"decay": ", ".join(subject.pulls)})
    if not num_acting and not decays and not subject.pulls:
        return not_judged(name, "no dropout, no weight decay and no penalty can be seen")
    counted = f"{num_acting} dropouts and {len(decays) + len(subject.pulls)} decays act"
    return passed(name, f"{counted}: {', '.join(subject.pulls)}" if subject.pulls else counted)


def _decays(group: dict[str, Any]) -> bool:
    return float(group["lr"]) > 0.0 and any(p.requires_grad for p in group["params"])


def _inert(meaning: str, evidence: dict[str, float | int | str]) -> Verdict:
    return found(
        Finding(
            rule="regularization-inert",
            severity="warning",
            meaning=meaning,
            remedy="Call the dropout layers in forward, with training=self.training; give the"
            " optimiser the parameters that are trained.",
            source="notes n3, Sanity Checking; notes n4, step 3",
            evidence=evidence,
        ),
    )


def _batch_norms(net: nn.Module) -> list[nn.Module]:
    """Return the batch norms that take their statistics from the batch while training."""
    return [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def batch_norm_tiny_batch(subject: Subject) -> Verdict:
    """Fires when batch norm is given batches of four rows or fewer. Notes n3, complexities of BN.

    Its statistics are then mostly noise, and evaluation, which uses running ones, differs. A last
    batch of one row stops training with an error where a unit has one value a row.
    """
    name, net = "batch-norm-tiny-batch", subject.fresh_net().train()
    norms = [module for module in _batch_norms(net) if module.training]
    if not norms:
        return passed(name, "the network has no batch norm that is trained")
    sizes = subject.reading.sizes if subject.reading else (len(subject.y),)
    usual = int(statistics.median(sizes)) if sizes else 0
    dense = any(isinstance(module, nn.BatchNorm1d) for module in norms)
    single = subject.reading is not None and subject.reading.whole and 1 in sizes and dense
    if usual > TINY_BATCH and not single:
        return passed(name, f"batches have {usual} rows")
    meaning = (
        "Batch norm takes its statistics from a handful of rows: they are mostly noise."
        if usual <= TINY_BATCH
        else "One batch has a single row, from which batch norm can take no statistics."
    )
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning=meaning,
            remedy="Take larger batches, drop_last=True for a rest of one row, or a group norm or"
            " layer norm.",
            source="notes n3, Some Complexities of BN; Wu and He, Group Normalization, 2018",
            evidence={"batch_size": usual, "smallest": min(sizes), "num_norms": len(norms)},
        ),
    )


def dropout_before_batch_norm(subject: Subject) -> Verdict:
    """Fires when a dropout stands directly before a batch norm, activations and pooling aside.

    Dropout changes the variance while training and not in evaluation, so the norm's running
    statistics fit neither. Notes n3, Inter-dependence of Hyperparameters.
    """
    name, seen = "dropout-before-batch-norm", _watch(subject)
    if isinstance(seen, str):
        return not_judged(name, seen)
    acting, normed = seen[0].acting, seen[0].normed
    if not acting or not normed:
        return passed(name, "the network has not both dropout and batch norm")
    behind = sum(_comes_from(tensor, acting) for tensor in normed)
    if not behind:
        return passed(name, "no batch norm stands directly behind a dropout")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="A dropout stands before a batch norm: the variance differs between training"
            " and evaluation, and the norm's running statistics fit only one of them.",
            remedy="Put the dropout after the last batch norm, or leave one of them out.",
            source="notes n3, Inter-dependence of Hyperparameters; Li et al., Understanding the"
            " Disharmony between Dropout and Batch Normalization, 2019",
            evidence={"num_norms": behind},
        ),
    )


def _comes_from(tensor: Tensor, acting: set[Any]) -> bool:
    if id(tensor) in acting:
        return True
    node = tensor.grad_fn
    while node is not None and node not in acting:
        moved = last_operation(tensor) if node is tensor.grad_fn else node
        if moved in acting:
            return True
        if operation_name(moved) not in _BETWEEN:
            return False
        node = moved.next_functions[0][0]
    return node is not None
