"""What ``goodfit show`` draws: parts of a recipe, measured and drawn before anything is trained.

Each is a function that returns a :class:`~goodfit.records.Sheet`; ``SHOWS`` names them all.
"""

from collections.abc import Callable

from ..records import Sheet
from .activation import show_activation
from .augment import show_augment
from .data import show_data
from .descent import show_descent
from .init import show_init
from .schedule import show_schedule

SHOWS: tuple[Callable[..., Sheet], ...] = (
    show_activation,
    show_augment,
    show_data,
    show_descent,
    show_init,
    show_schedule,
)

__all__ = [
    "SHOWS",
    "show_activation",
    "show_augment",
    "show_data",
    "show_descent",
    "show_init",
    "show_schedule",
]
