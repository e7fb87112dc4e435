"""The recipe: everything that one can choose about a run, as one frozen value.

A field that is ``None`` means "goodfit decides when it has seen the data"; the recipe that a
run writes has every such field filled in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from .augment import Augment
from .clips import Clip, NoClip
from .evaluate import Evaluate
from .inputs import DataSource, Prepare, Split
from .networks import CNN, MLP, Net, OwnNet, ResNet
from .optimizers import AdamW, NoPenalty, Optimizer, Penalty
from .parts import Count, Integer, NonNegative, Part, told
from .schedules import Cosine, Schedule
from .transfer import Transfer

if TYPE_CHECKING:
    from .space import Space


class EarlyStopping(Part):
    """Stop when ``patience`` epochs have brought nothing better; keep the best weights.

    ``monitor`` says what is compared: ``"loss"``, or ``"metric"`` (accuracy, R²), where equal ones
    are told apart by the loss. A network that grows too sure of itself gets a higher loss and yet
    more answers right (Guo et al. 2017, "On calibration of modern neural networks"). ``"auto"`` is
    the metric in classification with 2,000 validation rows or more, which tell half a percent
    apart; else the loss. What improves by less than ``min_delta`` counts as no better.

    Example:
        >>> EarlyStopping(monitor="metric").better((0.31, 0.92), than=(0.30, 0.91))
        True
    """

    enabled: Annotated[bool, told("Whether a run may end before its last epoch.")] = True
    patience: Annotated[
        Count, told("After how many epochs without anything better a run stops.")
    ] = 10
    min_delta: Annotated[
        NonNegative,
        told("By how much a loss (in its own unit, say nats) or metric must improve to be better."),
    ] = 0.0
    monitor: Annotated[
        Literal["auto", "loss", "metric"],
        told("What is compared: validation's loss, its metric, or what fits the data (auto)."),
    ] = "auto"

    def better(self, epoch: tuple[float, float], *, than: tuple[float, float]) -> bool:
        """Say whether validation's loss and metric after an epoch are better than others."""
        (loss, metric), (best_loss, best_metric) = epoch, than
        less_loss = loss < best_loss - self.min_delta
        if self.monitor != "metric":
            return less_loss
        return metric > best_metric + self.min_delta or (metric == best_metric and less_loss)


class Engine(Part):
    """Who runs the steps. ``auto`` compiles when the run is long enough to win it back."""

    mode: Annotated[
        Literal["auto", "eager", "traced", "compiled"],
        told("Who runs the steps; auto takes what is fastest for the length of the run."),
    ] = "auto"
    threads: Annotated[
        Count | None, told("How many cores compute one step; without it goodfit decides.")
    ] = None


TaskChoice = Literal["auto", "classification", "regression"]


def _as_source(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


class Recipe(Part):
    """One run, completely described.

    ``data`` is a table of its own or a name; ``task`` is decided from the target unless it is
    given. A step takes ``batch_size`` rows, an epoch is one pass over the N training rows, in
    ``ceil(N / batch_size)`` iterations: 1,000 rows in batches of 20 are 50 (notes n0, n1). All N
    rows in one batch, or one row, are batches like others. Without ``epochs`` the number is decided
    from the data. Every draw comes from ``seed``. The tables ``split``, ``prepare``, ``augment``,
    ``net``, ``optimizer``, ``penalty``, ``clip``, ``schedule``, ``early_stopping``, ``transfer``,
    ``evaluate`` and ``engine`` have explanations of their own.

    Example:
        >>> recipe = Recipe(data="digits", net=MLP(hidden=(32,)), optimizer=AdamW(lr=1e-3))
        >>> recipe.net.hidden, recipe.optimizer.lr, recipe.seed
        ((32,), 0.001, 0)
    """

    data: Annotated[
        DataSource,
        BeforeValidator(_as_source),
        told("The source, by name or path, or a table of its own."),
    ]
    task: Annotated[TaskChoice, told("What is learned; auto goes by the target.")] = "auto"
    batch_size: Annotated[
        Count | None,
        told("How many rows a step takes; without it goodfit decides by the number of rows."),
    ] = None
    epochs: Annotated[
        Count | None,
        told("How many passes over the training rows; without it goodfit decides by the data."),
    ] = None
    seed: Annotated[
        Integer, Field(ge=0, lt=2**63), told("What every random draw of the run comes from.")
    ] = 0
    split: Annotated[Split, told("Which rows validate and which test.")] = Split()
    prepare: Annotated[
        Prepare, told("How inputs are scaled, gaps filled, texts and dates encoded.")
    ] = Prepare()
    augment: Annotated[Augment, told("How training batches change anew at each step.")] = Augment()
    net: Annotated[
        Net | None,
        told("The network, by its kind or its table; without it goodfit decides by the data."),
    ] = None
    optimizer: Annotated[Optimizer, told("How gradients move the weights.")] = AdamW()
    penalty: Annotated[Penalty, told("What is added to the loss for large weights.")] = NoPenalty()
    clip: Annotated[Clip, told("How gradients that are too long are cut.")] = NoClip()
    schedule: Annotated[Schedule, told("How the learning rate changes during the run.")] = Cosine()
    early_stopping: Annotated[EarlyStopping, told("When a run ends before its last epoch.")] = (
        EarlyStopping()
    )
    transfer: Annotated[
        Transfer | None,
        told("Trained weights to start from; without it weights start as the network has them."),
    ] = None
    evaluate: Annotated[Evaluate, told("How the trained network is asked.")] = Evaluate()
    engine: Annotated[Engine, told("Who runs the steps.")] = Engine()

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
            augment: Augment = ...,
            net: MLP | CNN | ResNet | OwnNet | None = None,
            optimizer: Optimizer = ...,
            penalty: Penalty = ...,
            clip: Clip = ...,
            schedule: Schedule = ...,
            early_stopping: EarlyStopping = ...,
            transfer: Transfer | None = None,
            evaluate: Evaluate = ...,
            engine: Engine = ...,
        ) -> None: ...

        def vary(self, /, **distributions: Any) -> Space: ...
