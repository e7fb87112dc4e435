"""Rules about the size of steps, layer by layer: the ratio of updates to weights."""

from __future__ import annotations

from ..records import History, Layer, Tally, Verdict, not_judged, passed
from .course import course_of
from .evidence import LATEST, layer_ratios, undecayed
from .numbers import finite, median
from .report import find
from .simple import reaches_simple_fits

SOURCE = "notes n4, Track the ratio of weight updates to weight magnitudes: about 0.001"
# Healthy layers: 0.07 at most (batch norm, SGD, first steps). The notes call 0.01 about okay.
HIGH = 0.25
# Healthy layers: 3e-4 and more in the first tenth of a run, 1e-5 in converged ones.
LOW, LOWER_THAN_OTHERS = 3e-4, 0.1
# Half of the weights by the fastest layer, healthy: 0.12 and more.
FAR_LOW, FAR_LOWER_THAN_OTHERS = 1e-3, 0.03


def update_ratio_high(history: History) -> Verdict:
    """Fires when a layer's steps are a large share of its weights.

    ``|update| / |weights|`` over 0.25 in the median of the latest looks (2 at least), while less
    than 9 tenths of the way from chance to floor is done (under Adagrad, whose steps shrink by
    themselves, less than 3 tenths). Layers that began at or near 0 are left out: anything is large
    beside nothing. Abstains without looks, and under L-BFGS. Notes n4.
    """
    name, course = "update-ratio-high", course_of(history)
    if "lbfgs" in history.setting.optimizer:
        return not_judged(
            name, "L-BFGS takes several steps in one, as large as the curvature allows"
        )
    ratios = _ratios(history)
    if not ratios:
        return not_judged(name, "updates of layers were looked at less than twice")
    where = max(ratios, key=lambda layer: ratios[layer])
    done = 0.3 if "adagrad" in history.setting.optimizer else 0.9
    if not ratios[where] > HIGH or course.progress > done:
        return passed(name, f"updates are at most {ratios[where]:.2g} of a layer's weights")
    return find(
        name,
        "warning",
        "A step changes this layer by a large part of its weights.",
        "Lower the learning rate (of this layer's group), or warm it up.",
        SOURCE,
        history=history,
        where=where,
        update_ratio=ratios[where],
        progress=course.progress,
    )


def update_ratio_low(history: History) -> Verdict:
    """Fires when layers that hold most of the weights hardly move, and others do.

    Layers with half of the weights or more have ``|update| / |weights|`` under 3e-4 and under a
    tenth of the fastest layer's, or under 1e-3 and under 3 hundredths of it, at looks where the
    rate was at a third of its highest or more, after 10 steps and while less than 85 % of the way
    from chance to floor is done (70 %, where some weights are frozen, and the score is that of
    simple fits of the same rows): a group has too small a rate, or its gradient is lost. Ratios of
    converged runs and at the end of a schedule are not judged. Abstains without looks, and with one
    layer. Notes n4.
    """
    name, course = "update-ratio-low", course_of(history)
    ratios = _ratios(history)
    if len(ratios) < 2 or course.num < 10:
        return not_judged(name, "two layers or more were not looked at, or fewer than 10 steps")
    fastest = max(ratios.values())
    slow = {k: r for k, r in ratios.items() if _slow(r, fastest)}
    sizes = {lay.name: lay.num_weights for lay in history.looks.layers}
    share = sum(sizes[k] for k in slow) / sum(sizes[k] for k in ratios)
    # Where some are frozen, the body was trained before, and is meant to move slowly.
    frozen = history.tallies.get("frozen-weights", Tally()).happened
    suits = frozen and course.progress > 0.7 and reaches_simple_fits(history)
    if share < 0.5 or course.progress > 0.85 or suits:
        return passed(name, f"{100 * share:.0f} % of the weights hardly move")
    where = max(slow, key=lambda layer: sizes[layer])
    return find(
        name,
        "warning",
        "Most weights hardly move, while other layers learn.",
        "Raise the learning rate of their group, and check what passes their gradient.",
        SOURCE,
        history=history,
        where=where,
        update_ratio=ratios[where],
        fastest=fastest,
        share_of_weights=share,
    )


def _slow(ratio: float, fastest: float) -> bool:
    low = ratio < LOW and ratio < LOWER_THAN_OTHERS * fastest
    return low or (ratio < FAR_LOW and ratio < FAR_LOWER_THAN_OTHERS * fastest)


def _ratios(history: History) -> dict[str, float]:
    """Return each layer's ratio in the latest undecayed looks (two at least)."""
    found = {}
    for layer in history.looks.layers:
        known = finite(undecayed(history, layer_ratios(layer)))
        if layer.num_weights and len(known) >= 2 and not _from_nothing(layer):
            found[layer.name] = median(known[-LATEST:])
    return found


def _from_nothing(layer: Layer) -> bool:
    norms = finite(layer.weight_norm)
    return bool(norms[0] < 0.1 * norms[-1]) if len(norms) else True
