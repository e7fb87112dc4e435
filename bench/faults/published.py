"""The published rules of three tools, from their descriptions, on a trace.

SageMaker Debugger: its default thresholds. Read again in the documentation of its built-in rules
(docs.aws.amazon.com/sagemaker/latest/dg, one page a rule), and found right: VanishingGradient
1e-7; DeadRelu 1 % and 50 %; AllZero 100 %; Overfit 0.1 with patience 1; WeightUpdateRatio 10 and
1e-8; UnchangedTensor 3 steps; ClassImbalance 10 and 0.7; PoorWeightInitialization 10, 0.001 and
patience 5; SaturatedActivation +-9.4999 for tanh. From memory, since their pages could not be read
to the end: the bounds for sigmoid, and the share of a layer, in SaturatedActivation; the tolerances
of UnchangedTensor (those of ``numpy.allclose``); the 10 steps of PoorWeightInitialization; 10
steps and 0.1 % in LossNotDecreasing; patience 5 and 10 and 0.01 in Overtraining; and that
ExplodingTensor looks for NaN and infinity alone. SaturatedActivation counts nodes that are hardly
ever inside the bounds; here it is the share of all inputs outside them, which is nearly the same
where a layer is saturated. AutoTrainer: Zhang et al., ICSE 2021, and DeepDiagnosis: Wardat et al.,
ICSE 2022, symptoms and thresholds as published with them, from memory too; DeepDiagnosis stops at
its first symptom. Each rule gives the step at which it fires first, or None.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

from bench.faults.trace import Saved, Trace

Fired = int | None
Rules = Mapping[str, Callable[[Trace], Fired]]


def first(trace: Trace, test: Callable[..., bool]) -> Fired:
    """The first saved step that a test holds for."""
    return next((s.step for s in trace.saved if test(s)), None)


def any_below(values: Iterable[float], bound: float) -> bool:
    """Whether any value is below a bound."""
    return any(v < bound for v in values)


# -- SageMaker Debugger ------------------------------------------------------------------------


def vanishing_gradient(trace: Trace) -> Fired:
    """Mean absolute gradient of any tensor under 1e-7."""
    return first(trace, lambda s: any_below((g["mean_abs"] for g in s.gradients.values()), 1e-7))


def exploding_tensor(trace: Trace) -> Fired:
    """NaN or infinity in losses or gradients."""
    return first(
        trace,
        lambda s: not math.isfinite(s.loss) or any(g["bad"] for g in s.gradients.values()),
    )


def poor_weight_initialization(trace: Trace) -> Fired:
    """In the first 10 steps, activation inputs' variances more than 10-fold apart, or a gradient
    whose 5th to 95th percentile spans under 0.001, and the loss not falling for 5 steps."""
    falling = len(trace.losses) < 6 or min(trace.losses[1:11]) < trace.losses[0]
    start = [s for s in trace.saved if s.step <= 10]
    for saved in start:
        variances = [v for v in saved.relu_input_variance.values() if v > 0]
        uneven = bool(variances) and max(variances) / min(variances) > 10.0
        narrow = any_below((g["range"] for g in saved.gradients.values()), 1e-3)
        if (uneven or narrow) and not falling:
            return saved.step
    return None


def saturated_activation(trace: Trace) -> Fired:
    """Over half of a tanh's or sigmoid's inputs beyond the documented bounds."""
    return first(trace, lambda s: any(b["wide"] > 0.5 for b in s.bounded.values()))


def dead_relu(trace: Trace) -> Fired:
    """Over half of a layer's ReLU units active for under 1 % of the batch."""
    return first(trace, lambda s: any(v > 0.5 for v in s.relu_inactive.values()))


def unchanged_tensor(trace: Trace) -> Fired:
    """A weight that is the same (rtol 1e-5, atol 1e-8) over 3 saved steps."""
    for index in range(2, len(trace.saved)):
        run = trace.saved[index - 1 : index + 1]
        if any(all(s.unchanged.get(name) for s in run) for name in run[0].unchanged):
            return trace.saved[index].step
    return None


def overfit(trace: Trace) -> Fired:
    """Validation loss above training loss by over a tenth of it."""
    for step, train, val in zip(
        trace.epoch_steps, trace.train_loss, trace.validation_loss, strict=True
    ):
        if train > 0 and (val - train) / train > 0.1:
            return step
    return None


def overtraining(trace: Trace) -> Fired:
    """Training loss without a gain of 0.01 for 5, or validation loss for 10, evaluations."""
    for values, patience in ((trace.train_loss, 5), (trace.validation_loss, 10)):
        for index in range(patience, len(values)):
            if (
                min(values[index - patience + 1 : index + 1])
                > min(values[: index - patience + 1]) - 0.01
            ):
                return trace.epoch_steps[index]
    return None


def loss_not_decreasing(trace: Trace) -> Fired:
    """Over 10 saved steps, the loss has not fallen by 0.1 %."""
    for index in range(10, len(trace.saved)):
        before, now = trace.saved[index - 10].loss, trace.saved[index].loss
        if not now < before * (1 - 0.001):
            return trace.saved[index].step
    return None


def class_imbalance(trace: Trace) -> Fired:
    """Classes more than 10-fold apart in number, or one missed for over 70 %."""
    if not trace.class_counts:
        return None
    uneven = max(trace.class_counts) / max(1, min(trace.class_counts)) > 10
    missed = any(share > 0.7 for share in trace.class_missed)
    return (1 if uneven else trace.num_steps) if uneven or missed else None


def all_zero(trace: Trace) -> Fired:
    """A gradient of nothing but zeros."""
    return first(trace, lambda s: any(g["zero"] >= 1.0 for g in s.gradients.values()))


def weight_update_ratio(trace: Trace) -> Fired:
    """Mean update over mean weight above 10 or below 1e-8."""
    return first(
        trace,
        lambda s: any(not 1e-8 <= w["update"] <= 10 for w in s.weights.values()),
    )


# -- AutoTrainer -------------------------------------------------------------------------------


def _auto_ratio(saved: Saved) -> tuple[float, float, float]:
    kernels = [g for n, g in saved.gradients.items() if n.endswith("weight")]
    if not kernels or not kernels[-1]["norm"]:
        return 1.0, 1.0, sum(g["zero"] for g in kernels) / max(1, len(kernels))
    zeros = sum(g["zero"] for g in saved.gradients.values()) / len(saved.gradients)
    return kernels[0]["norm"] / kernels[-1]["norm"], kernels[0]["norm"], zeros


def _accuracies(trace: Trace) -> list[tuple[float, float]]:
    pairs = zip(trace.train_accuracy, trace.validation_accuracy, strict=True)
    return [pair for pair in pairs if not any(map(math.isnan, pair))]


def _poor(trace: Trace, *, slow_only: bool = False) -> bool:
    """Accuracy never 0.7, or never a rise of 0.01 between epochs."""
    pairs = _accuracies(trace)
    if len(pairs) < 2:
        return False
    rises = [max(b[k] - a[k] for a, b in pairwise(pairs)) for k in (0, 1)]
    slow = max(rises) < 0.01
    low = max(p[0] for p in pairs) < 0.7 or max(p[1] for p in pairs) < 0.7
    return slow if slow_only else slow or low


def auto_vanish(trace: Trace) -> Fired:
    """First layer's gradient under 1e-3 of the last one's and under 1e-4, accuracy poor."""

    def test(saved: Saved) -> bool:
        ratio, norm, _ = _auto_ratio(saved)
        return ratio < 1e-3 and norm < 1e-4

    return first(trace, test) if _poor(trace) else None


def auto_explode(trace: Trace) -> Fired:
    """NaN anywhere; or the first layer's gradient 70 times the last one's, accuracy poor."""
    bad = exploding_tensor(trace)
    if bad is not None or not _poor(trace):
        return bad
    return first(trace, lambda s: _auto_ratio(s)[0] > 70)


def auto_dying_relu(trace: Trace) -> Fired:
    """70 % of all gradients are zero, accuracy poor."""
    return first(trace, lambda s: _auto_ratio(s)[2] >= 0.7) if _poor(trace) else None


def auto_unstable(trace: Trace) -> Fired:
    """Accuracy swings of 0.03 in a fifth of the epochs."""
    acc = [pair[0] for pair in _accuracies(trace)]
    highs = [b for a, b, c in zip(acc, acc[1:], acc[2:], strict=False) if b >= a and b >= c]
    lows = [b for a, b, c in zip(acc, acc[1:], acc[2:], strict=False) if b <= a and b <= c]
    swings = sum(high - low >= 0.03 for high, low in zip(highs, lows, strict=False))
    return trace.num_steps if acc and swings >= max(1, 0.2 * len(acc)) else None


def auto_slow(trace: Trace) -> Fired:
    """No epoch brought 0.01 of accuracy."""
    return trace.num_steps if _poor(trace, slow_only=True) else None


# -- DeepDiagnosis -----------------------------------------------------------------------------


def deep_out_of_range(trace: Trace) -> Fired:
    """Outputs span over ten times the targets' range (where the loss takes no logits)."""
    wide = not trace.class_counts and trace.output_range > 10 * trace.target_range
    return trace.epoch_steps[0] if wide and trace.epoch_steps else None


def deep_numerical(trace: Trace) -> Fired:
    """A mean that is NaN, infinite, or exactly 0."""
    bad = exploding_tensor(trace)
    return bad if bad is not None else all_zero(trace)


def deep_dead(trace: Trace) -> Fired:
    """70 % of a ReLU's outputs are 0, in the last epoch."""
    last = trace.saved[-1:]
    return next((s.step for s in last if any(v >= 0.7 for v in s.relu_zero.values())), None)


def deep_saturated(trace: Trace) -> Fired:
    """Over half of a bounded activation's inputs beyond 5."""
    return first(trace, lambda s: any(b["five"] > 0.5 for b in s.bounded.values()))


def deep_unchanged(trace: Trace) -> Fired:
    """A weight that stays as it is for 5 looks."""
    for index in range(4, len(trace.saved)):
        run = trace.saved[index - 3 : index + 1]
        if any(all(s.unchanged.get(name) for s in run) for name in run[0].unchanged):
            return trace.saved[index].step
    return None


def deep_loss_flat(trace: Trace) -> Fired:
    """The same loss in 5 epochs running."""
    for index in range(4, len(trace.train_loss)):
        if len(set(trace.train_loss[index - 4 : index + 1])) == 1:
            return trace.epoch_steps[index]
    return None


TOOLS: Mapping[str, Rules] = {
    "SageMaker Debugger": {
        "VanishingGradient": vanishing_gradient,
        "ExplodingTensor": exploding_tensor,
        "PoorWeightInitialization": poor_weight_initialization,
        "SaturatedActivation": saturated_activation,
        "DeadRelu": dead_relu,
        "UnchangedTensor": unchanged_tensor,
        "Overfit": overfit,
        "Overtraining": overtraining,
        "LossNotDecreasing": loss_not_decreasing,
        "ClassImbalance": class_imbalance,
        "AllZero": all_zero,
        "WeightUpdateRatio": weight_update_ratio,
    },
    "AutoTrainer": {
        "vanish": auto_vanish,
        "explode": auto_explode,
        "relu": auto_dying_relu,
        "unstable": auto_unstable,
        "not_converge": auto_slow,
    },
    "DeepDiagnosis": {
        "out of range": deep_out_of_range,
        "numerical error": deep_numerical,
        "dead node": deep_dead,
        "saturated activation": deep_saturated,
        "unchanged weight": deep_unchanged,
        "loss not decreasing": deep_loss_flat,
        "vanishing gradient": vanishing_gradient,
    },
}


def fired(trace: Trace, tool: str) -> list[tuple[str, int]]:
    """The rules of a tool that fire, the earliest first; DeepDiagnosis stops at its first."""
    steps = {name: rule(trace) for name, rule in TOOLS[tool].items()}
    found = sorted(((n, s) for n, s in steps.items() if s is not None), key=lambda pair: pair[1])
    return found[:1] if tool == "DeepDiagnosis" else found
