"""Checks of how the weights start: equal units, signals that fade or grow, dead units."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ..probes.alike import Alike
from ..records import (
    SATURATED_SHARE,
    Finding,
    Signal,
    Verdict,
    fades,
    fading,
    found,
    grows_or_saturates,
    growth,
    mean_gain,
    not_judged,
    passed,
    spread_by_layer,
    start_spread,
)
from .attention import peaked_share
from .inputs import feed, take_rows
from .observe import gradients
from .signals import activations, layer_signals
from .subject import LOOKED_AT_ROWS, Subject, quiet, without_dropout

FLAT_TANH, FLAT_SIGMOID = 0.99, 0.01
SYMMETRY_STEPS = 3
DEAD_PARTS = 4


def symmetric_init(subject: Subject) -> Verdict:
    """Fires when all units of a layer start alike and stay alike. Notes n3, A Poor Initialization.

    Units with the same weights get the same gradient, so a layer of them is one unit. A last layer
    that starts at 0 is not meant: classes pull its units apart at the first step. So a copy makes
    three steps, and units of zeros must be equal still. Hidden dense and convolutional layers that
    start at one other number fire as they are: drawn biases or dropout part their units, but late.
    """
    name, subject = "symmetric-init", subject.clean
    if subject.broken:
        return not_judged(name, subject.broken)
    net = without_dropout(subject.fresh_net().train())
    alike = Alike(net)
    if not alike.held:
        return passed(name, "units of a layer start with different weights")
    _descend(subject, net)
    places = sorted(alike.drawn | alike.still())
    if not places:
        return passed(name, "units that start alike are pulled apart by the first steps")
    return found(
        Finding(
            rule=name,
            severity="error",
            meaning="All units of a layer start with the same weights, get the same gradients, and"
            " stay the same: the layer is as good as one unit.",
            remedy="Draw weights at random: He for ReLU, Xavier for tanh; only biases, and the"
            " last layer of a residual branch, may start at 0.",
            source="notes n3, A Poor Initialization; notes n4, What if W=0",
            evidence={"num_layers": len(places), "steps": SYMMETRY_STEPS},
            where=", ".join(places[:3]),
        ),
    )


def _descend(subject: Subject, net: nn.Module) -> None:
    """Make a few steps down the gradient, each a tenth of the weights' size."""
    x, y = take_rows(subject.inputs(), slice(LOOKED_AT_ROWS)), subject.y[:LOOKED_AT_ROWS]
    trained = [p for p in net.parameters() if p.requires_grad]
    for _ in range(SYMMETRY_STEPS):
        with quiet():
            loss = subject.loss_fn(feed(net, x), y)
        if not loss.requires_grad:
            return
        pairs = zip(trained, gradients(loss, trained), strict=True)
        _move(trained, [torch.zeros_like(p) if g is None else g for p, g in pairs])


def _move(trained: list[nn.Parameter], downhill: list[Tensor]) -> None:
    steepness = math.sqrt(sum(float(g.square().sum()) for g in downhill))
    if steepness == 0.0 or not math.isfinite(steepness):
        return
    size = math.sqrt(sum(float(p.detach().square().sum()) for p in trained)) or 1.0
    with torch.no_grad():
        for parameter, gradient in zip(trained, downhill, strict=True):
            parameter.sub_(gradient, alpha=0.1 * size / steepness)


def init_too_large(subject: Subject) -> Verdict:
    """Fires when weights start so large that the signal grows, or saturates. Notes n3, n4.

    That is, a mean gain ``rms(W) * sqrt(fan_in)`` of the hidden layers over 2 (He has 1.41),
    and a spread of the outputs over eight times the inputs', or most of the outputs of a tanh or
    sigmoid in its flat ends. Behind a normalisation large weights do no harm; but in attention
    they multiply each other: so also where half of a layer's queries, or more, have over 0.99 of
    their weight on a single key.
    """
    name, subject = "init-too-large", subject.clean
    signals = _signals(subject)
    if isinstance(signals, str):
        return not_judged(name, signals)
    gain, grown, saturated = mean_gain(signals), growth(signals), _saturated_share(subject)
    peaked = _peaked_share(subject)
    if not grows_or_saturates(signals, saturated) and peaked < SATURATED_SHARE:
        return passed(name, f"hidden layers have a mean gain of {gain:.2g}")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="The weights start too large: signals grow from layer to layer, or units"
            " begin in the flat ends of their activation, where there is no gradient.",
            remedy="Take He initialisation for ReLU, Xavier for tanh and sigmoid, or a"
            " normalisation between layers.",
            source="notes n3, Limitation of Small Weights; notes n4, Large random numbers",
            evidence={
                "mean_gain": gain,
                "growth": grown,
                "saturated_share": max(saturated, peaked),
            },
            curve=spread_by_layer(signals),
        ),
    )


def init_too_small(subject: Subject) -> Verdict:
    """Fires when weights start so small that the signal fades. Notes n3, n4, Small random numbers.

    That is, a mean gain ``rms(W) * sqrt(fan_in)`` of the hidden layers under 0.3 (PyTorch
    starts with 0.58), and a spread over rows, before the last layer, of under a thousandth of
    what goes in: gradients are as small, and the loss stays flat at first. Or, at any gain, a
    spread of under a millionth: the product over many layers.
    """
    name, subject = "init-too-small", subject.clean
    signals = _signals(subject)
    if isinstance(signals, str):
        return not_judged(name, signals)
    gain, left = mean_gain(signals), fading(signals)
    if not fades(signals):
        return passed(name, f"{left:.2g} of the signal is left before the last layer")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="The weights start too small: little of the input's differences is left"
            " before the last layer, and gradients are as small.",
            remedy="Take He initialisation for ReLU, Xavier for tanh and sigmoid, or a"
            " normalisation between layers.",
            source="notes n3, Limitation of Small Weights; notes n4, Small random numbers",
            evidence={"mean_gain": gain, "signal_left": left, "num_layers": len(signals)},
            curve=spread_by_layer(signals),
        ),
    )


def _signals(subject: Subject) -> tuple[Signal, ...] | str:
    """Return the layers' signals, or why they cannot be had."""
    if subject.first.at == "network" or len(subject.y) < 4:
        return subject.broken or "it takes four rows or more"
    torch.manual_seed(subject.seeds[0])
    net = without_dropout(subject.fresh_net().train())
    signals = layer_signals(net, take_rows(subject.inputs(), slice(LOOKED_AT_ROWS)))
    if not any(math.isfinite(signal.gain) for signal in signals[:-1]):
        return "there are no hidden dense or convolutional layers"
    if not start_spread(signals) > 0.0:
        return "the inputs do not differ"
    return signals


def _saturated_share(subject: Subject) -> float:
    """Return the largest share, over hidden activations, of outputs in the flat ends."""
    net = without_dropout(subject.fresh_net().train())
    x = take_rows(subject.inputs(), slice(LOOKED_AT_ROWS))
    shares = [0.0]
    for seen in activations(net, x, ("Tanh",)):
        shares.append(float((seen.result.abs() > FLAT_TANH).float().mean()))
    for seen in activations(net, x, ("Sigmoid",)):
        low, high = seen.result < FLAT_SIGMOID, seen.result > 1.0 - FLAT_SIGMOID
        shares.append(float((low | high).float().mean()))
    return max(shares)


def _peaked_share(subject: Subject) -> float:
    net = without_dropout(subject.fresh_net().train())
    return peaked_share(net, take_rows(subject.inputs(), slice(LOOKED_AT_ROWS)))


def dead_at_init(subject: Subject) -> Verdict:
    """Fires when most ReLU units of a layer give 0 for every row. Notes n3, Rectified Linear Unit.

    A sparse unit is not dead: it has to be 0 for all of up to 512 rows, and, as a channel, at
    every place. Half of a deep plain network's units may be so by chance, so the share must be
    over 60 % by two standard deviations of a coin's: 85 % of 64 units, all of 16.
    """
    name, subject = "dead-at-init", subject.clean
    if subject.first.at == "network" or len(subject.y) < 32:
        return not_judged(name, subject.broken or "it takes 32 rows or more")
    layers = _dead_units(subject)
    if not layers:
        return passed(name, "the network has no ReLU")
    place, dead = max(layers, key=lambda layer: float(layer[1].float().mean()) - _bound(layer[1]))
    share = float(dead.float().mean())
    if share < _bound(dead):
        return passed(name, f"at most {share:.0%} of a layer's units are dead")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="Most units of a layer give 0 for every row: no gradient passes them, and"
            " they will never learn.",
            remedy="Start biases at 0 or slightly above, weights by He, inputs around 0; or take a"
            " leaky ReLU.",
            source="notes n3, Rectified Linear Unit; notes n4, dead ReLU",
            evidence={"dead_share": share, "num_units": len(dead), "rows": len(subject.y)},
            where=place,
        ),
    )


def _bound(dead: Tensor) -> float:
    """Return the share of dead units above which it is not chance."""
    return min(1.0, 0.6 + 2.0 / math.sqrt(len(dead)))


def _dead_units(subject: Subject) -> list[tuple[str, Tensor]]:
    """Return, for each ReLU in the order of the flow, which units no row has moved."""
    places: list[str] = []
    dead: list[Tensor] = []
    for rows in _parts(len(subject.y)):
        net = without_dropout(subject.fresh_net().train())
        seen = list(activations(net, take_rows(subject.inputs(), rows), ("Relu",)))
        now = [(each.result == 0).all(1) for each in seen]
        if not dead:
            places, dead = [each.place for each in seen], now
        elif len(now) == len(dead):
            dead = [before & after for before, after in zip(dead, now, strict=True)]
    return list(zip(places, dead, strict=True))


def _parts(num_rows: int) -> Iterator[slice]:
    """Yield up to four parts of the rows, none of a single row."""
    for part in range(DEAD_PARTS):
        start = part * LOOKED_AT_ROWS
        if num_rows - start >= 2:
            yield slice(start, start + LOOKED_AT_ROWS)
