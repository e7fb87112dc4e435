"""The recipe: everything that one can choose about a run, as one frozen value.

A field that is ``None`` means "goodfit decides when it has seen the data"; the recipe that a
run writes has every such field filled in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from .space import Space


def _no_flag(value: Any) -> Any:
    """Refuse true and false, which Python would take as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("should be a number")
    return value


Integer = Annotated[int, BeforeValidator(_no_flag)]
Real = Annotated[float, BeforeValidator(_no_flag)]
Fraction = Annotated[Real, Field(ge=0.0, lt=1.0)]
Positive = Annotated[Real, Field(gt=0.0, allow_inf_nan=False)]
NonNegative = Annotated[Real, Field(ge=0.0, allow_inf_nan=False)]
PartOfAll = Annotated[Real, Field(gt=0.0, lt=1.0)]
Count = Annotated[Integer, Field(ge=1)]
Activation = Literal["relu", "leaky-relu", "elu", "gelu", "silu", "tanh", "sigmoid"]


class Part(BaseModel):
    """A frozen piece of a recipe; names that it does not know are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def _default_kind(kind: str) -> BeforeValidator:
    """Let a table without ``kind`` mean the default member of its family."""

    def fill(value: Any) -> Any:
        return {"kind": kind, **value} if isinstance(value, dict) else value

    return BeforeValidator(fill)


class DataSource(Part):
    """Where the data comes from.

    ``path`` is a built-in name ("digits", "wine", ...), a CSV, Parquet or NPZ file, or a
    folder of images with one folder per class. ``folder`` says where a named set's files lie.
    """

    path: str = Field(min_length=1)
    target: str | None = None
    folder: str | None = None


class Split(Part):
    """Fractions of the rows that validate and that test; the rest trains.

    ``seed`` says which rows; None means the recipe's own seed. Runs that are to be compared
    share it.
    """

    validation: PartOfAll = 0.15
    test: PartOfAll = 0.15
    stratify: bool = True
    seed: Annotated[Integer, Field(ge=0, lt=2**63)] | None = None

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> Split:
        if self.validation + self.test >= 1.0:
            raise ValueError("validation + test must stay under 1, or nothing is left to train on")
        return self


class Prepare(Part):
    """How inputs are scaled; statistics come from the training part only."""

    scale: Literal["standardise", "min-max", "none"] = "standardise"


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


Net = Annotated[MLP | CNN | OwnNet, Field(discriminator="kind"), _default_kind("mlp")]


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
    _default_kind("adamw"),
]


class Constant(Part):
    """One rate throughout, after ``warmup`` (a fraction of all steps)."""

    kind: Literal["constant"] = "constant"
    warmup: Fraction = 0.0


class Step(Part):
    """The rate times ``gamma`` after each ``every`` epochs."""

    kind: Literal["step"] = "step"
    every: Count = 10
    gamma: Positive = 0.1
    warmup: Fraction = 0.0


class Exponential(Part):
    """The rate times ``gamma`` after each epoch."""

    kind: Literal["exponential"] = "exponential"
    gamma: Positive = 0.95
    warmup: Fraction = 0.0


class Cosine(Part):
    """Half a cosine from the rate down to ``floor`` times the rate."""

    kind: Literal["cosine"] = "cosine"
    floor: Fraction = 0.0
    warmup: Fraction = 0.05


class OneCycle(Part):
    """Up from ``lr / div`` to ``lr`` in the first ``rise`` of the run, then down to nearly 0."""

    kind: Literal["one-cycle"] = "one-cycle"
    rise: PartOfAll = 0.3
    div: Positive = 25.0
    final_div: Positive = 1e4


Schedule = Annotated[
    Constant | Step | Exponential | Cosine | OneCycle,
    Field(discriminator="kind"),
    _default_kind("cosine"),
]


class EarlyStopping(Part):
    """Stop when validation loss has not fallen for ``patience`` epochs; keep the best weights."""

    enabled: bool = True
    patience: Count = 10
    min_delta: NonNegative = 0.0


class Engine(Part):
    """Who runs the steps. ``auto`` compiles when the run is long enough to win it back."""

    mode: Literal["auto", "eager", "traced", "compiled"] = "auto"
    threads: Count | None = None


TaskChoice = Literal["auto", "classification", "regression"]


def _as_source(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


class Recipe(Part):
    """One run, completely described.

    Example:
        >>> recipe = Recipe(data="digits", net=MLP(hidden=(32,)), optimizer=AdamW(lr=1e-3))
        >>> recipe.net.hidden, recipe.optimizer.lr, recipe.seed
        ((32,), 0.001, 0)
    """

    data: Annotated[DataSource, BeforeValidator(_as_source)]
    task: TaskChoice = "auto"
    batch_size: Count | None = None
    epochs: Count | None = None
    seed: Annotated[Integer, Field(ge=0, lt=2**63)] = 0
    split: Split = Split()
    prepare: Prepare = Prepare()
    net: Net | None = None
    optimizer: Optimizer = AdamW()
    schedule: Schedule = Cosine()
    early_stopping: EarlyStopping = EarlyStopping()
    engine: Engine = Engine()

    if TYPE_CHECKING:  # what type checkers cannot read off the fields: data may be a name

        def __init__(
            self,
            *,
            data: DataSource | str,
            task: TaskChoice = "auto",
            batch_size: int | None = None,
            epochs: int | None = None,
            seed: int = 0,
            split: Split = ...,
            prepare: Prepare = ...,
            net: MLP | CNN | OwnNet | None = None,
            optimizer: Optimizer = ...,
            schedule: Schedule = ...,
            early_stopping: EarlyStopping = ...,
            engine: Engine = ...,
        ) -> None: ...

        def vary(self, /, **distributions: Any) -> Space: ...
