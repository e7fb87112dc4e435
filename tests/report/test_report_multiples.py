"""Lines of one chart told apart: dashes on the line and in the legend, small charts for many."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from goodfit.records import Chart, Line, Sheet
from goodfit.records.sheets import Scale
from goodfit.report import sheet_html
from goodfit.report.multiples import MOST_IN_ONE, multiples
from goodfit.report.sheet import print_sheet
from goodfit.report.strokes import ROLES, strokes

X = tuple(map(float, range(20)))


def line(name: str, *y: float) -> Line:
    return Line(name=name, x=X, y=tuple(y) if len(y) == 20 else tuple(np.interp(X, [0, 19], y)))


def sheet(*lines: Line) -> Sheet:
    chart = Chart(title="Rate", x_label="epoch", y_label="rate", lines=lines)
    return Sheet(title="Rates", headline="Some.", parts=(chart,))


def body(page: str) -> str:
    return page.split("</style>")[1]


UP, DOWN = line("up", 0, 1), line("down", 1, 0)
HALF = line("half", *UP.y[:10], *[UP.y[9]] * 10)


def test_only_a_line_that_lies_on_another_is_dashed() -> None:
    assert [dash for _, dash in strokes([UP, DOWN])] == ["solid", "solid"]
    assert [dash for _, dash in strokes([UP, DOWN, HALF])] == ["solid", "solid", "dashed"]
    assert [dash for _, dash in strokes([UP, UP, UP, UP])] == [
        "solid",
        "dashed",
        "dotted",
        "dotted",
    ]
    assert len({role for role, _ in strokes([UP] * MOST_IN_ONE)}) == MOST_IN_ONE == len(ROLES)


def test_a_logarithm_parts_what_a_linear_axis_joins() -> None:
    small = Line(name="small", x=X, y=tuple(1e-6 + 0 * x for x in X))
    tiny = Line(name="tiny", x=X, y=tuple(1e-9 + 0 * x for x in X))
    high = Line(name="high", x=X, y=tuple(1.0 + 0 * x for x in X))
    dashes = {
        scale: [dash for _, dash in strokes([high, small, tiny], scale=scale)]
        for scale in ("linear", "log")
    }
    assert dashes == {"linear": ["solid", "solid", "dashed"], "log": ["solid"] * 3}


def test_the_swatch_in_the_legend_is_dashed_as_the_line_is() -> None:
    page = body(sheet_html(sheet(UP, HALF, DOWN)))
    assert re.findall(r'<li class="(key[^"]*)">([^<]*)</li>', page) == [
        ("key-train solid", "up"),
        ("key-validation dashed", "half"),
        ("key-passed solid", "down"),
    ]
    items = json.loads(re.search(r"const items = (.*);", page)[1])  # pyright: ignore
    assert json.dumps(items).count('"line_dash": [6]') >= 1
    assert ".legend .dashed::before" in sheet_html(sheet(UP))


def test_more_lines_than_colours_get_a_small_chart_each_on_shared_axes() -> None:
    names = [f"line <{k}>" for k in range(MOST_IN_ONE + 1)]
    many = sheet(*(line(name, k, k + 1) for k, name in enumerate(names)))
    page = body(sheet_html(many))
    svgs = re.findall(r'<svg class="multiple".*?</svg>', page)
    assert len(svgs) == len(names) and "chart-sheet-0" not in page and "legend" not in page
    assert all(page.count(f"line &lt;{k}&gt;</b>") == 1 for k in range(len(names)))
    texts = {tuple(re.findall(r"<text[^>]*>([^<]*)</text>", svg)) for svg in svgs}
    assert texts == {("7", "0", "0", "19")}
    heights = [[float(y) for y in re.findall(r",([\d.]+)", svg)] for svg in svgs]
    assert heights[0][0] == max(map(max, heights)) and heights[-1][-1] == min(map(min, heights))
    few = body(sheet_html(sheet(*many.parts[0].lines[:MOST_IN_ONE])))  # pyright: ignore
    assert "chart-sheet-0" in few and '<svg class="multiple"' not in few


@given(st.lists(st.floats(width=32), min_size=20, max_size=20), st.sampled_from(["linear", "log"]))
def test_any_line_stays_in_its_frame(y: list[float], scale: Scale) -> None:
    lines = (UP, Line(name="any", x=X, y=tuple(y)))
    chart = Chart(title="t", x_label="x", y_label="y", lines=lines, y_scale=scale)
    svg = str(multiples(chart).charts[1][1])
    points = re.findall(r'points="([^"]*)"', svg)
    values = [float(value) for value in re.findall(r"-?[\d.]+", " ".join(points))]
    assert "nan" not in svg and all(0 <= value <= 240 for value in values)


@pytest.mark.parametrize(
    ("y", "told"),
    [((0.5, 2.0, 1.0), "0.5 to 2"), ((3.0, 3.0, 3.0), "3"), ((float("nan"),) * 3, "no finite")],
)
def test_the_terminal_tells_the_lowest_and_the_highest(y: tuple[float, ...], told: str) -> None:
    console = Console(file=io.StringIO(), width=100)
    print_sheet(sheet(Line(name="rate", x=(0.0, 1.0, 2.0), y=y)), console)
    assert told in console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert f"{y[0]:g} to {y[-1]:g}" not in console.file.getvalue()  # pyright: ignore
