"""What every record can do: to and from plain JSON values."""

from __future__ import annotations

from dataclasses import asdict
from importlib import import_module
from typing import Any, Literal, Self

Task = Literal["classification", "regression"]


class Record:
    """Conversion to and from plain JSON values, shared by every record.

    Example:
        >>> from goodfit.records import SplitSizes
        >>> split = SplitSizes(train=70, validation=15, test=15)
        >>> SplitSizes.from_json(split.to_json()) == split
        True
    """

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values (dicts, lists, numbers, strings)."""
        return asdict(self)  # pyright: ignore[reportArgumentType]

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Rebuild the record; raises ``pydantic.ValidationError`` on other shapes."""
        # Loaded here: 6 MiB that a watched loop, which only writes records, does without.
        return import_module("pydantic").TypeAdapter(cls).validate_python(values)
