"""On which line a TOML text sets a value, against texts whose lines are known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.recipe import find_line

TEXT = '''\
# seed = 9
title = "x"

[optimizer]  # a comment with a = in it
"lr" = 1  # lr
betas = [
  0.9,  # seed = 3
  0.99,
]

[ "net" . inner ]
make = """
[optimizer]
lr = 5
"""
lists = [
[1, 2],
[3]]
lr = 2
a.b . c = 3
inline = { lr = 4, deep = { x = 1 } }
[[rows]]
lr = 3
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("title", 2),
        ("optimizer", 4),
        ("optimizer.lr", 5),
        ("optimizer.betas", 6),
        ("optimizer.betas.0", 6),
        ("optimizer.eps", 4),
        ("net", 11),
        ("net.inner", 11),
        ("net.inner.make", 12),
        ("net.inner.lists", 16),
        ("net.inner.lr", 19),
        ("net.inner.a.b.c", 20),
        ("net.inner.a.b", 20),
        ("net.inner.inline.lr", 21),
        ("net.inner.inline.deep.x", 21),
        ("net.inner.inline.deep.y", 21),
        ("rows.lr", 23),
        ("rows", 22),
        ("seed", None),
        ("lr", None),
        ("titl", None),
        ("title2", None),
    ],
)
def test_a_path_is_found_where_it_is_set(path: str, line: int | None) -> None:
    assert find_line(TEXT, path) == line


KEYS = st.text("abc", min_size=1, max_size=2)
VALUES = st.sampled_from(
    ["1", '"a = 1"', "[\n  1,\n  2,\n]", "'''\na = 1\n[b]\n'''", "{ x = 1 }", "1979-05-27"]
)
GAPS = st.lists(st.sampled_from(["", "# a = 1", "   "]), max_size=2)
WRITTEN = st.sampled_from(["{}", '"{}"', "'{}'"])


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, dict[str, int]]:
    """Draw a TOML text, and the line of each of its keys as it is written."""
    lines: list[str] = []
    places: dict[str, int] = {}
    for table in ["", *draw(st.lists(KEYS, unique=True, max_size=3))]:
        lines += draw(GAPS)
        if table:
            lines.append(f"[{draw(WRITTEN).format(f't_{table}')}]")
            places[f"t_{table}"] = len(lines)
        for key in draw(st.lists(KEYS, unique=True, max_size=4)):
            lines += draw(GAPS)
            places[f"t_{table}.{key}" if table else key] = len(lines) + 1
            lines += f"{draw(WRITTEN).format(key)} = {draw(VALUES)}".split("\n")
    return "\n".join(lines), places


@given(drawn=texts())
def test_every_key_of_any_text_is_found(drawn: tuple[str, dict[str, int]]) -> None:
    text, places = drawn
    assert {path: find_line(text, path) for path in places} == places


@given(drawn=texts(), path=st.text("abcx._", max_size=6))
def test_a_line_that_is_found_sets_the_path_or_a_parent(
    drawn: tuple[str, dict[str, int]], path: str
) -> None:
    text, places = drawn
    line = find_line(text, path)
    above = [place for place in places if path == place or path.startswith(f"{place}.")]
    assert line == (places[max(above, key=len)] if above else None)
