"""What rules read out of looks and rates: sizes of steps, gradients and decay, layer by layer."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from ..records import History, Layer
from .course import course_of
from .numbers import NAN, Array, array, finite, median

# Optimisers whose steps have the size of the rate, not of the gradient.
NORMED = ("adam", "nadam", "radam", "rmsprop", "adagrad")
# The latest looks that say how things stand: three pairs.
LATEST = 6
# Optimisers take turns from so many steps on, and so large a share of turns: one in 5 critics.
FEW_TURNS, TURNS = 4, 0.2


def has_several_losses(history: History) -> bool:
    """Return whether optimisers take turns, each with a loss of its own, as in a GAN."""
    tally = history.tallies.get("own-losses")
    return tally is not None and tally.of >= FEW_TURNS and tally.share > TURNS


def is_contrastive(history: History) -> bool:
    """Return whether the classes are the rows of a batch, each there once."""
    setting = history.setting
    num, share = setting.num_classes, setting.majority_share
    return num > 2 and num == setting.batch_size and share is not None and share <= 1.001 / num


def update_ratios(history: History) -> Array:
    """Return update over weight norm of the whole network, at each look.

    Notes n4: about 0.001 is right, 0.01 about okay.
    """
    return _ratio(history.looks.update_norm, history.looks.weight_norm)


def layer_ratios(layer: Layer) -> Array:
    """Return update over weight norm of one layer, at each look."""
    return _ratio(layer.update_norm, layer.weight_norm)


def _ratio(over: tuple[float, ...], under: tuple[float, ...]) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return array(over) / array(under)


@dataclass(frozen=True)
class Rates:
    """The learning rate over the run; NaN where it was not recorded."""

    first: float
    highest: float
    now: float
    rising: bool

    @property
    def share(self) -> float:
        """Now, of the highest so far."""
        return self.now / self.highest if self.highest > 0 else NAN


def rates_of(history: History) -> Rates:
    """Return first, highest and present learning rate.

    Rising means that warm-up is not over: the rate is at its highest, and above the first.
    """
    lr = history.steps.lr
    known = finite(lr[:: max(1, len(lr) // 2000)] + lr[-1:])
    if not len(known):
        return Rates(NAN, NAN, NAN, False)
    first, highest, now = float(known[0]), float(known.max()), float(known[-1])
    return Rates(first, highest, now, now >= 0.99 * highest and now > 1.05 * first)


def lr_at_looks(history: History) -> Array:
    """Return the learning rate at each look."""
    steps, lr = history.steps.step, history.steps.lr
    places = [bisect_left(steps, step) for step in history.looks.step]
    return np.array([lr[p] if p < len(lr) else NAN for p in places], dtype=np.float64)


def undecayed(history: History, ratios: Array) -> Array:
    """Return the ratios of the looks at which the rate was at least a third of its highest.

    At the end of a cosine schedule ratios go to 0, and say nothing.
    """
    lr = lr_at_looks(history)
    highest = np.nanmax(lr, initial=0.0)
    kept = (lr >= highest / 3) | ~np.isfinite(lr)
    return ratios[kept] if highest > 0 else ratios


def weight_layers(history: History) -> list[Layer]:
    """Return the layers with weights, without embeddings.

    Rows of an embedding that a batch does not use have no gradient, so its norms are small.
    """
    layers = history.looks.layers
    return [layer for layer in layers if layer.num_weights and "Embedding" not in layer.kind]


def highest_ratio(history: History) -> float:
    """Return the highest ratio of updates to weights at three looks on end, or what there is.

    Without the share of weight decay, and without looks at weights that are next to 0 (a root
    mean square under 0.003): anything is large beside nothing.
    """
    looks, num = history.looks, history.setting.num_parameters
    norms, decay = array(looks.weight_norm), decay_shares(history)
    # Look by look: under AdamW a far too high rate is first a jump, and then mostly decay.
    ratios = update_ratios(history) * (1.0 - np.nan_to_num(np.minimum(decay, 1.0)))
    ratios = ratios[~(norms < 0.003 * num**0.5)] if num else ratios
    ratios = finite(ratios)
    if len(ratios) < 2:
        return NAN
    runs = [median(ratios[place : place + 3]) for place in range(max(1, len(ratios) - 2))]
    return max(runs)


def fastest_ratios(history: History) -> Array:
    """Return the undecayed ratios of the layer whose steps are largest beside its weights.

    Those of the whole network where layers were not told apart.
    """
    known = [finite(undecayed(history, layer_ratios(layer))) for layer in weight_layers(history)]
    known = [ratios for ratios in known if len(ratios)]
    if not known:
        return finite(undecayed(history, update_ratios(history)))
    return max(known, key=lambda ratios: median(ratios[-LATEST:]))


def gradient_rms(layer: Layer, part: slice = slice(-LATEST, None)) -> float:
    """Return the root mean square of a layer's gradient over some looks, the latest unless told."""
    return median(layer.grad_norm[part]) / layer.num_weights**0.5


def elasticity(history: History) -> float:
    """Return gradient norm times weight norm over chance, in the latest looks.

    The loss's change per share of the weights has no unit, so that a target in dollars is not
    mistaken for an explosion.
    """
    return _elasticity(history, slice(-LATEST, None))


def elasticity_at_start(history: History) -> float:
    """Return the same at the first look, if that was before any rate could spoil the weights.

    A look sees the weights after its step. Where steps are as large as the rate says, whatever the
    gradient (Adam and its kin), what the step added to them is no fault of the start: there the
    weights count as small as they can have been before it.
    """
    looks = history.looks
    if not looks.step or looks.step[0] > 2:
        return NAN
    weights = array(looks.weight_norm[:1])
    if history.setting.optimizer.startswith(NORMED):
        weights = np.abs(weights - array(looks.update_norm[:1]))
    return _elasticity(history, slice(0, 1), weights)


def _elasticity(history: History, part: slice, weights: Array | None = None) -> float:
    looks, chance = history.looks, course_of(history).chance
    weights = array(looks.weight_norm[part]) if weights is None else weights
    product = array(looks.grad_norm[part]) * weights
    return median(product) / chance if chance > 0 else NAN


def promised(history: History) -> float:
    """Return the descent that a step promised, to first order: the median over all looks."""
    return -median(history.looks.descent)


def decay_share(history: History) -> float:
    """Return which share of an update is weight decay, the median over looks; NaN if unknown."""
    return median(decay_shares(history))


def late_decay_share(history: History) -> float:
    """Return the same over the looks of the later half of the run, 3 at least; NaN with fewer.

    Most looks come early, where gradients are large beside any decay.
    """
    late = array(history.looks.step) > 0.5 * course_of(history).last_step
    shares = finite(decay_shares(history)[late])
    return median(shares) if len(shares) >= 3 else NAN


def decay_shares(history: History) -> Array:
    """Return which share of the update at each look is weight decay; NaN where unknown.

    ``lr wd |w| / |dw|`` where decay is decoupled (AdamW); ``wd |w| / (|g| + wd |w|)`` where it is
    added to the gradient.
    """
    setting, looks = history.setting, history.looks
    if not setting.weight_decay:
        return np.full(len(looks.step), NAN)
    pull = setting.weight_decay * array(looks.weight_norm)
    with np.errstate(divide="ignore", invalid="ignore"):
        if "adamw" in setting.optimizer:
            return lr_at_looks(history) * pull / array(looks.update_norm)
        return pull / (array(looks.grad_norm) + pull)
