"""Check of what the optimiser was handed."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn

from ..records import Finding, Verdict, found, not_judged, passed
from .observe import leaves_of
from .subject import Subject


def not_in_optimizer(subject: Subject) -> Verdict:
    """Fires when a parameter that wants a gradient is in no optimiser: it will never change.

    Typical of layers made after the optimiser, or of a network that was copied after. Layers in
    a plain list, dict or closure are none of the network's parameters at all; they are found in
    the graph of the outputs, as tensors that ask for a gradient, and that no optimiser has.
    Notes n0, optimisers; PyTorch, torch.optim and nn.ModuleList.
    """
    name, net = "not-in-optimizer", subject.original
    if not subject.optimizers or net is None:
        return not_judged(name, "no optimiser was given")
    known = {
        id(p) for each in subject.optimizers for group in each.param_groups for p in group["params"]
    }
    wanted = {key: p for key, p in net.named_parameters() if p.requires_grad}
    left_out = [key for key, parameter in wanted.items() if id(parameter) not in known]
    hidden = _hidden_parameters(subject, net, known)
    if not left_out and not hidden:
        return passed(name, f"the optimiser has all {len(wanted)} parameters")
    num_left_out, num_wanted = len(left_out) + len(hidden), len(wanted) + len(hidden)
    evidence = {"num_parameters": num_left_out, "of": num_wanted}
    unknown = " Some are unknown to the network itself: they stand in a plain list or dict."
    return found(
        Finding(
            rule=name,
            severity="error" if num_left_out == num_wanted else "warning",
            meaning="Parameters that want a gradient are in no optimiser: they never change."
            + (unknown if hidden else ""),
            remedy="Make the optimiser from net.parameters(), after the last layer was added;"
            " keep layers in a ModuleList.",
            source="notes n0, optimisers; PyTorch, torch.optim",
            evidence={**evidence, "num_unregistered": len(hidden)} if hidden else {**evidence},
            where=", ".join(left_out[:3]),
        ),
    )


def _hidden_parameters(subject: Subject, net: nn.Module, known: set[int]) -> list[Tensor]:
    """Return leaves of the outputs' graph that are neither the network's nor an optimiser's.

    On a copy, whose memo tells of which tensor each leaf is a copy; what a closure holds is not
    copied, and is its own.
    """
    if subject.clean.broken:
        return []
    memo: dict[int, Any] = {}
    copied = copy.deepcopy(net, memo)
    original = {id(made): key for key, made in memo.items() if isinstance(made, Tensor)}
    outputs = subject.clean.run(copied.train(), slice(2)).outputs
    own = {id(parameter) for parameter in copied.parameters()}
    leaves = {id(leaf): leaf for output in _outputs_of(outputs) for leaf in leaves_of(output)}
    return [
        leaf
        for place, leaf in leaves.items()
        if place not in own and original.get(place, place) not in known
    ]


def _outputs_of(outputs: Any) -> list[Tensor]:
    """Return the tensors among outputs of any form that have a graph."""
    if isinstance(outputs, Tensor):
        return [outputs] if outputs.requires_grad else []
    parts = outputs.values() if isinstance(outputs, dict) else outputs
    if not isinstance(outputs, dict | list | tuple):
        return []
    return [tensor for part in parts for tensor in _outputs_of(part)]
