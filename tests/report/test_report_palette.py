"""The palette: readable, and swappable colour by colour."""

from __future__ import annotations

import pytest

from goodfit.report.palette import DARK, LIGHT

TEXT = ("ink", "soft", "train", "validation", "passed", "warning", "error")


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_schemes_have_the_same_roles_and_light_has_no_colour_twice() -> None:
    assert list(LIGHT) == list(DARK)
    assert len(set(LIGHT.values())) == len(LIGHT)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("behind", ["ground", "surface"])
@pytest.mark.parametrize("role", TEXT)
def test_text_has_contrast_aa(palette: dict[str, str], behind: str, role: str) -> None:
    assert contrast(palette[role], palette[behind]) >= 4.5
