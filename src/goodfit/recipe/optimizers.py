"""The optimisers that a recipe can name, and the penalties beside them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .parts import Count, Fraction, NonNegative, Part, Positive, default_kind, told

Rate = Annotated[
    Positive,
    told("The learning rate: what a step is multiplied by. A schedule multiplies it in turn."),
]
Decay = Annotated[
    NonNegative,
    told(
        "How strongly weights are pulled to 0: weight_decay times w enters the gradient of w; "
        "under adamw each step multiplies w by 1 - lr weight_decay instead."
    ),
]
Memory = Annotated[
    Fraction, told("How much of its velocity a step keeps: about 1 / (1 - momentum) steps count.")
]
Epsilon = Annotated[
    Positive,
    told("What is added to the root that the gradient is divided by, in the gradient's unit."),
]


class Descent(Part):
    """Which weights decay, and how the rate follows the batch size: what every optimiser has.

    ``decay_on = "weights"`` lets matrices and kernels decay, but no norm and no bias; "all" lets
    everything: notes n0, 5.2, Weight Decay; He et al., "Bag of tricks for image classification",
    CVPR 2019, 2.3. ``scale_lr`` multiplies the rate by ``batch_size / base_batch_size`` ("linear")
    or its square root ("sqrt"): Goyal et al., 2017; Krizhevsky, 2014.
    """

    decay_on: Annotated[
        Literal["weights", "all"],
        told("What decays: matrices and kernels (weights), or norms and biases too."),
    ] = "weights"
    scale_lr: Annotated[
        Literal["none", "linear", "sqrt"],
        told("How the rate grows with the batch: not, like its size, or like the size's root."),
    ] = "none"
    base_batch_size: Annotated[
        Count, told("The batch size, in rows, for which lr holds where scale_lr scales it.")
    ] = 32


class Accelerated(Descent):
    """What every form of momentum has."""

    lr: Rate = 0.02
    momentum: Memory = 0.9
    weight_decay: Decay = 0.0


class Adaptive(Descent):
    """What both forms of Adam have."""

    lr: Rate = 2e-3
    betas: Annotated[
        tuple[Fraction, Fraction],
        told("What the means of gradients and of their squares keep in a step: beta1 and beta2."),
    ] = (0.9, 0.999)
    eps: Epsilon = 1e-8
    weight_decay: Decay = 0.0
    bias_correction: Annotated[
        bool, told("Whether both means are divided by 1 - beta^t, as they begin at 0.")
    ] = True


class SGD(Descent):
    """Gradient descent, without memory."""

    kind: Literal["sgd"] = "sgd"
    lr: Rate = 0.1
    weight_decay: Decay = 0.0


class Momentum(Accelerated):
    """Gradient descent with a velocity."""

    kind: Literal["momentum"] = "momentum"


class MomentumLRInside(Accelerated):
    """Momentum whose velocity holds the rates of its own steps."""

    kind: Literal["momentum-lr-inside"] = "momentum-lr-inside"


class MomentumEMA(Accelerated):
    """Momentum whose velocity is a moving average: takes 1 / (1 - momentum) times the rate."""

    kind: Literal["momentum-ema"] = "momentum-ema"
    lr: Rate = 0.2


class Nesterov(Accelerated):
    """Momentum with the gradient taken ahead."""

    kind: Literal["nesterov"] = "nesterov"


class NesterovRewritten(Accelerated):
    """Nesterov's momentum whose velocity holds the rates of its own steps."""

    kind: Literal["nesterov-rewritten"] = "nesterov-rewritten"


class NesterovLookahead(Accelerated):
    """Nesterov's momentum as two sequences: a gradient step, and a look ahead of it."""

    kind: Literal["nesterov-lookahead"] = "nesterov-lookahead"


class Adagrad(Descent):
    """Rates divided by the root of the summed squared gradients."""

    kind: Literal["adagrad"] = "adagrad"
    lr: Rate = 0.02
    eps: Epsilon = 1e-10
    weight_decay: Decay = 0.0


class RMSProp(Descent):
    """Rates divided by the root of a moving mean of squared gradients."""

    kind: Literal["rmsprop"] = "rmsprop"
    lr: Rate = 1e-3
    alpha: Annotated[Fraction, told("How much the mean of squared gradients keeps in a step.")] = (
        0.99
    )
    eps: Epsilon = 1e-8
    weight_decay: Decay = 0.0


class Adam(Adaptive):
    """Momentum and rates by coordinate, both bias-corrected; decay enters the gradient (L2)."""

    kind: Literal["adam"] = "adam"


class AdamW(Adaptive):
    """Adam with weight decay applied to the weights directly (decoupled)."""

    kind: Literal["adamw"] = "adamw"
    weight_decay: Decay = 0.01


AnyMomentum = (
    Momentum | MomentumLRInside | MomentumEMA | Nesterov | NesterovRewritten | NesterovLookahead
)
Optimizer = Annotated[
    SGD | AnyMomentum | Adagrad | RMSProp | Adam | AdamW,
    Field(discriminator="kind"),
    default_kind("adamw"),
]


class NoPenalty(Part):
    """The loss alone."""

    kind: Literal["none"] = "none"


class L1(Part):
    """``strength`` times the sum of absolute weights."""

    kind: Literal["l1"] = "l1"
    strength: Annotated[NonNegative, told("What the penalty's sum is multiplied by.")] = 1e-4


class L2(Part):
    """``strength`` times the sum of squared weights."""

    kind: Literal["l2"] = "l2"
    strength: Annotated[NonNegative, told("What the penalty's sum is multiplied by.")] = 1e-4


class Elastic(Part):
    """``alpha`` times the sum of squares, ``beta`` times that of absolute weights."""

    kind: Literal["elastic"] = "elastic"
    alpha: Annotated[NonNegative, told("What the sum of squared weights is multiplied by.")] = 1e-4
    beta: Annotated[NonNegative, told("What the sum of absolute weights is multiplied by.")] = 1e-4


class Decoupled(Part):
    """Weights times ``1 - lr strength`` before each step, for any optimiser."""

    kind: Literal["decoupled"] = "decoupled"
    strength: Annotated[NonNegative, told("Each step multiplies weights by 1 - lr strength.")] = (
        0.01
    )


Penalty = Annotated[
    NoPenalty | L1 | L2 | Elastic | Decoupled, Field(discriminator="kind"), default_kind("l2")
]
