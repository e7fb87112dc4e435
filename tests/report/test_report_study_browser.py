"""The page of a study in a real browser: drawn, in both colour schemes, on a phone, and silent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_browser import visit
from report_html import Page
from study_made import IMPORTANCES, make_stages
from study_samples import SAMPLES

from goodfit.report import study_html
from goodfit.report.palette import DARK, LIGHT


def count_pixels(picture: Path, colour: str) -> int:
    rgb = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    image = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    return int((np.abs(image - rgb).max(axis=-1) <= 2).sum())


@pytest.mark.parametrize("name", SAMPLES)
def test_every_chart_is_drawn_and_the_console_stays_empty(name: str, tmp_path: Path) -> None:
    html = study_html(SAMPLES[name](), {})
    seen = visit(html, tmp_path)
    assert seen.console == []
    assert "<title>hacked</title>" not in seen.dom
    charts = [a for a in Page(html).attributes("div") if "canvas" in (a.get("class") or "")]
    assert seen.dom.count('class="bk-Figure"') == len(charts)


@pytest.mark.parametrize(
    ("flags", "palette", "other"),
    [((), LIGHT, DARK), (("--force-dark-mode",), DARK, LIGHT)],
    ids=["light", "dark"],
)
def test_charts_follow_the_colour_scheme(
    flags: tuple[str, ...], palette: dict[str, str], other: dict[str, str], tmp_path: Path
) -> None:
    seen = visit(study_html(make_stages(), IMPORTANCES), tmp_path, *flags, height=5000)
    for role in ("validation", "train", "mid", "ground"):
        assert count_pixels(seen.picture, palette[role]) > 150, role
        assert count_pixels(seen.picture, other[role]) < 100, role


@pytest.mark.parametrize("name", ["stages", "loss"])
def test_a_usual_screen_shows_the_best_trials_whole(name: str, tmp_path: Path) -> None:
    page = study_html(SAMPLES[name](), IMPORTANCES)
    nonce = Page(page).attributes("script")[0]["nonce"]
    probe = (
        f'<script nonce="{nonce}">setTimeout(() => {{ '
        "const box = document.querySelector('.trials').parentElement; "
        "document.body.dataset.extra = box.scrollWidth - box.clientWidth; }, 3000);</script>"
    )
    seen = visit(page.replace("</body>", f"{probe}</body>"), tmp_path, width=1280, height=900)
    assert 'data-extra="0"' in seen.dom


@pytest.mark.parametrize("name", ["stages", "loss", "hostile"])
def test_narrow_screen_needs_no_sideways_scrolling(name: str, tmp_path: Path) -> None:
    page = study_html(SAMPLES[name](), IMPORTANCES)
    nonce = Page(page).attributes("script")[0]["nonce"]
    probe = (
        f'<script nonce="{nonce}">setTimeout(() => {{ document.body.dataset.extra = '
        "document.documentElement.scrollWidth - window.innerWidth; }, 3000);</script>"
    )
    seen = visit(page.replace("</body>", f"{probe}</body>"), tmp_path, width=390, height=844)
    assert 'data-extra="0"' in seen.dom
