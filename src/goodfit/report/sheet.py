"""A sheet as one HTML file that asks nothing of any network, and in the terminal."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import BasicTickFormatter, ColumnDataSource, FixedTicker
from bokeh.plotting import figure
from rich.console import Console
from rich.text import Text

from ..records import Curve, Findings, Gallery, Histograms, Pictures, Sheet, SheetPart
from ..records import Table as Rows
from ..records.sheets import Chart as Plot
from ..records.sheets import Line
from .charts import Chart, item_of, style_axes
from .histograms import ends, histogram_blocks
from .html import kind_of, shell, templates
from .multiples import MOST_IN_ONE, multiples
from .palette import LIGHT
from .series import log_ticks
from .sparks import blocks, lowest_to_highest
from .strokes import strokes
from .terminal import grid, plain_text, print_findings
from .words import cell, clean, number

STYLES = ("page.css", "study.css", "sheet.css", "drawn.css")


def sheet_html(sheet: Sheet) -> str:
    """Return a sheet as one self-contained HTML page.

    Example:
        >>> page = sheet_html(Sheet(title="Schedules", headline="None.", parts=()))
        >>> page.startswith("<!doctype html>"), "Schedules" in page
        (True, True)
    """
    drawn = {
        place: _chart(part, place)
        for place, part in enumerate(sheet.parts)
        if isinstance(part, Plot) and len(part.lines) <= MOST_IN_ONE
    }
    parts = [_as_drawn(part, drawn.get(place)) for place, part in enumerate(sheet.parts)]
    view = shell(sheet.title, sheet.title, sheet.headline, styles=STYLES)
    charts = list(drawn.values())
    return (
        templates()
        .get_template("sheet.html")
        .render(view | {"sheet": sheet, "parts": parts, "charts": charts})
    )


def _as_drawn(part: SheetPart, drawn: Chart | None) -> tuple[str, Any]:
    """Return the word by which the template knows a part, and what it shows of it."""
    if isinstance(part, Plot) and drawn is None:
        return "multiples", multiples(part)
    return kind_of(part), drawn or part


def print_sheet(sheet: Sheet, console: Console) -> None:
    """Print the headline, charts and histograms as blocks, tables, and findings; no pictures."""
    console.print(Text(clean(sheet.headline)))
    for part in sheet.parts:
        if isinstance(part, Pictures | Gallery):
            continue
        console.print()
        console.print(plain_text(part.title, "bold"))
        if isinstance(part, Plot):
            _print_lines(part, console)
        elif isinstance(part, Rows):
            _print_rows(part, console)
        elif isinstance(part, Histograms):
            _print_histograms(part, console)
        else:
            _print_found(part, console)


def _print_histograms(part: Histograms, console: Console) -> None:
    if part.caption:
        console.print(plain_text(part.caption, "dim"))
    table = grid()
    for histogram in part.histograms:
        words = (histogram.name, histogram_blocks(histogram), " to ".join(ends(histogram)))
        table.add_row(*map(plain_text, words), plain_text(histogram.note, "dim"))
    console.print(table)


def _print_found(part: Findings, console: Console) -> None:
    print_findings(part.findings, console)
    if part.caption:
        console.print(plain_text(part.caption, "dim"))


def _print_lines(chart: Plot, console: Console) -> None:
    table = grid()
    for line in chart.lines:
        curve = Curve(
            x_label=chart.x_label,
            y_label=chart.y_label,
            x=line.x,
            y=line.y,
            log=chart.y_scale == "log",
        )
        words = (line.name, blocks(curve), lowest_to_highest(line.y))
        table.add_row(*map(plain_text, words))
    console.print(table)


def _print_rows(rows: Rows, console: Console) -> None:
    table = grid()
    for row in (rows.columns, *rows.rows):
        table.add_row(*(plain_text(cell(value)) for value in row))
    console.print(table)


def _chart(chart: Plot, place: int) -> Chart:
    """Draw a chart by Bokeh; its legend stands above it, in the page's own words."""
    plot = _empty(chart)
    looks = strokes(chart.lines, scale=chart.y_scale)
    for line, (role, dash) in zip(chart.lines, looks, strict=True):
        _draw(plot, line, role, dash, log=chart.y_scale == "log")
    return Chart(
        key=f"sheet-{place}",
        title=chart.title,
        caption=chart.caption,
        label=f"{chart.title}: {chart.y_label} by {chart.x_label}. "
        + " ".join(_ends(line) for line in chart.lines),
        legend=tuple(
            (f"{role} {dash}", line.name)
            for line, (role, dash) in zip(chart.lines, looks, strict=True)
        ),
        item=item_of(plot, f"sheet-{place}"),
    )


def _empty(chart: Plot) -> figure:
    options: dict[str, Any] = {"x_axis_type": chart.x_scale, "y_axis_type": chart.y_scale}
    plot = figure(
        height=300,
        sizing_mode="stretch_width",
        tools="",
        toolbar_location=None,
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        min_border=4,
        **options,
    )
    plot.xaxis.axis_label, plot.yaxis.axis_label = clean(chart.x_label), clean(chart.y_label)
    if chart.y_scale == "linear":
        plot.yaxis.formatter = BasicTickFormatter(power_limit_low=-5)
    else:
        values = [np.asarray(line.y, dtype=float) for line in chart.lines]
        plot.yaxis.ticker = plot.ygrid.ticker = FixedTicker(ticks=log_ticks(*values))
    style_axes(plot)
    return plot


def _draw(plot: figure, line: Line, role: str, dash: str, *, log: bool) -> None:
    x, y = np.asarray(line.x, dtype=float), np.asarray(line.y, dtype=float)
    drawn = np.isfinite(y) & ((y > 0.0) | (not log))
    source = ColumnDataSource({"x": x, "y": np.where(drawn, y, np.nan)})
    plot.line("x", "y", source=source, color=LIGHT[role], line_width=2, line_dash=dash)
    if len(line.x) <= 24:
        plot.scatter("x", "y", source=source, color=LIGHT[role], size=5)


def _ends(line: Line) -> str:
    return f"{line.name} from {number(line.y[0])} to {number(line.y[-1])}." if line.y else ""
