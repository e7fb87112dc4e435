"""Rules about how a run began: its inputs, its weights, and the rows a norm is given."""

from __future__ import annotations

import math

from ..records import (
    SATURATED_SHARE,
    History,
    Layer,
    Signal,
    Verdict,
    fades,
    fading,
    grows_or_saturates,
    growth,
    is_far_out,
    mean_gain,
    not_judged,
    passed,
    spread_by_layer,
    start_spread,
)
from .course import course_of
from .evidence import NORMED, elasticity_at_start
from .layers import EXPLODING
from .report import find
from .simple import reaches_simple_fits
from .validations import validation_of

# A norm between the first two layers brings any inputs to about 1.
NORMED_SIZE = 3.0
# Rows that differ by less, in units of their size, are the same but for rounding.
SAME_ROWS = 1e-6
# A start is blamed where training has not come through by so many steps.
FEWEST_STEPS, THROUGH = 20, 0.7
# Where chance is not known, a first loss so many times the present one was none of chance's.
FAR_OFF = 10.0
# The name of the network as a whole among its layers.
WHOLE = "network"
TINY_BATCH, BEHIND = 4, 0.1
SOURCE = "notes n3, Limitation of Small Weights; notes n4, Weight Initialization"
REMEDY = "Take He initialisation for ReLU, Xavier for tanh and sigmoid, or a norm between layers."


def input_not_finite(history: History) -> Verdict:
    """Fires when the first number that was not finite was an input. Notes n3, Not a Number.

    Abstains where no step was replayed: nothing was lost, or no loop was watched.
    """
    name, autopsy = "input-not-finite", history.autopsy
    if autopsy is None:
        return not_judged(name, "no step was lost, and none replayed")
    if autopsy.culprit != "input":
        return passed(name, f"what was not finite first was of another kind: {autopsy.culprit}")
    return find(
        name,
        "error",
        f"Some inputs of step {autopsy.step} are NaN or infinite.",
        "Fill missing values before training, and look at where they come from.",
        "notes n3, Loss and Not a Number",
        history=history,
        step=autopsy.step,
    )


def input_out_of_scale(history: History) -> Verdict:
    """Fires when what enters the first layer is far from unit size, and training suffers.

    A root mean square over 15, or over 3 with means of over 5 standard deviations; and no norm
    brings it to about 1 before the second layer. Passes where training has come through: 7 tenths
    of the way from chance to floor are done, or as much as simple fits of the same rows do, without
    a jump or a first gradient that explodes (and, where chance is not known, from a first loss
    under 10 times the last). Abstains where the first look saw no numbers enter.
    Notes n0, 4; n4, Data Preprocessing.
    """
    name, layers = "input-out-of-scale", _signals(history)
    first = layers[0].signal if layers else None
    if first is None or first.size_in != first.size_in:
        return not_judged(name, "what enters the first layer with weights was not seen")
    size, shift = first.size_in, first.shift_in
    fine = _came_through(history) and not _began_far_off(history)
    if not is_far_out(size, shift) or _is_normed(history, layers) or fine:
        return passed(name, f"inputs have root mean square {size:.2g}")
    return find(
        name,
        "warning",
        "The inputs are far from unit size, which initialisers and rates assume.",
        "Standardise the inputs: subtract the training part's mean, divide by its standard "
        "deviation.",
        "notes n4, Data Preprocessing; LeCun et al., Efficient BackProp, 1998",
        history=history,
        root_mean_square=size,
        mean_by_spread=shift,
    )


def _began_far_off(history: History) -> bool:
    """Return whether a loss that is not known began so high that its way down says nothing."""
    course = course_of(history)
    unknown = history.setting.chance_loss is None
    return unknown and course.first > FAR_OFF * abs(course.now)


def _is_normed(history: History, layers: list[Layer]) -> bool:
    """Return whether something brings inputs to unit size: before the first layer, or behind it."""
    if history.looks.layers[0].name != layers[0].name:
        return True
    second = layers[1].signal if len(layers) > 1 else None
    flat = max((_first(layer.saturated_share) for layer in history.looks.layers), default=0.0)
    return second is not None and second.size_in < NORMED_SIZE and not flat > SATURATED_SHARE / 2


def input_ignored(history: History) -> Verdict:
    """Fires when nothing that layers were given, or gave, differed between rows of the first batch.

    Not where training has come through. Abstains where the first look saw no numbers enter, or a
    single row. Notes n3, Sanity Checking.
    """
    name, layers = "input-ignored", _signals(history)
    first = layers[0].signal if layers else None
    if first is None or math.isnan(first.spread_in) or math.isnan(first.spread_out):
        return not_judged(name, "what enters the first layer with weights was not seen")
    leaves = [layer for layer in layers if not _holds_others(layer, layers)]
    spreads = [
        spread for one in _of(leaves or layers) for spread in (one.spread_in, one.spread_out)
    ]
    widest = max(spread for spread in spreads if spread == spread)
    if widest > SAME_ROWS * max(first.size_in, SAME_ROWS) or _came_through(history):
        return passed(name, f"what layers give differs from row to row by up to {widest:.2g}")
    return find(
        name,
        "error",
        "All rows of a batch give the network the same inputs: nothing tells them apart.",
        "Look for inputs that are overwritten, multiplied by 0, or filled before they were read.",
        "notes n3, Sanity Checking; Karpathy, A Recipe for Training Neural Networks",
        history=history,
        where=layers[0].name,
        root_mean_square=first.size_in,
    )


def symmetric_init(history: History) -> Verdict:
    """Fires when all units of a layer begin with the same weights.

    Hidden dense and convolutional layers that begin at one number other than 0, and any weights
    that begin alike and are so still after 3 looks: a last layer is pulled apart by its first step.
    Abstains where no loop was watched. Notes n3, A Poor Initialization; n4, What if W=0.
    """
    name, tally = "symmetric-init", history.tallies.get("alike-units")
    if tally is None:
        return not_judged(name, "weights were not watched from the start")
    if not tally.happened:
        return passed(name, f"units differ in each of {tally.of} weights")
    return find(
        name,
        "error",
        "All units of a layer begin with the same weights, and get the same gradients: the layer "
        "is as good as one unit.",
        "Draw weights at random: He for ReLU, Xavier for tanh; only biases, and the last layer of "
        "a residual branch, may start at 0.",
        "notes n3, A Poor Initialization; notes n4, What if W=0",
        history=history,
        num_layers=tally.happened,
        of=tally.of,
    )


def init_too_large(history: History) -> Verdict:
    """Fires when weights began so large that the signal grew or saturated, and training suffers.

    A mean gain ``rms(W) sqrt(fan_in)`` of the hidden layers over 2 (He has 1.41) at the first look,
    and a spread of the outputs over 8 times the inputs', or half of a bounded activation in its
    flat ends. Abstains where the first look saw no hidden layer, and passes where training has come
    through. Notes n3, Limitation of Small Weights; n4, Large random numbers.
    """
    name, layers = "init-too-large", _hidden(history)
    if not layers:
        return not_judged(name, "hidden layers were not seen before the first step")
    signals = _of(layers)
    gain, grown = mean_gain(signals), growth(signals)
    flat = max((_first(layer.saturated_share) for layer in history.looks.layers), default=0.0)
    if not grows_or_saturates(signals, flat) or _came_through(history):
        return passed(name, f"hidden layers had a mean gain of {gain:.2g}")
    return find(
        name,
        "warning",
        "The weights began too large: signals grow from layer to layer, or units begin in the flat "
        "ends of their activation.",
        REMEDY,
        SOURCE,
        history=history,
        curve=spread_by_layer(signals),
        mean_gain=gain,
        growth=grown,
        saturated_share=flat,
    )


def init_too_small(history: History) -> Verdict:
    """Fires when weights began so small that the signal faded, and training suffers.

    A mean gain of the hidden layers under 0.3 at the first look (PyTorch starts with 0.58), and
    before the last layer under a thousandth of the inputs' spread over rows; or under a millionth
    at any gain. Abstains where the first look saw no hidden layer, and passes where training has
    come through. Notes n3, Limitation of Small Weights; n4, Small random numbers.
    """
    name, layers = "init-too-small", _hidden(history)
    if not layers:
        return not_judged(name, "hidden layers were not seen before the first step")
    signals = _of(layers)
    gain, left = mean_gain(signals), fading(signals)
    if not fades(signals) or _came_through(history):
        return passed(name, f"{left:.2g} of the signal was left before the last layer")
    return find(
        name,
        "warning",
        "The weights began too small: little of the input's differences is left before the last "
        "layer, and gradients are as small.",
        REMEDY,
        SOURCE,
        history=history,
        curve=spread_by_layer(signals),
        mean_gain=gain,
        signal_left=left,
        num_layers=len(signals),
    )


def initial_loss_off(history: History) -> Verdict:
    """Fires when the first loss was far above that of an answer that knows nothing.

    Over 5 times; 10 times for quantities, and under optimisers that divide gradients by their size.
    Passes where training has come through. Abstains where chance is not known. Notes n3, Sanity
    Checking; n4, step 3.
    """
    name, course, setting = "initial-loss-off", course_of(history), history.setting
    if setting.chance_loss is None or not course.num:
        return not_judged(name, "chance, or the first loss, is not known")
    easy = setting.task == "regression" or setting.optimizer.startswith(NORMED)
    bound = FAR_OFF if easy else 0.5 * FAR_OFF
    if not course.first > bound * course.chance or _came_through(history):
        return passed(name, f"the first loss was {course.first:.3g}, chance is {course.chance:.3g}")
    return find(
        name,
        "warning",
        "The first loss was far above chance: outputs began far from all targets.",
        "Standardise targets that are quantities, or start the last bias at their mean (at the "
        "logarithm of the prior for classes), with smaller weights in the last layer.",
        "notes n3, Sanity Checking; notes n4, step 3",
        history=history,
        loss=course.first,
        chance=course.chance,
    )


def batch_norm_tiny_batch(history: History) -> Verdict:
    """Fires when batch norm is trained on 4 rows or fewer, and evaluation is poor.

    Its statistics are mostly noise then. Poor: under 7 tenths of the way from chance to floor are
    done, on validation where there is one; with several rows of maps, whose channels have many
    values, also a tenth of the way behind training. Abstains without looks or batch size, and
    passes without batch norm. Notes n3, Some Complexities of BN.
    """
    name, size = "batch-norm-tiny-batch", history.setting.batch_size
    norms = [layer for layer in history.looks.layers if "BatchNorm" in layer.kind]
    if not history.looks.layers or not size:
        return not_judged(name, "layers, or the rows of a batch, were not seen")
    course, val = course_of(history), validation_of(history)
    done = course.done(float(val[-1])) if len(val) else course.progress
    trained = [layer for layer in norms if any(gap == gap for gap in layer.norm_gap)]
    # A channel of an image has many values in few rows: there evaluation has to fall behind.
    dense = any(layer.kind == "BatchNorm1d" for layer in trained)
    poor = done < THROUGH and (size == 1 or dense or course.progress - done > BEHIND)
    if size > TINY_BATCH or not trained or not poor or course.num < FEWEST_STEPS:
        return passed(name, f"batches have {size} rows, for {len(trained)} batch norms")
    return find(
        name,
        "warning",
        "Batch norm takes its statistics from a handful of rows: they are mostly noise.",
        "Take larger batches, or a group norm or layer norm.",
        "notes n3, Some Complexities of BN; Wu and He, Group Normalization, 2018",
        history=history,
        batch_size=size,
        num_norms=len(trained),
    )


def _signals(history: History) -> list[Layer]:
    """Return the layers whose signal was seen at the first look, in the order of the flow."""
    return [layer for layer in history.looks.layers if layer.signal is not None]


def _hidden(history: History) -> list[Layer]:
    """Return the same, if hidden layers are among them and the inputs differ; else none."""
    layers = _signals(history)
    signals = _of(layers)
    known = len(signals) > 1 and math.isfinite(mean_gain(signals)) and start_spread(signals) > 0.0
    return layers if known else []


def _holds_others(layer: Layer, layers: list[Layer]) -> bool:
    """Return whether a module with weights of its own has other layers as its parts."""
    within = "" if layer.name == WHOLE else f"{layer.name}."
    return any(other is not layer and other.name.startswith(within) for other in layers)


def _of(layers: list[Layer]) -> list[Signal]:
    return [layer.signal for layer in layers if layer.signal is not None]


def _first(column: tuple[float, ...]) -> float:
    return column[0] if column and column[0] == column[0] else 0.0


def _came_through(history: History) -> bool:
    """Return whether training went well, or as well as simple fits, or has only just begun."""
    course = course_of(history)
    if course.peak > 3.0 or elasticity_at_start(history) > EXPLODING:
        return False
    begun = course.num < FEWEST_STEPS
    return begun or course.progress > THROUGH or reaches_simple_fits(history)
