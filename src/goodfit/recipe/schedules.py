"""The learning-rate schedules that a recipe can name."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from .parts import Count, Fraction, Integer, Part, PartOfAll, Positive, default_kind, told


def _rising(epochs: tuple[int, ...]) -> tuple[int, ...]:
    if any(late <= early for early, late in pairwise(epochs)):
        raise ValueError("should rise, each epoch once; give milestones in rising order")
    return epochs


Epochs = Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(_rising)]
Warmup = Annotated[
    Fraction,
    told("The share of all steps in which the rate rises from nearly 0; the schedule follows."),
]
Gamma = Annotated[Positive, told("What the rate is multiplied by each time.")]
Floor = Annotated[Fraction, told("The lowest rate, as a share of the base rate.")]


class Constant(Part):
    """One rate throughout, after ``warmup`` (a fraction of all steps)."""

    kind: Literal["constant"] = "constant"
    warmup: Warmup = 0.0


class Step(Part):
    """The rate times ``gamma`` after each ``every`` epochs."""

    kind: Literal["step"] = "step"
    every: Annotated[Count, told("After how many epochs the rate is cut again.")] = 10
    gamma: Gamma = 0.1
    warmup: Warmup = 0.0


class MultiStep(Part):
    """The rate times ``gamma`` after each epoch of a list that rises."""

    kind: Literal["multi-step"] = "multi-step"
    epochs: Annotated[Epochs, told("After which epochs the rate is cut, in rising order.")] = (
        10,
        20,
    )
    gamma: Gamma = 0.1
    warmup: Warmup = 0.0


class Exponential(Part):
    """The rate times ``gamma`` after each epoch."""

    kind: Literal["exponential"] = "exponential"
    gamma: Gamma = 0.95
    warmup: Warmup = 0.0


class Cosine(Part):
    """Half a cosine from the rate down to ``floor`` times the rate."""

    kind: Literal["cosine"] = "cosine"
    floor: Floor = 0.0
    warmup: Warmup = 0.05


class WarmRestarts(Part):
    """Cosines one after the other: the first of ``first`` epochs, each ``mult`` times longer."""

    kind: Literal["warm-restarts"] = "warm-restarts"
    first: Annotated[Count, told("The length of the first cosine, in epochs.")] = 5
    mult: Annotated[Count, told("How many times longer each cosine is than the one before.")] = 2
    floor: Floor = 0.0
    warmup: Warmup = 0.0


class Cyclical(Part):
    """Up from ``lr / div`` to ``lr`` in ``rise`` epochs, down in as many, again and again.

    "halved" halves the height of each cycle.
    """

    kind: Literal["cyclical"] = "cyclical"
    rise: Annotated[Positive, told("How long the rate rises, in epochs; it falls as long.")] = 2.0
    div: Annotated[Positive, Field(ge=1.0), told("The lowest rate is lr / div.")] = 10.0
    shape: Annotated[
        Literal["triangular", "halved"],
        told("Whether all cycles are as high, or each half as high as the one before."),
    ] = "triangular"
    warmup: Warmup = 0.0


class OnPlateau(Part):
    """The rate times ``factor`` when validation loss has not fallen for ``patience`` epochs.

    A loss counts as fallen when it is under ``1 - threshold`` times the best. After a cut
    ``cooldown`` epochs do not count. The rate stays above ``floor`` times its start.
    """

    kind: Literal["on-plateau"] = "on-plateau"
    factor: Annotated[
        PartOfAll, told("What the rate is multiplied by when the loss has not fallen.")
    ] = 0.3
    patience: Annotated[
        Annotated[Integer, Field(ge=0)],
        told("For how many epochs the loss may not fall before the rate is cut."),
    ] = 4
    threshold: Annotated[
        Fraction, told("By which share of the best loss a loss must fall to count as fallen.")
    ] = 1e-4
    cooldown: Annotated[
        Annotated[Integer, Field(ge=0)], told("How many epochs after a cut do not count.")
    ] = 0
    floor: Floor = 1e-3
    warmup: Warmup = 0.0


class OneCycle(Part):
    """Up from ``lr / div`` to ``lr`` in the first ``rise`` of the run, then down to nearly 0."""

    kind: Literal["one-cycle"] = "one-cycle"
    rise: Annotated[PartOfAll, told("The share of the run in which the rate rises.")] = 0.3
    div: Annotated[Positive, told("The first rate is lr / div.")] = 25.0
    final_div: Annotated[Positive, told("The last rate is lr / (div final_div).")] = 1e4


SCHEDULES = (
    *(Constant, Step, MultiStep, Exponential, Cosine),
    *(WarmRestarts, Cyclical, OneCycle, OnPlateau),
)
Schedule = Annotated[
    Constant
    | Step
    | MultiStep
    | Exponential
    | Cosine
    | WarmRestarts
    | Cyclical
    | OneCycle
    | OnPlateau,
    Field(discriminator="kind"),
    default_kind("cosine"),
]
