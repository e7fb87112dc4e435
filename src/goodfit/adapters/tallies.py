"""Counting: how often something happened, of how many times it was looked for."""

from __future__ import annotations

from collections.abc import Mapping

from ..records import TALLIES, Tally


class Counts:
    """Counts by the names of :data:`~goodfit.records.TALLIES`; what was never looked for is absent.

    Example:
        >>> counts = Counts()
        >>> counts.count("clipped", True)
        >>> counts.count("clipped", False)
        >>> counts.record()
        {'clipped': Tally(happened=1, of=2)}
    """

    def __init__(self) -> None:
        self.held: dict[str, list[int]] = {}

    def count(self, name: str, happened: bool) -> None:
        """Count one place where it was looked for."""
        self.put(name, int(happened), 1)

    def put(self, name: str, happened: int, of: int) -> None:
        """Count ``of`` places at once."""
        held = self.held.setdefault(name, [0, 0])
        held[0] += happened
        held[1] += of

    def set(self, name: str, happened: int, of: int) -> None:
        """Put a count in place of what was counted, for what is a state and not an event."""
        self.held[name] = [happened, of]

    def record(self) -> Mapping[str, Tally]:
        """Return all counts, in the order of the table."""
        held = ((name, self.held[name]) for name in TALLIES if name in self.held)
        return {name: Tally(happened=happened, of=of) for name, (happened, of) in held}
