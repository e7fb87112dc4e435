"""Hooks that a copy of the network does not take along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Hook:
    """A hook that does nothing in copies of what it hangs on, deep or pickled.

    A bound method would drag its object into every ``copy.deepcopy`` of the network (as for an
    average of weights), whose passes would then be taken for the watched network's; a closure
    could not be pickled, so ``torch.save(network)`` would fail.
    """

    def __deepcopy__(self, memo: object) -> Callable[..., None]:
        return inert

    def __reduce__(self) -> tuple[Callable[[], Callable[..., None]], tuple[()]]:
        return (get_inert, ())


class Call(Hook):
    """A hook that calls ``run``."""

    __slots__ = ("run",)

    def __init__(self, run: Callable[..., Any]) -> None:
        self.run = run

    def __call__(self, *args: Any) -> None:
        self.run(*args)


def inert(*args: object) -> None:
    """Do nothing: what a hook becomes in a copy."""


def get_inert() -> Callable[..., None]:
    """Return :func:`inert`; what a pickled hook is loaded by."""
    return inert
