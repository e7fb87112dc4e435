"""How a recipe cuts gradients that are too long."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .parts import Part, PartOfAll, Positive, default_kind


class NoClip(Part):
    """Gradients as they are."""

    kind: Literal["none"] = "none"


class ClipValue(Part):
    """Each number of the gradient is cut to ``limit``."""

    kind: Literal["value"] = "value"
    limit: Positive = 1.0


class ClipNorm(Part):
    """A gradient whose norm is over ``limit`` is shortened to it."""

    kind: Literal["norm"] = "norm"
    limit: Positive = 1.0


class ClipPercentile(Part):
    """The limit is measured: below it lies this ``share`` of the norms of the last 256 steps."""

    kind: Literal["percentile"] = "percentile"
    share: PartOfAll = 0.9


Clip = Annotated[
    NoClip | ClipValue | ClipNorm | ClipPercentile,
    Field(discriminator="kind"),
    default_kind("norm"),
]
