"""A sheet: what ``goodfit show`` draws, as charts, tables and pictures, without tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .base import Record

Scale = Literal["linear", "log"]


@dataclass(frozen=True, kw_only=True)
class Line(Record):
    """One line of a chart; a value that is not finite breaks it."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Chart(Record):
    """Lines over one pair of axes; ``caption`` says in a sentence what to look for."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Table(Record):
    """Rows of words and numbers under ``columns``; a number is printed to four digits."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Pictures(Record):
    """Small pictures in a grid: each a PNG as base64, with its caption below."""

    title: str
    png_base64: tuple[str, ...]
    captions: tuple[str, ...] = ()
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Sheet(Record):
    """A page of charts, tables and pictures; ``headline`` says in one sentence what came out.

    Example:
        >>> line = Line(name="constant", x=(0.0, 1.0), y=(0.1, 0.1))
        >>> chart = Chart(title="Rate", x_label="step", y_label="rate", lines=(line,))
        >>> sheet = Sheet(title="Schedules", headline="One rate throughout.", parts=(chart,))
        >>> Sheet.from_json(sheet.to_json()) == sheet
        True
    """

    title: str
    headline: str
    parts: tuple[Chart | Table | Pictures, ...]
