"""The check whether anything bends between the layers of a network."""

from __future__ import annotations

from ..probes.straight import line_of
from ..records import Finding, Verdict, found, not_judged, passed
from .subject import Subject


def no_activation(subject: Subject) -> Verdict:
    """Fires when all layers make one straight line: several in a row can do what one can.

    Read off the operations of one pass. Not where a layer is narrower than inputs and outputs: that
    makes a line of low rank, and is meant. Notes n3, Linear and Non-Linear Modules.
    """
    name, outputs = "no-activation", subject.outputs
    if outputs is None:
        return not_judged(
            name, subject.broken or "the output is not one tensor with a row a sample"
        )
    num, of = line_of(subject.net, outputs)
    if not num:
        return passed(name, f"{of} weights, and they do not make one straight line")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning=f"The network is one straight line: no activation stands between its {of}"
            " layers.",
            remedy="Put an activation, as ReLU, behind each layer but the last.",
            source="notes n3, Linear and Non-Linear Modules",
            evidence={"num_layers": num},
        ),
    )
