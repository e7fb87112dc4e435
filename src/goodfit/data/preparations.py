"""All that a recipe's ``[prepare]`` table can name, by name."""

from __future__ import annotations

from collections.abc import Mapping

from .dates import DATES
from .encoders import ENCODERS
from .filling import IMPUTERS, MISSING, indicator
from .rotating import TURNINGS
from .scaling import SCALINGS

PREPARATIONS: Mapping[str, object] = {
    **SCALINGS,
    **TURNINGS,
    **MISSING,
    **IMPUTERS,
    "indicator": indicator,
    **ENCODERS,
    **DATES,
}
