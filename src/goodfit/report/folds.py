"""Cross-validation as one HTML file that asks nothing of any network."""

from __future__ import annotations

import numpy as np
from bokeh.models import BoxAnnotation, ColumnDataSource, Range1d, Span
from bokeh.plotting import figure

from ..records import CrossValidation
from .charts import Chart, item_of
from .html import shell, templates
from .palette import LIGHT
from .study_axes import empty_figure, hover, show_ticks, show_values
from .tiles import Tile
from .words import count, fold_cells, fold_keys, score_word

STYLES = ("page.css", "study.css")
MOST_TICKS, PAD = 10, 0.08


def folds_html(
    found: CrossValidation, *, name: str, created: str = "", recipe_toml: str = ""
) -> str:
    """Return the scores of all folds as one self-contained HTML page.

    ``created`` is a date as it should be read, ``recipe_toml`` the recipe that was trained.

    Example:
        >>> from goodfit.records import Scores
        >>> scores = [Scores(part="validation", num_rows=30, values={"accuracy": a})
        ...           for a in (0.9, 1.0)]
        >>> found = CrossValidation(kind="plain", seed=0, folds=tuple(scores), num_rows=(30, 30),
        ...                         mean={"accuracy": 0.95}, standard_error={"accuracy": 0.05})
        >>> page = folds_html(found, name="iris")
        >>> page.startswith("<!doctype html>"), "Accuracy 95.0 % ± 5.0 % over 2 plain folds" in page
        (True, True)
    """
    keys = fold_keys(found)
    view = shell(name, name, created, found, styles=STYLES) | {
        "found": found,
        "created": created,
        "recipe_toml": recipe_toml,
        "headline": folds_headline(found),
        "tiles": [*(_tile(found, key) for key in keys), _rows_tile(found)],
        "charts": [chart for key in keys if (chart := _chart(found, key))],
        "columns": [score_word(key).label for key in keys],
        "rows": fold_cells(found),
    }
    return templates().get_template("folds.html").render(view)


def folds_headline(found: CrossValidation) -> str:
    """Say the mean and its standard error in one line."""
    key, folds = fold_keys(found)[0], f"{len(found.folds)} {found.kind} folds"
    return f"{score_word(key).label} {_mean(found, key)} over {folds}; the test part is sealed"


def _mean(found: CrossValidation, key: str) -> str:
    show = score_word(key).show
    return f"{show(found.mean[key])} ± {show(found.standard_error[key])}"


def _tile(found: CrossValidation, key: str) -> Tile:
    word = score_word(key)
    error = word.show(found.standard_error[key])
    return Tile(word.label, word.show(found.mean[key]), f"± {error}, its standard error")


def _rows_tile(found: CrossValidation) -> Tile:
    return Tile("Rows", f"{sum(found.num_rows):,}", f"held out in {len(found.folds)} folds")


def _chart(found: CrossValidation, key: str) -> Chart | None:
    """Draw a score by fold, with mean and standard error; None where nothing is finite."""
    values = np.array([scores.values[key] for scores in found.folds])
    if not np.isfinite(values).any():
        return None
    word = score_word(key)
    plot = _empty(found, key, values)
    if np.isfinite(found.mean[key]):
        _draw_mean(plot, found.mean[key], found.standard_error[key])
    _draw_folds(plot, found, key, values)
    return Chart(
        key=f"folds-{key.replace('_', '-')}",
        title=f"{word.label} by fold",
        caption=f"{word.label}: {word.meaning}." if word.meaning else "",
        label=f"{word.label} by fold: {', '.join(map(word.show, values))}. Mean and its standard"
        f" error: {_mean(found, key)}.",
        legend=(
            ("train", "a fold"),
            ("validation", "mean"),
            ("step", "mean ± its standard error"),
        ),
        item=item_of(plot, f"folds-{key.replace('_', '-')}"),
    )


def _empty(found: CrossValidation, key: str, values: np.ndarray) -> figure:
    mean, error = found.mean[key], found.standard_error[key]
    ends = np.array([*values, mean - error, mean + error])
    low, high = float(np.nanmin(ends[np.isfinite(ends)])), float(np.max(ends[np.isfinite(ends)]))
    pad = PAD * (high - low or abs(high) or 1.0)
    plot = empty_figure(260, low - pad, high + pad)
    num = len(found.folds)
    plot.x_range = Range1d(start=0.5, end=num + 0.5)
    plot.xaxis.axis_label = "fold"
    show_ticks(plot, {float(k): str(k) for k in range(1, num + 1, -(-num // MOST_TICKS))})
    show_values(plot, key)
    return plot


def _draw_mean(plot: figure, mean: float, error: float) -> None:
    band = BoxAnnotation(
        bottom=mean - error,
        top=mean + error,
        fill_color=LIGHT["step"],
        fill_alpha=0.5,
        line_color=None,
        level="underlay",
    )
    line = Span(location=mean, dimension="width", line_color=LIGHT["validation"], line_width=2)
    plot.add_layout(band)
    plot.add_layout(line)


def _draw_folds(plot: figure, found: CrossValidation, key: str, values: np.ndarray) -> None:
    source = ColumnDataSource(
        {
            "fold": list(range(1, len(values) + 1)),
            "value": np.where(np.isfinite(values), values, np.nan),
            "told": [score_word(key).show(value) for value in values],
            "rows": [count(num, "row") for num in found.num_rows],
        }
    )
    drawn = plot.scatter("fold", "value", source=source, color=LIGHT["train"], size=9)
    words = (("fold", "@fold"), (score_word(key).label, "@told"), ("of", "@rows"))
    hover(plot, drawn, words)
