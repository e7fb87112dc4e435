"""What comes from a user's own loaders, or from a torch ``Dataset``, and what they leave idle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from ..data.batches import (
    Batches,
    DatasetBatches,
    LoaderBatches,
    LoaderPart,
    in_order,
    is_dataset,
    num_samples,
)
from ..errors import DataError
from ..recipe import Recipe
from ..recipe.idle import idle_with_loaders
from ..records import DataCard, SplitSizes
from .material import Known
from .resolve import default_batch_size

Feed = Iterable[Any] | TorchDataset[Any]
OWN_ORDER = "Batches come in their loader's own order: a resumed run may see another."
OUR_ORDER = (
    "Samples of the Dataset come in an order drawn from the seed, anew in each epoch; what it"
    " draws by itself is its own, and a resumed run may see other draws."
)


def know_loaders(recipe: Recipe, batches: Feed, validation: Feed) -> Known:
    """Take a user's own loaders: their batches as they come, prepared by whoever made them.

    Of a torch ``Dataset`` batches of the recipe's size are made: shuffled by the recipe's seed to
    train, in its own order to validate.

    Raises:
        DataError: they yield nothing, something else than (x, y), or only once.
    """
    train, rows = _training(recipe, batches)
    held_out = _validating(recipe, validation)
    x = next(train.epoch(0))[0]
    targets = [torch.cat([y for _, y in part]) for part in (rows, _checked(held_out))]
    card = _card(recipe, x, torch.cat(targets))
    sizes = SplitSizes(train=len(targets[0]), validation=len(targets[1]), test=0)
    own = not isinstance(train, DatasetBatches)
    idle = idle_with_loaders(recipe, batch_size=len(x) if own else None)
    notes = (OWN_ORDER if own else OUR_ORDER, *idle)
    return Known(card, sizes, loaders=(train, held_out), notes=notes)


def _training(recipe: Recipe, batches: Feed) -> tuple[Batches, Iterable[tuple[Tensor, ...]]]:
    """Return the batches to train on, and every row once: of a Dataset a last one may be left."""
    if is_dataset(batches):
        size = _batch_size(recipe, num_samples(batches))
        return DatasetBatches(batches, size, recipe.seed), LoaderPart(in_order(batches, size))
    loader = LoaderBatches(_iterable(batches))
    return loader, loader.epoch(0)


def _validating(recipe: Recipe, validation: Feed) -> LoaderPart:
    if is_dataset(validation):
        return LoaderPart(in_order(validation, _batch_size(recipe, num_samples(validation))))
    return LoaderPart(_iterable(validation))


def _iterable(given: Any) -> Iterable[Any]:
    if hasattr(given, "__iter__") or hasattr(given, "__getitem__"):
        return given
    raise DataError(
        "batches= and validation= take what yields batches.",
        given=type(given).__name__,
        do="Pass a torch Dataset, a DataLoader, or a list of pairs (x, y).",
    )


def _batch_size(recipe: Recipe, num: int) -> int:
    return min(recipe.batch_size or default_batch_size(num), num)


def _checked(part: LoaderPart) -> list[tuple[Tensor, Tensor]]:
    """Return the batches of a part that can be read again and again."""
    batches = list(part)
    if not batches or next(iter(part), None) is None:
        once = "can be read only once" if batches else "are none"
        raise DataError(
            f"The validation batches {once}.",
            given=type(part.loader).__name__,
            do="Give a list or a DataLoader of (x, y): each epoch reads it again.",
        )
    return batches


def _card(recipe: Recipe, x: Tensor, targets: Tensor) -> DataCard:
    shape = tuple(x.shape[1:])
    kind = "image" if len(shape) == 3 else "array"
    card = DataCard(
        source=recipe.data.path,
        task="regression",
        input_kind=kind,
        num_rows=len(targets),
        input_shape=shape,
        target="y",
        fingerprint="",
    )
    if targets.is_floating_point():
        return card
    if int(targets.min()) < 0:
        raise DataError(
            "Classes are counted from 0.",
            given=f"a class {int(targets.min())} in the loaders' targets",
            do="Give class numbers 0, 1, 2, ..., or quantities as floats.",
        )
    counts = np.bincount(targets.numpy())
    classes = tuple(str(code) for code in range(len(counts)))
    return replace(
        card,
        task="classification",
        classes=classes,
        class_counts=tuple(int(count) for count in counts),
    )
