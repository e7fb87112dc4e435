"""The page in a real browser: drawn, in both colour schemes, and silent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_browser import visit
from report_html import Page
from report_samples import SAMPLES, make_digits

from goodfit.report import render
from goodfit.report.palette import DARK, LIGHT


def count_pixels(picture: Path, colour: str) -> int:
    rgb = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    image = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    return int((np.abs(image - rgb).max(axis=-1) <= 2).sum())


@pytest.mark.parametrize("name", SAMPLES)
def test_page_draws_every_chart_and_the_console_stays_empty(name: str, tmp_path: Path) -> None:
    html = render(SAMPLES[name]())
    seen = visit(html, tmp_path)
    assert seen.console == []
    assert "<title>hacked</title>" not in seen.dom
    charts = [attrs for attrs in Page(html).attributes("div") if attrs.get("role") == "img"]
    charts = [attrs for attrs in charts if "canvas" in (attrs.get("class") or "")]
    assert seen.dom.count('class="bk-Figure"') == len(charts)


@pytest.mark.parametrize(
    ("flags", "palette", "other"),
    [((), LIGHT, DARK), (("--force-dark-mode",), DARK, LIGHT)],
    ids=["light", "dark"],
)
def test_charts_follow_the_colour_scheme(
    flags: tuple[str, ...], palette: dict[str, str], other: dict[str, str], tmp_path: Path
) -> None:
    seen = visit(render(make_digits()), tmp_path, *flags)
    for role in ("validation", "train", "ground"):
        assert count_pixels(seen.picture, palette[role]) > 300, role
        assert count_pixels(seen.picture, other[role]) < 100, role


def test_narrow_screen_needs_no_sideways_scrolling(tmp_path: Path) -> None:
    page = render(replace(make_digits(), name="a-very-long-name-" * 12))
    nonce = Page(page).attributes("script")[0]["nonce"]
    probe = (
        f'<script nonce="{nonce}">setTimeout(() => {{ document.body.dataset.extra = '
        "document.documentElement.scrollWidth - window.innerWidth; }, 3000);</script>"
    )
    seen = visit(page.replace("</body>", f"{probe}</body>"), tmp_path, width=390, height=844)
    assert 'data-extra="0"' in seen.dom


def test_console_would_report_a_request(tmp_path: Path) -> None:
    planted = '<img src="https://example.invalid/pixel.png"></body>'
    seen = visit(render(make_digits()).replace("</body>", planted), tmp_path)
    assert any("Content Security Policy" in line for line in seen.console)
