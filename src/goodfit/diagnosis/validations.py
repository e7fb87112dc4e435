"""Losses by validation as rules look at them."""

from __future__ import annotations

import numpy as np

from ..records import Curve, History
from .numbers import Array, array
from .pictures import picture


def validation_of(history: History) -> Array:
    """Return the validation losses, NaN where they are not finite."""
    values = array(history.epochs.validation_loss)
    return np.where(np.isfinite(values), values, np.nan)


def train_of(history: History) -> Array:
    """Return the training loss by epoch: on clean rows in evaluation mode where that is known.

    Clean losses are measured when they can be paid; between them a straight line is drawn.
    """
    clean = array(history.epochs.clean_loss)
    known = np.isfinite(clean)
    if len(clean) != len(history.epochs.epoch) or known.sum() < max(2, 0.3 * len(clean)):
        return array(history.epochs.train_loss)
    places = np.arange(len(clean))
    return np.interp(places, places[known], clean[known])


def epochs_picture(history: History, values: Array, label: str = "validation loss") -> Curve:
    """Return a picture of values by epoch."""
    return picture("epoch", label, array(history.epochs.epoch), values)
