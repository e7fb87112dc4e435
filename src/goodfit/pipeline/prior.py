"""What the labels alone say: where the last bias of a network may start."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..data import Preparation
from ..recipe import OwnNet, Recipe
from .material import Known


def prior_of(recipe: Recipe, known: Known) -> Tensor | None:
    """Return ``log(share)`` of each class in the training part ``[C]``, or the target's mean.

    A class that the training part has not counts as one row. A mean is that of the target as the
    network learns it: about 0 where it was standardised. None where nothing asks for it, or only
    a run's folder is there, whose weights come from a file. Lin et al., 2017.
    """
    asked = recipe.net is not None and not isinstance(recipe.net, OwnNet)
    if not asked or getattr(recipe.net, "output_bias", "") != "prior":
        return None
    target = _train_target(known)
    if target is None:
        return None
    num_classes = len(known.card.classes)
    return log_shares(target, num_classes) if num_classes else _mean(target, known.preparation)


def log_shares(codes: np.ndarray, num_classes: int) -> Tensor:
    """Return the logarithm of each class's share, float32 ``[C]``.

    Example:
        >>> log_shares(np.array([0, 0, 0, 1]), 2).exp()
        tensor([0.7500, 0.2500])
    """
    counts = np.bincount(codes.astype(np.int64), minlength=num_classes).clip(min=1)
    return torch.from_numpy(np.log(counts / counts.sum()).astype(np.float32))


def _train_target(known: Known) -> np.ndarray | None:
    if known.dataset is not None and known.parts is not None:
        return known.dataset.target[known.parts.train]
    if known.loaders is not None:
        return torch.cat([y for _, y in known.loaders[0].epoch(0)]).numpy()
    return None


def _mean(target: np.ndarray, preparation: Preparation | None) -> Tensor:
    mean = np.atleast_1d(target.mean(axis=0, dtype=np.float64))
    scaled = preparation.target if preparation is not None else None
    if scaled is not None:
        mean = (mean - scaled.centre) / scaled.scale
    return torch.from_numpy(mean.astype(np.float32))
