"""What a preparation does, in sentences for the report."""

from __future__ import annotations

from collections.abc import Sequence

from ..recipe.inputs import Prepare
from .preparation import (
    Codes,
    DatePart,
    ImagePreparation,
    Preparation,
    Projection,
    TablePreparation,
)
from .rotating import DEFAULT_EPS

_SCALED = {
    "none": "are taken as they are",
    "centre": "have their mean subtracted",
    "standardise": "have their mean subtracted and are divided by their standard deviation",
    "min-max": "are brought to [0, 1] by their lowest and highest value",
    "robust": "have their median subtracted and are divided by their interquartile range",
    "channel-mean": "have the mean of their channel subtracted",
    "channel-standardise": "have the mean of their channel subtracted and are divided by its "
    "standard deviation",
    "mean-image": "have the mean image subtracted",
    "pca": "are centred, brought to a common size and turned to their principal components (PCA)",
    "whiten": "are centred, brought to a common size, turned to their principal components and "
    "divided by the spread of each (PCA whitening)",
    "zca": "are centred, brought to a common size, whitened and turned back (ZCA)",
}


def in_words(preparation: Preparation, prepare: Prepare) -> tuple[str, ...]:
    """Say what was done to the inputs, a sentence each.

    Example:
        >>> image = ImagePreparation(shape=(1, 8, 8), centre=(8.0,), scale=(4.0,))
        >>> in_words(Preparation(inputs=image), Prepare(scale="centre"))[0]
        'Pixels, by channel, have their mean subtracted.'
    """
    inputs, projection = preparation.inputs, preparation.projection
    told = []
    if not isinstance(inputs, TablePreparation) or inputs.numeric:
        told.append(f"{_what(preparation, prepare)} {_SCALED[prepare.scale]}.")
    if isinstance(inputs, TablePreparation):
        told += [*_gaps(inputs, prepare), *_texts(inputs), *_dates(inputs, prepare)]
    if projection is not None:
        told.append(_turned(projection, prepare))
    told.append("All of this was fitted on the training rows alone, and is part of the model.")
    return tuple(told)


def _gaps(table: TablePreparation, prepare: Prepare) -> list[str]:
    told = []
    if any(column.made is None or column.made.kind == "date" for column in table.numeric):
        fill = (prepare.impute or "median").replace("-", " ")
        told.append(f"A missing number takes the {fill} value of its column.")
    if table.indicators:
        told.append(
            f"A column of 0 and 1 tells where these are missing: {_named(table.indicators)}."
        )
    return told


def _texts(table: TablePreparation) -> list[str]:
    one_hot = [column for column in table.categorical if column.hash_size is None]
    hashed = [column for column in table.categorical if column.hash_size is not None]
    ordinal = [column.name for column in table.numeric if isinstance(column.made, Codes)]
    told = []
    if one_hot:
        num = sum(column.num_outputs for column in one_hot)
        names = _named([column.name for column in one_hot])
        told.append(f"One-hot, {num:,} inputs in all: {names}; an unknown text is all zeros.")
    if hashed:
        names = _named([column.name for column in hashed])
        told.append(f"Hashed into {hashed[0].hash_size:,} inputs each: {names}.")
    if ordinal:
        told.append(f"Numbered in sorted order: {_named(ordinal)}; an unknown text is -1.")
    return told


def _dates(table: TablePreparation, prepare: Prepare) -> list[str]:
    made = [column.made for column in table.numeric if isinstance(column.made, DatePart)]
    names = list(dict.fromkeys(part.column for part in made))
    ways = {"parts": "numbers", "cyclic": "numbers, sines and cosines"}
    return [
        f'The dates of "{name}" become {ways[prepare.dates]}: '
        f"{', '.join(part.part for part in made if part.column == name)}."
        for name in names
    ]


def _named(names: Sequence[str]) -> str:
    rest = len(names) - 8
    told = ", ".join(f'"{name}"' for name in names[:8])
    return f"{told} and {rest:,} more" if rest > 0 else told


def _what(preparation: Preparation, prepare: Prepare) -> str:
    if isinstance(preparation.inputs, TablePreparation):
        return "Numeric columns"
    if not isinstance(preparation.inputs, ImagePreparation):
        return "Features"
    by_channel = prepare.scale in ("centre", "standardise", "min-max", "robust")
    return "Pixels, by channel," if by_channel else "Pixels"


def _turned(projection: Projection, prepare: Prepare) -> str:
    num, kept = projection.matrix.shape[0], projection.num_components
    share = f"{100 * projection.share:.4g} %"
    told = f"Of {num:,} directions {kept:,} are kept, with {share} of the variance"
    if prepare.scale == "pca":
        return f"{told}."
    eps = DEFAULT_EPS if prepare.eps is None else prepare.eps
    return f"{told}; eps is {eps:g} of the mean variance."
