"""Losses by validation as rules look at them."""

from __future__ import annotations

import numpy as np

from ..records import Curve, History
from .numbers import Array, array, finite
from .pictures import picture


def validation_of(history: History) -> Array:
    """Return the validation losses, NaN where they are not finite."""
    values = array(history.epochs.validation_loss)
    return np.where(np.isfinite(values), values, np.nan)


def train_of(history: History) -> Array:
    """Return the training loss by epoch: on clean rows in evaluation mode where that is known.

    Clean losses are measured when they can be paid; between them a straight line is drawn. Not of a
    loss that goes below 0: its level is that of its rows, as a density's or a Poisson's, and clean
    rows are few.
    """
    clean, train = array(history.epochs.clean_loss), array(history.epochs.train_loss)
    known, below = np.isfinite(clean), finite(train).min(initial=0.0) < 0.0
    if below or len(clean) != len(train) or known.sum() < max(2, 0.3 * len(clean)):
        return train
    places = np.arange(len(clean))
    return np.interp(places, places[known], clean[known])


def epochs_picture(history: History, values: Array, label: str = "validation loss") -> Curve:
    """Return a picture of values by epoch."""
    return picture("epoch", label, array(history.epochs.epoch), values)
