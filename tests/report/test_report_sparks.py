"""The small picture of a finding: valid, inside its frame, with gaps, bounds and blocks."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.records import Curve
from goodfit.report.sparks import HEIGHT, WIDTH, blocks, curve_svg

NAN, INF = float("nan"), float("inf")


def curve(*y: float, **more: Any) -> Curve:
    x = tuple(float(number) for number in range(1, len(y) + 1))
    return Curve(x_label="step", y_label="<loss>", x=x, y=y, **more)  # pyright: ignore[reportArgumentType]


def numbers_in(svg: str) -> list[float]:
    root = ElementTree.fromstring(svg)
    places = [line.attrib["points"] for line in root.iter("polyline")]
    return [float(value) for value in re.findall(r"[-\d.]+", " ".join(places))]


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=1, max_size=40),
    st.booleans(),
    st.floats(-1e3, 1e3) | st.none(),
)
def test_any_curve_is_valid_and_stays_inside(
    y: list[float], log: bool, bound: float | None
) -> None:
    svg = curve_svg(curve(*y, log=log, bound=bound, mark=2.0))
    assert "nan" not in re.sub(r">[^<]*<", "><", svg)
    assert all(0 <= value <= max(WIDTH, HEIGHT) for value in numbers_in(svg))
    assert len(blocks(curve(*y, log=log))) == min(len(y), 32)


def test_a_gap_breaks_the_line_and_a_lone_point_is_a_dot() -> None:
    root = ElementTree.fromstring(curve_svg(curve(3, 2, NAN, 1, INF)))
    assert len(root.findall("polyline")) == 1 and len(root.findall("circle")) == 1


def test_bound_and_mark_are_drawn_where_they_are() -> None:
    root = ElementTree.fromstring(curve_svg(curve(0.0, 4.0, bound=2.0, mark=1.0)))
    lines = {line.attrib.get("class"): line.attrib for line in root.iter("line")}
    assert float(lines["bound"]["y1"]) == pytest.approx((22 + 88) / 2)
    assert float(lines["mark"]["x1"]) == pytest.approx(64)


def test_bars_stand_on_zero_and_have_their_names() -> None:
    bars = curve(0.25, 1.0, -0.5, names=("<a>", "b", "missing"))
    svg = curve_svg(bars)
    root = ElementTree.fromstring(svg)
    heights = [float(bar.attrib["height"]) for bar in root.iter("rect")]
    assert heights == pytest.approx([11, 44, 22]) and not list(root.iter("polyline"))
    tops = [float(bar.attrib["y"]) for bar in root.iter("rect")]
    assert tops == pytest.approx([55, 22, 66])
    words = [text.text for text in root.iter("text")]
    assert words[0] == "<loss> by step" and {"<a>", "b", "missing"} <= {*words}
    assert blocks(curve(0.5, 1.0, names=("a", "b"))) == "▅█"
    many = ElementTree.fromstring(curve_svg(curve(*range(8), names=tuple("abcdefgh"))))
    assert {"a", "h"} <= {text.text for text in many.iter("text")}
    assert "d" not in {text.text for text in many.iter("text")}


def test_text_is_escaped() -> None:
    assert "&lt;loss&gt;" in curve_svg(curve(1.0))


def test_blocks_fall_as_the_curve_falls() -> None:
    assert blocks(curve(4.0, 2.0, NAN, 0.0)) == "█▅·▁"
    assert blocks(curve(100.0, 10.0, 1.0, log=True)) == "█▅▁"
    assert blocks(curve(NAN)) == "·" and blocks(curve(1.0, 1.0)) == "▁▁"
