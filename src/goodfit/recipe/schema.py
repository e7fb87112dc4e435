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
from .parts import Count, Integer, NonNegative, Part
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

    enabled: bool = True
    patience: Count = 10
    min_delta: NonNegative = 0.0
    monitor: Literal["auto", "loss", "metric"] = "auto"

    def better(self, epoch: tuple[float, float], *, than: tuple[float, float]) -> bool:
        """Say whether validation's loss and metric after an epoch are better than others."""
        (loss, metric), (best_loss, best_metric) = epoch, than
        less_loss = loss < best_loss - self.min_delta
        if self.monitor != "metric":
            return less_loss
        return metric > best_metric + self.min_delta or (metric == best_metric and less_loss)


class Engine(Part):
    """Who runs the steps. ``auto`` compiles when the run is long enough to win it back."""

    mode: Literal["auto", "eager", "traced", "compiled"] = "auto"
    threads: Count | None = None


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

    data: Annotated[DataSource, BeforeValidator(_as_source)]
    task: TaskChoice = "auto"
    batch_size: Count | None = None
    epochs: Count | None = None
    seed: Annotated[Integer, Field(ge=0, lt=2**63)] = 0
    split: Split = Split()
    prepare: Prepare = Prepare()
    augment: Augment = Augment()
    net: Net | None = None
    optimizer: Optimizer = AdamW()
    penalty: Penalty = NoPenalty()
    clip: Clip = NoClip()
    schedule: Schedule = Cosine()
    early_stopping: EarlyStopping = EarlyStopping()
    transfer: Transfer | None = None
    evaluate: Evaluate = Evaluate()
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
