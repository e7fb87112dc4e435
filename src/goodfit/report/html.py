"""The report as one HTML file that asks nothing of any network.

The templates beside this module are rendered by Jinja (which Bokeh brings) with escaping
switched on, so a column called ``<script>`` is text. A content security policy in the page
forbids every request, and every script but the page's own.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bokeh.resources import Resources
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..records import History, SheetPart, Table
from . import confusion, words
from .charts import draw_charts
from .contents import Contents
from .histograms import histogram_svg
from .palette import DARK, LIGHT
from .series import epoch_lines, not_finite_notes
from .sparks import curve_svg
from .svg import curves_svg
from .tiles import tiles

HERE = Path(__file__).parent
MAX_EPOCH_ROWS = 100
STYLES = ("page.css", "drawn.css")
FILTERS = {
    "spark": lambda curve: Markup(curve_svg(curve)),
    "histogram": lambda histogram: Markup(histogram_svg(histogram)),
    "sides": lambda table: numeric_columns(table),
    **{
        name: getattr(words, name)
        for name in (
            "evidence_name",
            "number",
            "percent",
            "seconds",
            "count",
            "score_word",
            "one_input",
            "described",
            "cell",
        )
    },
}


def render(contents: Contents) -> str:
    """Return the report as one self-contained HTML page.

    Example:
        >>> from goodfit.records import DataCard, History, SplitSizes
        >>> card = DataCard(source="iris", task="classification", input_kind="table",
        ...                 num_rows=150, input_shape=(4,), target="species", fingerprint="")
        >>> sizes = SplitSizes(train=106, validation=22, test=22)
        >>> page = render(Contents(name="first", recipe_toml="", card=card, sizes=sizes,
        ...                        history=History(metric="accuracy")))
        >>> page.startswith("<!doctype html>"), "the test part is sealed" in page
        (True, True)
    """
    return templates().get_template("page.html").render(_view(contents))


def _view(contents: Contents) -> dict[str, Any]:
    """Return every name that the templates use."""
    return {
        "contents": contents,
        "headline": words.headline(contents),
        "stopped": words.STOPPED[contents.history.stopped],
        "tiles": tiles(contents),
        "charts": draw_charts(contents.history),
        "epoch_rows": _epoch_rows(contents.history),
        "not_finite": not_finite_notes(contents.history),
        "picture": _data_url(curves_svg(contents.history)),
        "confusion": confusion,
        "drawn": [(kind_of(part), part) for part in contents.drawn.parts] if contents.drawn else [],
        **shell(
            contents.name,
            contents.name,
            contents.created,
            contents.card,
            contents.validation,
            styles=STYLES,
        ),
    }


def kind_of(part: SheetPart) -> str:
    """Return the word by which templates know a part of a sheet."""
    return type(part).__name__.lower()


def numeric_columns(table: Table) -> list[bool]:
    """Say of each column but the first whether it holds a number: such columns end at the right.

    Example:
        >>> numeric_columns(Table(title="", columns=("a", "b", "c"), rows=(("x", 1.0, "y"),)))
        [False, True, False]
    """
    columns = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
    numeric = [any(not isinstance(value, str) for value in column) for column in columns]
    return [False, *numeric[1:]]


def shell(title: str, *known: object, styles: Sequence[str] = ("page.css",)) -> dict[str, Any]:
    """Return what every page needs around its words; ``known`` makes its nonce."""
    return {
        "title": title,
        "nonce": _nonce(*known),
        "light": LIGHT,
        "dark": DARK,
        "style": Markup("".join((HERE / name).read_text(encoding="utf-8") for name in styles)),
        "bokeh": Markup(_bokeh()),
    }


def _epoch_rows(history: History) -> list[list[str]]:
    """Return the cells of the table by epoch, thinned like the curves; a gap is a dash."""
    show = (words.number, words.number, words.number, words.score_word(history.metric).show)
    columns = zip(show, epoch_lines(history, MAX_EPOCH_ROWS), strict=True)
    told = [[form(x) if math.isfinite(x) else "–" for x in column] for form, column in columns]
    return [list(row) for row in zip(*told, strict=True)]


@cache
def templates() -> Environment:
    """Return the templates beside this module: everything is escaped, unknown names are errors."""
    made = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)
    # Bokeh's JSON defines a model where it first occurs, so its order has to stay.
    made.policies["json.dumps_kwargs"] = {"sort_keys": False}
    return made


@cache
def _bokeh() -> str:
    """Return Bokeh's core script from the installed package; no widgets, tables or WebGL."""
    return Resources(mode="inline", components=["bokeh"], minified=True).js_raw[0]


def _finalize(value: Any) -> Any:
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return words.clean(value) if is_text else value


def _nonce(*known: object) -> str:
    """Return the word that marks the page's own scripts, which no text inside it can foresee."""
    return hashlib.sha256(repr(known).encode()).hexdigest()[:32]


def _data_url(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
