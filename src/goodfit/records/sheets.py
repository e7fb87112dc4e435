"""A sheet: what ``goodfit show`` draws, as charts, tables and pictures, without tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .base import Record
from .findings import Finding

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
class Histogram(Record):
    """How many rows (or pixels) have which value, a bar each.

    Bars stand for ranges of numbers between ``edges`` (one more than ``counts``), or for values by
    ``names`` (as many). ``note`` says in a few words what else is known.
    """

    name: str
    counts: tuple[int, ...]
    edges: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Histograms(Record):
    """Small histograms in a grid, each with a height of its own."""

    title: str
    histograms: tuple[Histogram, ...]
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Gallery(Record):
    """Rows of small pictures, a PNG as base64 each, with the name of each row."""

    title: str
    names: tuple[str, ...]
    pictures: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Findings(Record):
    """What checks found, with what to do; ``caption`` says how many found nothing."""

    title: str
    findings: tuple[Finding, ...]
    caption: str = ""


SheetPart = Chart | Table | Pictures | Histograms | Gallery | Findings


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
    parts: tuple[SheetPart, ...]
