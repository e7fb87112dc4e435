"""The parts of a sheet that show the data: class counts, target, features, images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...records import Histogram, Histograms, Sheet, SheetPart, Table
from ..checks import Rows
from ..checks.subject import spread_over
from ..columns import as_numbers, column_of
from .bars import (
    TARGET_QUANTILES,
    bars_of,
    bars_of_dates,
    bars_of_texts,
    bits_told,
    codes_of,
    codes_of_texts,
    entropy,
    seconds_of,
)
from .pictures import gallery

# What is drawn is read of so many training rows: of fewer where a row is long.
MOST_ROWS, FEWEST_ROWS, MOST_VALUES = 2_000, 200, 8_000_000
MOST_DRAWN, MOST_JUDGED, MOST_CLASSES = 12, 4_096, 40
CHANNELS = {1: ("grey",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "opacity")}


def draw_data(rows: Rows) -> Sheet:
    """Draw class counts or the target, the inputs, and images of each class.

    Inputs are those of up to 2,000 training rows, evenly spread, so that a memory-mapped array is
    not read whole; targets are those of the training and validation part, and of the sealed test
    part the number of rows in each class. Of over 12 features those are drawn that tell most about
    the target by themselves, by mutual information (:func:`bits_told`).
    """
    sample = _sample(rows)
    parts: list[SheetPart] = [class_table(rows) if rows.dataset.classes else _target(rows)]
    if rows.dataset.input_kind == "image":
        parts += [gallery(rows), _pixels(rows, sample)]
    else:
        parts.append(_features(rows, sample))
    return Sheet(title=rows.dataset.name, headline="", parts=tuple(parts))


def class_table(rows: Rows) -> Table:
    """Return how many rows of each class stand in each part.

    Of over 40 classes, the 20 commonest and the 20 rarest are listed.
    """
    classes, parts = rows.dataset.classes, rows.parts.rows()
    target = rows.dataset.target
    counts = {
        part: np.bincount(target[places], minlength=len(classes)) for part, places in parts.items()
    }
    whole = np.bincount(target, minlength=len(classes))
    shown = np.arange(len(classes))
    if len(classes) > MOST_CLASSES:
        order = np.argsort(-whole, kind="stable")
        shown = np.r_[order[: MOST_CLASSES // 2], order[-MOST_CLASSES // 2 :]]
    caption = (
        "The draw of the parts decides these; of the sealed test part's targets nothing else is"
        " shown."
    )
    if len(shown) < len(classes):
        caption += f" The {len(shown)} commonest and rarest of {len(classes):,} classes."
    return Table(
        title="Rows of each class, by part",
        columns=("class", *parts, "all", "share in %"),
        rows=tuple(
            (
                classes[code],
                *(float(counts[part][code]) for part in parts),
                float(whole[code]),
                round(100.0 * float(whole[code]) / len(target), 2),
            )
            for code in shown
        ),
        caption=caption,
    )


def _target(rows: Rows) -> Histograms:
    values = rows.dataset.target[rows.open_rows]
    return Histograms(
        title="Target",
        histograms=(bars_of(rows.dataset.target_name, values),),
        caption=f"Of the {len(values):,} rows that train and validate.",
    )


def _sample(rows: Rows) -> np.ndarray:
    width = max(1, int(np.prod(rows.dataset.inputs.shape[1:])))
    most = min(MOST_ROWS, max(FEWEST_ROWS, MOST_VALUES // width))
    return spread_over(rows.parts.train, most)


def _of(rows: Rows, sample: np.ndarray) -> str:
    whole = len(rows.parts.train)
    few = f"{len(sample):,} of {whole:,}" if len(sample) < whole else f"all {whole:,}"
    return f"Drawn from {few} training rows."


def _features(rows: Rows, sample: np.ndarray) -> Histograms:
    """Draw every feature, or the most telling ones."""
    features = _read(rows, sample)
    target = rows.dataset.target[sample]
    of_target = target if rows.dataset.classes else codes_of(target, num=TARGET_QUANTILES)
    bits = [bits_told(feature.codes, of_target) for feature in features]
    shown, width = range(len(features)), int(np.prod(rows.dataset.inputs.shape[1:]))
    caption = _of(rows, sample)
    if width > MOST_DRAWN:
        shown = sorted(shown, key=lambda place: -bits[place])[:MOST_DRAWN]
        looked = f" (of {len(features):,} looked at)" if len(features) < width else ""
        caption += (
            f" The {len(shown)} of {width:,} inputs{looked} that tell most about the target by"
            f" themselves; {width - len(shown):,} are left out."
        )
    cut = "" if rows.dataset.classes else f", cut into {TARGET_QUANTILES} equal parts,"
    most = entropy(np.unique(of_target, return_inverse=True)[1])
    return Histograms(
        title="Inputs",
        histograms=tuple(features[at].bars(f"tells {bits[at]:.2f} bits") for at in shown),
        caption=f"{caption} To tell the target{cut} takes {most:.2f} bits.",
    )


@dataclass(frozen=True, eq=False)
class _Feature:
    """One input: numbers ``[N]`` (dates in seconds), or texts."""

    name: str
    values: np.ndarray | pd.Series
    is_date: bool = False

    @property
    def codes(self) -> np.ndarray:
        """A few values, int64 ``[N]``."""
        if isinstance(self.values, pd.Series):
            return codes_of_texts(self.values)
        return codes_of(self.values)

    def bars(self, note: str) -> Histogram:
        """The histogram."""
        if isinstance(self.values, pd.Series):
            return bars_of_texts(self.name, self.values, note=note)
        draw = bars_of_dates if self.is_date else bars_of
        return draw(self.name, self.values, note=note)


def _read(rows: Rows, sample: np.ndarray) -> list[_Feature]:
    """Return the features of the sampled rows; at most 4,096 of an array."""
    inputs = rows.dataset.inputs
    if isinstance(inputs, pd.DataFrame):
        frame = inputs.take(sample, axis=0)
        kinds = {column.name: column.kind for column in rows.dataset.columns}
        return [_of_table(name, column_of(frame, name), kinds[name]) for name in rows.places]
    flat = inputs[sample].reshape(len(sample), -1)
    chosen = spread_over(np.arange(flat.shape[1]), MOST_JUDGED)
    values = flat[:, chosen].astype(np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    pairs = zip(chosen, values.T, strict=True)
    return [_Feature(f"input {rows.places[at]}", column) for at, column in pairs]


def _of_table(name: str, column: pd.Series, kind: str) -> _Feature:
    if kind == "date":
        return _Feature(name, seconds_of(column), is_date=True)
    return _Feature(name, as_numbers(column) if kind == "numeric" else column)


def _pixels(rows: Rows, sample: np.ndarray) -> Histograms:
    """Draw the values of all pixels of a sample, by channel."""
    images = np.asarray(rows.dataset.inputs[sample])
    names = CHANNELS[images.shape[1]]
    return Histograms(
        title="Pixels",
        histograms=tuple(
            bars_of(name, images[:, channel].ravel().astype(np.float64))
            for channel, name in enumerate(names)
        ),
        caption=_of(rows, sample),
    )
