"""Which names of the catalogue an alert of another tool may stand for; read generously."""

from collections.abc import Mapping

_START = ("init-too-small", "init-too-large", "symmetric-init", "initial-loss-off", "dead-at-init")
_VANISH = ("gradient-vanishing", "no-gradient", "init-too-small", "saturated-units", "dead-units")
_BAD = ("loss-not-finite", "gradient-exploding", "input-not-finite", "lr-too-high", "loss-exploded")
_DEAD = ("dead-units", "dead-at-init")
_STILL = ("weights-unchanged", "not-in-optimizer", "no-gradient", "lr-too-low")
_FLAT = (*_STILL, "plateau", "underfitting", "schedule-ended-early")
MEANS: Mapping[str, tuple[str, ...]] = {
    "VanishingGradient": _VANISH,
    "ExplodingTensor": _BAD,
    "PoorWeightInitialization": _START,
    "SaturatedActivation": ("saturated-units", "init-too-large"),
    "DeadRelu": _DEAD,
    "UnchangedTensor": _STILL,
    "Overfit": ("overfitting",),
    "Overtraining": ("overfitting", "plateau"),
    "LossNotDecreasing": (*_FLAT, "lr-too-high"),
    "ClassImbalance": ("class-imbalance",),
    "AllZero": ("no-gradient", *_DEAD),
    "WeightUpdateRatio": ("update-ratio-high", "update-ratio-low", "lr-too-high", *_STILL),
    "vanish": _VANISH,
    "explode": _BAD,
    "relu": _DEAD,
    "unstable": ("oscillating", "lr-too-high", "batch-too-small"),
    "not_converge": _FLAT,
    "out of range": ("loss-output-mismatch",),
    "numerical error": (*_BAD, "no-gradient"),
    "dead node": _DEAD,
    "saturated activation": ("saturated-units", "init-too-large"),
    "unchanged weight": _STILL,
    "loss not decreasing": _FLAT,
    "vanishing gradient": _VANISH,
}
