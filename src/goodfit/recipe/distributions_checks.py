"""What no distribution may be: each a clear error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..errors import RecipeError

MOST_LAYERS = 1_000


def check_ends(low: float, high: float, *, log: bool) -> None:
    """Raise unless these are two different finite ends in their order, above 0 on a log scale."""
    given = f"low = {low}, high = {high}"
    if not all(isinstance(end, int) or math.isfinite(end) for end in (low, high)):
        raise RecipeError(
            "The ends of a range are finite numbers.", given=given, do="Give two finite numbers."
        )
    if low == high:
        raise RecipeError(
            "The ends of the range are equal.",
            given=given,
            do=f"Write the value itself, {low}, or give two ends.",
        )
    if low > high:
        raise RecipeError(
            "The ends of the range are swapped.",
            given=given,
            do=f"Write low = {high}, high = {low}.",
        )
    if log and low <= 0:
        raise RecipeError(
            "A log scale has no zero and nothing below it.",
            given=given,
            do="Let low be above 0, or leave the log scale.",
        )


def check_options(options: Sequence[Any]) -> None:
    """Raise unless these are two options or more, each of them once."""
    given = ", ".join(map(str, options)) or "no options"
    if not options:
        raise RecipeError("A choice of nothing.", given=given, do="Give two options or more.")
    if len(options) == 1:
        raise RecipeError(
            "A choice of one is no choice.",
            given=given,
            do="Write the value itself, or give more options.",
        )
    if None in options:
        raise RecipeError(
            "None is no option: a file cannot hold it.", given=given, do="Name the value."
        )
    for index, option in enumerate(options):
        if option in options[:index]:
            raise RecipeError(
                "A choice has the same option twice.", given=str(option), do="Remove one of them."
            )


def check_whole(numbers: Sequence[Any], given: Any) -> None:
    """Raise unless the depth or width of layers is made of whole numbers."""
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        raise RecipeError(
            "Depth and width of layers are whole numbers or distributions of such.",
            given=str(given),
            do='Give, say, 3 or { distribution = "integer", low = 1, high = 4 }.',
        )


def check_stack(depths: Sequence[int], widths: Sequence[int]) -> None:
    """Raise unless depth or width is searched, and the depth can be built."""
    if len(depths) == len(widths) == 1:
        raise RecipeError(
            "Layers of one depth and one width are nothing to search.",
            given=f"depth = {depths[0]}, width = {widths[0]}",
            do="Write the list of widths, or make depth or width a distribution.",
        )
    if min(depths) < 0 or max(depths) > MOST_LAYERS:
        raise RecipeError(
            f"The depth of layers is 0 to {MOST_LAYERS:,}.",
            given=f"depth from {min(depths)} to {max(depths)}",
            do="Give a depth between these.",
        )
