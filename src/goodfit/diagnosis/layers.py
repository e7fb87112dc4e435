"""Rules about layers: units that are dead or saturated, gradients that vanish or explode."""

from __future__ import annotations

from ..records import History, Layer, Severity, Verdict, not_judged, passed
from .course import course_of
from .evidence import LATEST, elasticity, elasticity_at_start, gradient_rms, weight_layers
from .numbers import NAN, Array, finite, median
from .report import find

# Healthy runs: at most 0.06 of a layer's units, in the late looks of ReLU networks.
DEAD_SHARE = 0.5
# Nowhere without slope: where their units are all the same, it is their inputs that do not differ.
UNDYING = (
    *("Sigmoid", "Tanh", "LeakyReLU", "PReLU", "ELU", "SELU", "CELU", "Softplus", "LogSigmoid"),
    *("sigmoid", "tanh", "leaky_relu", "elu", "softplus"),
)
SATURATED_SHARE = 0.5
# Healthy runs, smallest over largest: 0.03 and more; ten sigmoid layers: 1e-8.
VANISHED = 1e-4
# Healthy runs: 0.04 to 49; ten ReLU layers at four times He's weights: 17,000.
EXPLODING = 1000.0
# A gradient is judged only while the loss is poor: at the end of a good run it may do as it likes.
POOR = 0.5
# What the first looks saw is a fact about the network, whatever Adam makes of it.
POOR_FROM_THE_START = 0.85


def dead_units(history: History) -> Verdict:
    """Fires when half of an activation's units, or more, give the same for every sample.

    A unit counts as dead when it did so over the last 512 rows or more of batches that differ, all
    units of a layer when they did so over 64; ReLU's ordinary zeros are not death. Judged by the
    median of the latest looks. Activations that have a slope everywhere, as tanh, do not die: there
    the inputs do not differ, or it is saturated. Abstains where no other was seen on so many rows,
    and says nothing while the loss is good: a wide layer may not need all its units. Where chance
    is not known, and so not what a good loss is, 9 tenths of the units. Notes n4, ReLU: dead ReLU.
    """
    return _share(
        history,
        "dead-units",
        "dead_share",
        DEAD_SHARE if history.setting.chance_loss is not None else 0.9,
        "no activation that can die was seen on 512 rows",
        "Units give the same for every sample: nothing is learned through them.",
        "Lower the learning rate, start biases at 0 or slightly above, or use a leaky activation.",
        "notes n4, ReLU: dead ReLU will never activate",
        but=UNDYING,
    )


def saturated_units(history: History) -> Verdict:
    """Fires when half of a bounded activation's output, or more, lies in its flat ends.

    There the slope is under a twentieth of the steepest, and the gradient is lost. Judged by the
    median of the latest 3 looks, or of the first 3 where the loss is good by now (a trained gate
    is meant to saturate, a new one is not). Abstains where there is no bounded activation. Notes
    n3, Sigmoid; n4, 1.
    """
    return _share(
        history,
        "saturated-units",
        "saturated_share",
        SATURATED_SHARE,
        "no bounded activation was seen",
        "The activation sits in its flat ends, where no gradient passes.",
        "Use smaller initial weights (Xavier), scaled inputs, or a norm before it.",
        "notes n3, Sigmoid Function; notes n4, Weight Initialization",
        at_start=True,
    )


def _share(
    history: History,
    name: str,
    column: str,
    bound: float,
    unseen: str,
    meaning: str,
    remedy: str,
    source: str,
    *,
    at_start: bool = False,
    but: tuple[str, ...] = (),
) -> Verdict:
    progress = course_of(history).progress
    shares = {
        layer.name: _worst(finite(getattr(layer, column)), at_start and progress > 0.8)
        for layer in history.looks.layers
        if len(finite(getattr(layer, column))) and layer.kind not in but
    }
    if not shares:
        return not_judged(name, unseen)
    where = max(shares, key=lambda layer: shares[layer])
    worst = shares[where]
    if worst < bound or (progress > 0.9 and worst < 0.999 and not at_start):
        return passed(name, f"at most {100 * worst:.0f} % of a layer")
    severity: Severity = "error" if worst > 0.99 and not progress > 0.1 else "warning"
    return find(
        name,
        severity,
        meaning,
        remedy,
        source,
        history=history,
        where=where,
        share=worst,
        progress=progress,
    )


def _worst(shares: Array, at_start: bool) -> float:
    return median(shares[:3] if at_start else shares[-3:])


def gradient_vanishing(history: History) -> Verdict:
    """Fires when a layer's gradient is next to nothing beside the largest, and the loss is poor.

    Root mean square of a layer's gradient over that of the layer with the largest: under 1e-4 in
    the first 3 looks or the latest (healthy: 0.03 and more), or next to nothing in all. Embeddings
    are left out: most of their rows have none. Poor: less than half of the way from chance to floor
    is done, or less than 85 % where it was so in the first looks: a network that has it in its
    layers comes through late, and not far. Abstains without looks, with fewer than two layers, and
    where all gradients are 0. Notes n3, Limitation of Small Weights; n4, Sigmoid.
    """
    name, course = "gradient-vanishing", course_of(history)
    parts = (slice(0, 3), slice(-LATEST, None))
    at_first, at_end = (_smallest(history, part) for part in parts)
    share, where = min(at_first, at_end, key=lambda found: (found[0] != found[0], found[0]))
    if share != share:
        return not_judged(name, "gradients of two layers or more were not looked at, or are 0")
    all_gone = elasticity(history) < 1e-6
    poor = POOR_FROM_THE_START if at_first[0] < VANISHED else POOR
    if course.progress > poor or not (share < VANISHED or all_gone):
        return passed(name, f"smallest over largest gradient {share:.2g}")
    return find(
        name,
        "warning",
        "The gradient does not reach this layer: it has all but vanished on the way.",
        "Use ReLU-like activations, an initialisation that keeps the spread (Xavier, He), norms, "
        "or skip connections.",
        "notes n3, Limitation of Small Weights; notes n4, Sigmoid",
        history=history,
        where=where,
        share_of_largest=share,
        progress=course.progress,
    )


def _smallest(history: History, part: slice) -> tuple[float, str]:
    """Return the smallest gradient over the largest (root mean squares), and its layer."""
    sizes = {layer.name: gradient_rms(layer, part) for layer in weight_layers(history)}
    sizes = {name: size for name, size in sizes.items() if size > 0}
    if len(sizes) < 2:
        return NAN, ""
    where = min(sizes, key=lambda name: sizes[name])
    return sizes[where] / max(sizes.values()), where


def gradient_exploding(history: History) -> Verdict:
    """Fires when gradients are far too large for the loss's scale, and the loss is poor.

    ``|g| |w| / chance``, the change of the loss per share of the weights, is over 1000 in
    the latest looks (healthy: 0.04 to 49) while less than half of the way from chance to floor is
    done; or at the first look, before any step. The ratio has no unit: a target in dollars is no
    explosion. Abstains without looks, and where chance is not known. Notes n3, Limitation of
    Small Weights: larger initial values; Loss and Not a Number.
    """
    name, course = "gradient-exploding", course_of(history)
    size, first = elasticity(history), elasticity_at_start(history)
    if size != size or history.setting.chance_loss is None:
        return not_judged(name, "gradients were not looked at, or chance is not known")
    if not first > EXPLODING and (course.progress > POOR or size < EXPLODING):
        return passed(name, f"gradient times weights over chance {size:.2g}")
    layer = max(weight_layers(history), key=_sort_key, default=None)
    return find(
        name,
        "warning",
        "Gradients are far too large: a small step changes the loss many times over.",
        "Use smaller initial weights, scale inputs and targets, clip gradients, add norms.",
        "notes n3, Limitation of Small Weights; Loss and Not a Number",
        history=history,
        where=layer.name if layer else "",
        gradient_times_weights_over_chance=size,
        at_first=first,
        gradient_norm=median(history.looks.grad_norm[-LATEST:]),
    )


def _sort_key(layer: Layer) -> float:
    size = median(layer.grad_norm[-LATEST:])
    return size if size == size else -1.0


def no_activation(history: History) -> Verdict:
    """Fires when all layers make one straight line: nothing bends between them.

    Several linear layers in a row can do what one can. Not where one of them is narrower than
    inputs and outputs: that makes a line of low rank, and is meant. Abstains where the first
    pass was not seen. Notes n3, Linear and Non-Linear Modules.
    """
    name, tally = "no-activation", history.tallies.get("straight-layers")
    if tally is None:
        return not_judged(name, "the operations of the first pass were not seen")
    if not tally.happened:
        return passed(name, f"{tally.of} weights, and they do not make one straight line")
    return find(
        name,
        "warning",
        f"The network is one straight line: no activation stands between its {tally.of} layers.",
        "Put an activation, as ReLU, behind each layer but the last.",
        "notes n3, Linear and Non-Linear Modules",
        history=history,
        num_layers=tally.happened,
    )
