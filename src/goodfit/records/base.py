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
        """Rebuild the record.

        Raises:
            ValueError: the values have another shape; says in one line where, and what is wrong.

        Example:
            >>> from goodfit.records import SplitSizes
            >>> SplitSizes.from_json({"train": 70, "validation": [], "test": 15})
            Traceback (most recent call last):
            ValueError: validation: Input should be a valid integer
        """
        # Loaded here: 6 MiB that a watched loop, which only writes records, does without.
        pydantic = import_module("pydantic")
        try:
            return pydantic.TypeAdapter(cls).validate_python(values)
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "the whole"
            raise ValueError(f"{place}: {first['msg']}") from None
