"""The learning-rate schedules that a recipe can name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .parts import Count, Fraction, Part, PartOfAll, Positive, default_kind


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


SCHEDULES = (Constant, Step, Exponential, Cosine, OneCycle)
Schedule = Annotated[
    Constant | Step | Exponential | Cosine | OneCycle,
    Field(discriminator="kind"),
    default_kind("cosine"),
]
