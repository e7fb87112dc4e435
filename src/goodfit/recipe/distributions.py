"""Distributions: what stands in a recipe in the place of a value that is searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from .distributions_checks import check_ends, check_options, check_stack, check_whole
from .distributions_plain import Label, Searched, labels_of, plain
from .parts import Integer, Real

Whole = Annotated[Integer, Field(ge=-(2**63), lt=2**63)]


class LogUniform(Searched):
    """A float whose logarithm is uniform: for values whose effects multiply, as rates do."""

    distribution: Literal["loguniform"] = "loguniform"
    low: Real
    high: Real
    log: ClassVar[bool] = True

    @model_validator(mode="after")
    def _is_a_range(self) -> LogUniform:
        check_ends(self.low, self.high, log=True)
        return self

    def __str__(self) -> str:
        return f"loguniform from {self.low:g} to {self.high:g}"


class Uniform(Searched):
    """A float; each value between the ends is as likely as any other."""

    distribution: Literal["uniform"] = "uniform"
    low: Real
    high: Real
    log: ClassVar[bool] = False

    @model_validator(mode="after")
    def _is_a_range(self) -> Uniform:
        check_ends(self.low, self.high, log=False)
        return self

    def __str__(self) -> str:
        return f"uniform from {self.low:g} to {self.high:g}"


class IntegerRange(Searched):
    """A whole number, both ends included; ``log`` for what one would double or halve."""

    distribution: Literal["integer"] = "integer"
    low: Whole
    high: Whole
    log: bool = False

    @model_validator(mode="after")
    def _is_a_range(self) -> IntegerRange:
        check_ends(self.low, self.high, log=self.log)
        return self

    def __str__(self) -> str:
        return f"integer from {self.low} to {self.high}{' on a log scale' if self.log else ''}"


def _as_options(value: Any) -> Any:
    return plain(value) if isinstance(value, list | tuple) else value


class Choice(Searched):
    """One of some options: plain values, lists, or tables, which may hold distributions again.

    ``labels`` names the options by what can stand in a table of trials: a plain value is its own
    label, a table's is its kind where only one option has it.
    """

    distribution: Literal["choice"] = "choice"
    options: Annotated[tuple[Any, ...], BeforeValidator(_as_options)]
    _labels: tuple[Label, ...] = ()

    @model_validator(mode="after")
    def _has_options(self) -> Choice:
        check_options(self.options)
        self._labels = labels_of(self.options)
        return self

    @property
    def labels(self) -> tuple[Label, ...]:
        """A unique plain name for each option, in their order."""
        return self._labels

    def option(self, label: Label) -> Any:
        """Return the option of that label."""
        return self.options[self.labels.index(label)]

    def __str__(self) -> str:
        return f"choice of {', '.join(map(str, self.labels))}"


def _as_number(value: Any) -> Any:
    check_whole(_numbers(value), value)
    return value


Number = Annotated[int | IntegerRange | Choice, BeforeValidator(_as_number)]


class Layers(Searched):
    """The widths of a stack of equal layers: ``(width,) * depth``, with depth or width searched."""

    distribution: Literal["layers"] = "layers"
    depth: Number
    width: Number

    @model_validator(mode="after")
    def _is_a_stack(self) -> Layers:
        check_stack(_numbers(self.depth), _numbers(self.width))
        return self

    def __str__(self) -> str:
        return f"layers (depth: {self.depth}; width: {self.width})"


Range = LogUniform | Uniform | IntegerRange
Distribution = Range | Choice


def _numbers(value: Any) -> Sequence[Any]:
    """Return a number alone, the ends of a range of whole ones, or all options."""
    if isinstance(value, IntegerRange):
        return value.low, value.high
    return value.options if isinstance(value, Choice) else (value,)
