"""What a preparation does, in sentences for the report."""

from __future__ import annotations

from ..recipe.inputs import Prepare
from .preparation import ImagePreparation, Preparation, Projection, TablePreparation
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
    if projection is not None:
        told.append(_turned(projection, prepare))
    told.append("All of this was fitted on the training rows alone, and is part of the model.")
    return tuple(told)


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
