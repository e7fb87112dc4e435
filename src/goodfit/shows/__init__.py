"""What ``goodfit show`` draws: parts of a recipe, measured and drawn before anything is trained.

Each is a function that returns a :class:`~goodfit.records.Sheet`; ``SHOWS`` names them all.
"""

from collections.abc import Callable

from ..records import Sheet
from .augment import show_augment
from .schedule import show_schedule

SHOWS: tuple[Callable[..., Sheet], ...] = (show_augment, show_schedule)

__all__ = ["SHOWS", "show_augment", "show_schedule"]
