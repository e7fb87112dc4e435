"""Checks of how the network is wired: rows, inputs, gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..records import Finding, Severity, Verdict, found, not_judged, passed
from .generic import at_generic_weights, generic_net, of_unit_size
from .inputs import FAILURES, Inputs, feed, map_inputs, take_rows, tensors_of
from .observe import gradients
from .subject import LOOKED_AT_ROWS, Subject, without_dropout

MIXED_ROWS = 8
IGNORED_SHARE = 0.5
POSITIONS = 32


def _answer(net: nn.Module, x: Inputs, seed: int) -> Tensor | None:
    """Return the outputs, drawn noise alike each time; None where they are not one tensor."""
    torch.manual_seed(seed)
    with torch.no_grad():
        try:
            outputs = feed(net, x)
        except FAILURES:
            return None
    whole = isinstance(outputs, Tensor) and outputs.ndim > 0 and outputs.is_floating_point()
    return outputs if whole and bool(torch.isfinite(outputs).all()) else None


def batch_mixing(subject: Subject) -> Verdict:
    """Fires when the output for one row depends on the other rows of its batch.

    Each of a few rows is exchanged, and the others' outputs must stay: in evaluation mode, so
    that batch norm, which mixes by design, does not. Found so are a ``view`` that takes the
    wrong dimension for the batch, a softmax over rows, attention with ``batch_first`` wrong.
    """
    name, subject = "batch-mixing", subject.clean
    if subject.first.at == "network" or len(subject.y) < 3:
        return not_judged(name, subject.broken or "it takes three rows or more")
    net = generic_net(subject)
    if any(getattr(m, "track_running_stats", True) is False for m in net.modules()):
        return not_judged(name, "a norm takes its statistics from the batch in evaluation too")
    rows = torch.arange(min(MIXED_ROWS, len(subject.y)))
    x = of_unit_size(take_rows(subject.inputs(), rows))
    before = _answer(net, x, subject.seeds[0])
    if before is None:
        return not_judged(name, "the output is not one tensor of finite numbers")
    if len(before) != len(rows) or _time_first(net, subject):
        return not_judged(name, "the outputs do not have one row a sample in dimension 0")
    moved = [_moved(net, x, before, row, subject.seeds[0]) for row in range(len(rows))]
    if max(moved) < 1e-4:
        return passed(name, "no row's output depends on another row")
    return found(
        Finding(
            rule=name,
            severity="error",
            meaning="The output for a row depends on other rows of the batch: a view, softmax or"
            " attention runs over the batch.",
            remedy="Keep the batch in dimension 0: flatten(1), dim=1, batch_first=True; permute"
            " before view.",
            source="notes n3, Sanity Checking; Karpathy, A Recipe for Training Neural Networks",
            evidence={"largest_change": max(moved), "rows": len(rows)},
        ),
    )


def _time_first(net: nn.Module, subject: Subject) -> bool:
    """Say whether rows may stand in dimension 1: a sequence module has them there."""
    time_first = any(getattr(module, "batch_first", True) is False for module in net.modules())
    return time_first and subject.y.ndim > 1


def _moved(net: nn.Module, x: Inputs, before: Tensor, row: int, seed: int) -> float:
    """Return the largest relative change of other rows' outputs when one row is exchanged."""
    others = torch.arange(len(before)) != row
    order = torch.arange(len(before))
    order[row] = (row + 1) % len(before)
    after = _answer(net, take_rows(x, order), seed)
    if after is None or after.shape != before.shape:
        return 0.0
    size = float(before.abs().max()) + 1e-12
    return float((after - before)[others].abs().max()) / size


def input_ignored(subject: Subject) -> Verdict:
    """Fires when the output does not depend on the input, or not on most of it.

    At generic weights, so that a last layer that starts at 0 does not hide it, values are
    exchanged between rows, and the outputs do not change: all values; for floats, those whose
    gradient is exactly 0 for every row; for token ids, one position after the other.
    """
    name, subject = "input-ignored", subject.clean
    if subject.first.at == "network" or len(subject.y) < 2:
        return not_judged(name, subject.broken or "it takes two rows or more")
    net = generic_net(subject)
    x = of_unit_size(take_rows(subject.inputs(), slice(32)))
    share = _ignored_share(net, x, subject.seeds[0])
    if share is None:
        return not_judged(name, "the output is not one tensor of finite numbers")
    if share <= IGNORED_SHARE:
        return passed(name, f"the output depends on {1 - share:.0%} of the input")
    return found(
        Finding(
            rule=name,
            severity="error" if share == 1.0 else "warning",
            meaning="The output does not depend on the input."
            if share == 1.0
            else "The output depends on a small part of the input only.",
            remedy="Look in forward for a variable that is overwritten or left unused, a slice"
            " that is too short, a product with 0.",
            source="notes n3, Sanity Checking; Karpathy, A Recipe for Training Neural Networks",
            evidence={"ignored_share": share},
        ),
    )


def _ignored_share(net: nn.Module, x: Inputs, seed: int) -> float | None:
    before = _answer(net, x, seed)
    if before is None:
        return None
    after = _answer(net, map_inputs(lambda tensor: tensor.roll(1, 0), x), seed)
    if after is None or after.shape != before.shape or _same(after, before):
        return None if after is None or after.shape != before.shape else 1.0
    if not all(tensor.is_floating_point() for tensor in tensors_of(x)):
        return _without_effect(net, x, before, seed)
    unused = _without_gradient(net, x, seed)
    exchanged = _answer(net, _with_exchanged(x, unused), seed)
    if exchanged is None or not _same(exchanged, before):
        return 0.0
    return sum(int(part.sum()) for part in unused) / sum(part.numel() for part in unused)


def _same(one: Tensor, other: Tensor) -> bool:
    return float((one - other).abs().max()) <= 1e-6 * float(other.abs().max())


def _without_gradient(net: nn.Module, x: Inputs, seed: int) -> list[Tensor]:
    """Return which values of a row have no gradient from any output, for any row."""
    x = map_inputs(lambda tensor: tensor.detach().clone().requires_grad_(), x)
    torch.manual_seed(seed)
    outputs, parts = feed(net, x), tensors_of(x)
    if not outputs.requires_grad:
        return [torch.ones_like(part[0], dtype=torch.bool) for part in parts]
    weights = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(seed))
    total = (outputs * weights.to(outputs)).sum()
    return [
        torch.ones_like(part[0], dtype=torch.bool) if gradient is None else (gradient == 0).all(0)
        for part, gradient in zip(parts, gradients(total, parts), strict=True)
    ]


def _with_exchanged(x: Inputs, chosen: list[Tensor]) -> Inputs:
    """Return inputs whose chosen values come from the next row: no output may change by them."""
    left = iter(chosen)
    return map_inputs(lambda tensor: torch.where(next(left), tensor.roll(1, 0), tensor), x)


def _without_effect(net: nn.Module, x: Inputs, before: Tensor, seed: int) -> float | None:
    """Return the share of positions whose exchange between rows changes no output."""
    kept = tried = 0
    for number, tensor in enumerate(tensors_of(x)):
        width = tensor[0].numel()
        for position in range(0, width, max(1, width // POSITIONS)):
            flat = tensor.reshape(len(tensor), -1)
            if bool((flat[:, position] == flat[0, position]).all()):
                continue
            after = _answer(net, _exchanged(x, number, position), seed)
            tried += 1
            kept += int(after is not None and torch.equal(after, before))
    return kept / tried if tried else None


def _exchanged(x: Inputs, number: int, position: int) -> Inputs:
    """Return inputs with one position of one tensor taken from the next row."""
    target = tensors_of(x)[number]

    def change(tensor: Tensor) -> Tensor:
        if tensor is not target:
            return tensor
        flat = tensor.reshape(len(tensor), -1).clone()
        flat[:, position] = flat[:, position].roll(1)
        return flat.reshape(tensor.shape)

    return map_inputs(change, x)


def no_gradient(subject: Subject) -> Verdict:
    """Fires when no gradient reaches a parameter. Notes n3, Importance of gradient flow.

    Unconnected in the graph, or exactly 0 at generic weights too (a step function, a product
    with 0): a zero that comes from the start alone, as behind a last layer of zeros, is none of
    it. Parameters that are frozen (``requires_grad=False``) are a choice, and stated.
    """
    name, subject = "no-gradient", subject.clean
    parameters = dict(subject.net.named_parameters())
    frozen = [key for key, parameter in parameters.items() if not parameter.requires_grad]
    if not parameters:
        return not_judged(name, "the network has no parameters to train")
    if len(frozen) == len(parameters):
        meaning = "Every parameter is frozen: nothing will be trained."
        thaw = "Unfreeze what is to be trained: requires_grad_(True)."
        return _unreached(frozen, parameters, "error", meaning, thaw)
    if subject.broken:
        return not_judged(name, subject.broken)
    unreached = _unreached_names(subject)
    if unreached:
        all_of_them = len(unreached) == len(parameters) - len(frozen)
        meaning = "No gradient reaches some parameters, so they will never change."
        return _unreached(unreached, parameters, "error" if all_of_them else "warning", meaning)
    if frozen:
        meaning = "Some parameters are frozen (requires_grad=False) and stay as they are."
        meant = "Nothing, if that is meant; requires_grad_(True) unfreezes them."
        return _unreached(frozen, parameters, "info", meaning, meant)
    return passed(name, f"a gradient reaches each of {len(parameters)} parameters")


def _unreached(
    names: Sequence[str],
    parameters: dict[str, nn.Parameter],
    severity: Severity,
    meaning: str,
    remedy: str = "Use them in forward, and look for detach, no_grad, item, argmax or round between"
    " them and the loss.",
) -> Verdict:
    return found(
        Finding(
            rule="no-gradient",
            severity=severity,
            meaning=meaning,
            remedy=remedy,
            source="notes n3, Analysis of Non-Linear Function",
            evidence={"num_parameters": len(names), "of": len(parameters)},
            where=", ".join(names[:3]),
        ),
    )


def _unreached_names(subject: Subject) -> list[str]:
    given = without_dropout(subject.fresh_net().train())
    generic = at_generic_weights(without_dropout(subject.fresh_net().train()))
    here, there = _reached(subject, given), _reached(subject, generic)
    return [
        key
        for key, parameter in given.named_parameters()
        if parameter.requires_grad and not (here[key] or there[key])
    ]


def _reached(subject: Subject, net: nn.Module) -> dict[str, bool]:
    """Say for each parameter whether a gradient reaches it; a vector's may be exactly 0.

    A bias before a batch norm has a gradient of 0 by design, so a connection is enough there.
    """
    named = list(net.named_parameters())
    trained = [parameter for _, parameter in named if parameter.requires_grad]
    loss = subject.run(net, slice(LOOKED_AT_ROWS)).loss
    if loss is None or not loss.requires_grad:
        return dict.fromkeys([key for key, _ in named], False)
    found_by = iter(gradients(loss, trained))
    return {key: _counts(next(found_by)) if p.requires_grad else True for key, p in named}


def _counts(gradient: Tensor | None) -> bool:
    if gradient is None:
        return False
    return gradient.ndim < 2 or bool(gradient.count_nonzero())
