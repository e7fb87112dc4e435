"""The optimisers that a recipe can name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .parts import Fraction, NonNegative, Part, Positive, default_kind


class SGD(Part):
    """Gradient descent, without memory."""

    kind: Literal["sgd"] = "sgd"
    lr: Positive = 0.1
    weight_decay: NonNegative = 0.0


class Momentum(Part):
    """Gradient descent with a velocity."""

    kind: Literal["momentum"] = "momentum"
    lr: Positive = 0.02
    momentum: Fraction = 0.9
    weight_decay: NonNegative = 0.0


class Nesterov(Part):
    """Momentum with the gradient taken ahead."""

    kind: Literal["nesterov"] = "nesterov"
    lr: Positive = 0.02
    momentum: Fraction = 0.9
    weight_decay: NonNegative = 0.0


class Adagrad(Part):
    """Rates divided by the root of the summed squared gradients."""

    kind: Literal["adagrad"] = "adagrad"
    lr: Positive = 0.02
    eps: Positive = 1e-10
    weight_decay: NonNegative = 0.0


class RMSProp(Part):
    """Rates divided by the root of a moving mean of squared gradients."""

    kind: Literal["rmsprop"] = "rmsprop"
    lr: Positive = 1e-3
    alpha: Fraction = 0.99
    eps: Positive = 1e-8
    weight_decay: NonNegative = 0.0


class Adam(Part):
    """Momentum and rates by coordinate, both bias-corrected; decay enters the gradient (L2)."""

    kind: Literal["adam"] = "adam"
    lr: Positive = 2e-3
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NonNegative = 0.0


class AdamW(Part):
    """Adam with weight decay applied to the weights directly (decoupled)."""

    kind: Literal["adamw"] = "adamw"
    lr: Positive = 2e-3
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NonNegative = 0.01


Optimizer = Annotated[
    SGD | Momentum | Nesterov | Adagrad | RMSProp | Adam | AdamW,
    Field(discriminator="kind"),
    default_kind("adamw"),
]
