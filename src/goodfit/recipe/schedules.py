"""The learning-rate schedules that a recipe can name."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from .parts import Count, Fraction, Integer, Part, PartOfAll, Positive, default_kind


def _rising(epochs: tuple[int, ...]) -> tuple[int, ...]:
    if any(late <= early for early, late in pairwise(epochs)):
        raise ValueError("should rise, each epoch once")
    return epochs


Epochs = Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(_rising)]


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


class MultiStep(Part):
    """The rate times ``gamma`` after each epoch of a list that rises."""

    kind: Literal["multi-step"] = "multi-step"
    epochs: Epochs = (10, 20)
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


class WarmRestarts(Part):
    """Cosines one after the other: the first of ``first`` epochs, each ``mult`` times longer."""

    kind: Literal["warm-restarts"] = "warm-restarts"
    first: Count = 5
    mult: Count = 2
    floor: Fraction = 0.0
    warmup: Fraction = 0.0


class Cyclical(Part):
    """Up from ``lr / div`` to ``lr`` in ``rise`` epochs, down in as many, again and again.

    "halved" halves the height of each cycle.
    """

    kind: Literal["cyclical"] = "cyclical"
    rise: Positive = 2.0
    div: Annotated[Positive, Field(ge=1.0)] = 10.0
    shape: Literal["triangular", "halved"] = "triangular"
    warmup: Fraction = 0.0


class OnPlateau(Part):
    """The rate times ``factor`` when validation loss has not fallen for ``patience`` epochs.

    A loss counts as fallen when it is under ``1 - threshold`` times the best. After a cut
    ``cooldown`` epochs do not count. The rate stays above ``floor`` times its start.
    """

    kind: Literal["on-plateau"] = "on-plateau"
    factor: PartOfAll = 0.3
    patience: Annotated[Integer, Field(ge=0)] = 4
    threshold: Fraction = 1e-4
    cooldown: Annotated[Integer, Field(ge=0)] = 0
    floor: Fraction = 1e-3
    warmup: Fraction = 0.0


class OneCycle(Part):
    """Up from ``lr / div`` to ``lr`` in the first ``rise`` of the run, then down to nearly 0."""

    kind: Literal["one-cycle"] = "one-cycle"
    rise: PartOfAll = 0.3
    div: Positive = 25.0
    final_div: Positive = 1e4


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
