"""Watch loops that are not ours: any torch loop, and those of other frameworks."""

from .watch import Watch, watch

__all__ = ["Watch", "watch"]
