"""The networks that a recipe can name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .parts import Count, Fraction, Part, default_kind

Activation = Literal["relu", "leaky-relu", "elu", "gelu", "silu", "tanh", "sigmoid"]


class MLP(Part):
    """Dense layers: input, each of ``hidden``, output."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[Count, ...] = (64, 64)
    activation: Activation = "relu"
    norm: Literal["none", "batch", "layer"] = "none"
    dropout: Fraction = 0.0


class CNN(Part):
    """Convolution blocks (3x3, activation, 2x2 pooling) and one dense output layer."""

    kind: Literal["cnn"] = "cnn"
    channels: Annotated[tuple[Count, ...], Field(min_length=1)] = (32, 64)
    activation: Activation = "relu"
    norm: Literal["none", "batch"] = "batch"
    dropout: Fraction = 0.0


class OwnNet(Part):
    """A network of the user's: ``"package.module:factory"``, or a module given in Python."""

    kind: Literal["own"] = "own"
    make: str = ""


NETWORKS = (MLP, CNN, OwnNet)
Net = Annotated[MLP | CNN | OwnNet, Field(discriminator="kind"), default_kind("mlp")]
