"""How a recipe cuts gradients that are too long."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .parts import Part, PartOfAll, Positive, default_kind, told


class NoClip(Part):
    """Gradients as they are."""

    kind: Literal["none"] = "none"


class ClipValue(Part):
    """Each number of the gradient is cut to ``limit``."""

    kind: Literal["value"] = "value"
    limit: Annotated[Positive, told("The largest absolute value of a number of the gradient.")] = (
        1.0
    )


class ClipNorm(Part):
    """A gradient whose norm is over ``limit`` is shortened to it."""

    kind: Literal["norm"] = "norm"
    limit: Annotated[Positive, told("The largest norm of the gradient of all weights.")] = 1.0


class ClipPercentile(Part):
    """The limit is measured: below it lies this ``share`` of the norms of the last 256 steps."""

    kind: Literal["percentile"] = "percentile"
    share: Annotated[PartOfAll, told("Which share of the last 256 norms lies below the limit.")] = (
        0.9
    )


Clip = Annotated[
    NoClip | ClipValue | ClipNorm | ClipPercentile,
    Field(discriminator="kind"),
    default_kind("norm"),
]
