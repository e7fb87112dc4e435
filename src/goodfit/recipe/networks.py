"""The networks that a recipe can name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from .parts import Count, Fraction, Integer, Part, Real, default_kind, told

Activation = Literal[
    "relu", "leaky-relu", "prelu", "elu", "gelu", "silu", "tanh", "sigmoid", "maxout"
]
HiddenActivation = Annotated[Activation, told("The function behind each hidden layer.")]
Norm = Annotated[
    Literal["none", "batch", "layer"],
    told("What each hidden layer is normalised by: moments of the batch, of the example, none."),
]
NormPlace = Annotated[
    Literal["before", "after"], told("Whether the norm stands before or after the activation.")
]
Dropout = Annotated[
    Fraction,
    told(
        "The share p of hidden numbers that are 0 in a training step, drawn anew at each; the rest "
        "is divided by 1 - p (inverted), or outputs are multiplied by it at test (at-test)."
    ),
]
DropoutForm = Annotated[
    Literal["inverted", "at-test"], told("When dropout rescales: in training, or at test.")
]
# What the notes, torch and Keras call them.
INIT_ALIASES: Mapping[str, str] = {
    "xavier": "xavier-uniform",
    "xavier2": "he-normal",
    "he": "he-normal",
    "kaiming-normal": "he-normal",
    "kaiming-uniform": "he-uniform",
    "glorot-normal": "xavier-normal",
    "glorot-uniform": "xavier-uniform",
}


def own_name(value: Any) -> Any:
    """Return our name of an initialiser for one of its others.

    Example:
        >>> own_name("kaiming-normal"), own_name("orthogonal")
        ('he-normal', 'orthogonal')
    """
    return INIT_ALIASES.get(value, value) if isinstance(value, str) else value


InitName = Literal[
    "torch",
    "constant",
    "small-normal",
    "large-normal",
    "xavier-uniform",
    "xavier-normal",
    "xavier-fan-in",
    "he-uniform",
    "he-normal",
    "orthogonal",
]
Init = Annotated[
    InitName, BeforeValidator(own_name), told("How weights are drawn before the first step.")
]
OutputBias = Annotated[
    Literal["init", "zero", "prior"],
    told("Where the last biases start: by init, at 0, or at the classes' log shares or the mean."),
]
Pieces = Annotated[
    Integer, Field(ge=2), told("Of how many affine functions a maxout takes the largest.")
]
Bias = Annotated[
    Annotated[Real, Field(allow_inf_nan=False)] | None,
    told("What hidden biases start at; without it what init gives."),
]
Channels = Annotated[
    tuple[Count, ...], Field(min_length=1), told("Channels of each block or stage, first to last.")
]


class MLP(Part):
    """Dense layers: input, each of ``hidden``, output.

    ``h = dropout(f(norm(W x + b)))`` from ``[N, D]`` to ``[N, hidden[i]]``, last ``W h + b`` to
    ``[N, outputs]``. A hidden layer is a matrix with a bias, ``norm`` before or after the
    ``activation`` (of ``pieces`` where that is maxout), dropout. ``bias`` is what hidden biases
    start at (without it what ``init`` gives), ``output_bias`` where the last one does: as ``init``
    has it, at zero, or at the classes' log shares or the target's mean ("prior"). Notes n1, n3.
    """

    kind: Literal["mlp"] = "mlp"
    hidden: Annotated[
        tuple[Count, ...],
        told("Widths of the hidden layers, in units, first to last; [] has none."),
    ] = (64, 64)
    activation: HiddenActivation = "relu"
    pieces: Pieces = 2
    norm: Norm = "none"
    norm_place: NormPlace = "before"
    dropout: Dropout = 0.0
    dropout_form: DropoutForm = "inverted"
    init: Init = "torch"
    bias: Bias = None
    output_bias: OutputBias = "init"


class CNN(Part):
    """Convolution blocks (3x3, activation, 2x2 pooling) and one dense output layer.

    A block takes ``[N, C, H, W]`` to ``[N, channels[i], H/2, W/2]``, the output is ``[N,
    outputs]``. Other fields are those of an MLP; dropout stands before the output layer. Notes n3.
    """

    kind: Literal["cnn"] = "cnn"
    channels: Channels = (32, 64)
    activation: HiddenActivation = "relu"
    pieces: Pieces = 2
    norm: Norm = "batch"
    norm_place: NormPlace = "before"
    dropout: Dropout = 0.0
    dropout_form: DropoutForm = "inverted"
    init: Init = "torch"
    bias: Bias = None
    output_bias: OutputBias = "init"


class ResNet(Part):
    """A residual network for small images: a 3x3 stem, stages of blocks, the mean over places.

    ``[N, C, H, W]`` to ``[N, outputs]``. Stage i has ``blocks[i]`` blocks of ``channels[i]``
    channels; each stage but the first halves height and width. A block is
    ``y = f(conv(f(conv(x))) + shortcut(x))`` with norms as in a CNN; the shortcut is the identity,
    or a 1x1 convolution where the shape changes. Other fields are those of an MLP; dropout stands
    before the output layer.

    He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016 (its
    networks for CIFAR-10).
    """

    kind: Literal["resnet"] = "resnet"
    blocks: Annotated[Channels, told("How many blocks each stage has, first to last.")] = (2, 2)
    channels: Channels = (16, 32)
    activation: HiddenActivation = "relu"
    pieces: Pieces = 2
    norm: Norm = "batch"
    norm_place: NormPlace = "before"
    dropout: Dropout = 0.0
    dropout_form: DropoutForm = "inverted"
    init: Init = "torch"
    bias: Bias = None
    output_bias: OutputBias = "init"

    @field_validator("activation")
    @classmethod
    def _keeps_channels(cls, value: Activation) -> Activation:
        if value == "maxout":
            raise ValueError(
                "cannot be maxout in a resnet: it changes the number of channels, and a shortcut "
                "needs the same; take relu or leaky-relu, or a cnn"
            )
        return value

    @model_validator(mode="after")
    def _check_stages(self) -> Self:
        if len(self.blocks) != len(self.channels):
            raise ValueError(
                f"has {len(self.blocks)} numbers of blocks and {len(self.channels)} of channels; "
                "give one of each for a stage"
            )
        return self


class OwnNet(Part):
    """A network of the user's: ``"package.module:factory"``, or a module given in Python.

    The factory is called with the shape of one prepared row and the number of outputs, and returns
    a module that takes ``[N, *input_shape]`` to ``[N, num_outputs]``::

        def make_net(input_shape: tuple[int, ...], num_outputs: int) -> nn.Module:
            return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(input_shape), num_outputs))

    In a recipe ``net = "my_package.my_file:make_net"``; in Python also ``gf.train(recipe,
    net=module)``.
    """

    kind: Literal["own"] = "own"
    make: Annotated[str, told("The factory, as package.module:factory.")] = ""


NETWORKS = (MLP, CNN, ResNet, OwnNet)
Layered = MLP | CNN | ResNet
Net = Annotated[MLP | CNN | ResNet | OwnNet, Field(discriminator="kind"), default_kind("mlp")]
