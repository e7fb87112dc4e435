"""Rules about layers: units that are dead or saturated, gradients that vanish or explode."""

from __future__ import annotations

from ..records import Finding, History, Verdict, found, not_judged, passed
from .numbers import finite, median

DEAD_SHARE = 0.9
SATURATED_SHARE = 0.8


def dead_units(history: History) -> Verdict:
    """Fires when nearly all units of an activation give the same for every sample.

    A unit counts as dead when it did so over 512 rows or more of different batches; ReLU's
    ordinary zeros are not death. Fires at 90 % of a layer's units, in the latest looks. Abstains
    where no activation was seen for so long. Notes n4, dead ReLU.
    """
    name = "dead-units"
    shares = [
        (median(layer.dead_share[-3:]), layer.name)
        for layer in history.looks.layers
        if len(finite(layer.dead_share[-3:]))
    ]
    if not shares:
        return not_judged(name, "no activation was seen on 512 rows")
    worst, where = max(shares)
    if worst < DEAD_SHARE:
        return passed(name, f"at most {100 * worst:.0f} % of a layer's units are dead")
    return found(
        Finding(
            rule=name,
            severity="error" if worst > 0.999 else "warning",
            meaning="Units give the same for every sample: nothing passes through them.",
            remedy="Lower the learning rate, start biases at 0 or slightly above, or use a leaky "
            "activation.",
            source="notes n4, dead ReLU",
            evidence={"dead_share": worst},
            where=where,
            step=history.looks.step[-1],
        )
    )


def saturated_units(history: History) -> Verdict:
    """Fires when most of a bounded activation's output lies in its flat ends.

    There the slope, and with it the gradient, is next to 0. Fires at 80 % over the latest looks.
    Abstains where there is no bounded activation. Notes n3, Sigmoid; n4, 1.
    """
    name = "saturated-units"
    shares = [
        (median(layer.saturated_share[-3:]), layer.name)
        for layer in history.looks.layers
        if len(finite(layer.saturated_share[-3:]))
    ]
    if not shares:
        return not_judged(name, "no bounded activation was seen")
    worst, where = max(shares)
    if worst < SATURATED_SHARE:
        return passed(name, f"at most {100 * worst:.0f} % of a layer's output is saturated")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="The activation sits in its flat ends, where no gradient passes.",
            remedy="Use smaller initial weights (Xavier), scaled inputs, or a norm before it.",
            source="notes n3, Sigmoid Function; notes n4, Weight Initialization",
            evidence={"saturated_share": worst},
            where=where,
            step=history.looks.step[-1],
        )
    )
