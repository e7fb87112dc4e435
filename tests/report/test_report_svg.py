"""The small picture: valid XML, every point inside, gaps kept."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from report_samples import NAN, SAMPLES, make_digits

from goodfit.records import EpochColumns, History
from goodfit.report import curves_svg
from goodfit.report.svg import HEIGHT, WIDTH

NAME = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", SAMPLES)
def test_picture_is_valid_and_small_and_holds_its_lines(name: str) -> None:
    svg = curves_svg(SAMPLES[name]().history)
    root = ElementTree.fromstring(svg)
    assert len(svg) < 30_000
    assert not root.findall(f".//{NAME}script")
    points = [line.attrib["points"] for line in root.iter(f"{NAME}polyline")]
    for x, y in re.findall(r"([^ ,]+),([^ ,]+)", " ".join(points)):
        assert 0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT


def test_picture_names_curves_and_range() -> None:
    text = "".join(ElementTree.fromstring(curves_svg(make_digits().history)).itertext())
    assert all(word in text for word in ("Loss", "Accuracy", "training", "validation", "27"))


def test_gap_splits_a_line_and_a_lone_point_is_a_dot() -> None:
    epochs = EpochColumns(epoch=(1, 2, 3, 4, 5, 6), train_loss=(3, 2, NAN, 1, NAN, NAN))
    root = ElementTree.fromstring(curves_svg(History(metric="r2", epochs=epochs)))
    assert len(root.findall(f".//{NAME}polyline")) == 1
    assert len(root.findall(f".//{NAME}circle")) == 1
