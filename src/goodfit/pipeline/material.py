"""From a recipe to everything that a loop needs: data in parts, a network, a problem."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from .. import data as data_stage
from ..checks import Subject
from ..checks.reading import read
from ..data import Arrays, Dataset, Held, Parts, Preparation
from ..data.batches import Batches, LoaderPart, MemoryBatches, Part
from ..data.checks import Rows
from ..engine import LossFn, take
from ..errors import DataError
from ..loop import Blocks
from ..optim import pulls_of
from ..recipe import Recipe
from ..records import DataCard, SplitSizes

CHECKED_ROWS, CLEAN_ROWS = 256, 1024
READING_S, CHECKING_S = 1.0, 25.0


@dataclass(frozen=True)
class Known:
    """What is known of the data before anything is decided: read, described, split, fitted.

    ``loaders`` is set where a user's own loaders feed the run; nothing else is known then but
    the card, and ``notes`` that the run is to keep.
    """

    card: DataCard
    sizes: SplitSizes
    dataset: Dataset | None = None
    parts: Parts | None = None
    preparation: Preparation | None = None
    loaders: tuple[Batches, LoaderPart] | None = None
    notes: tuple[str, ...] = ()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample as the network gets it."""
        if self.preparation is None:
            return self.card.input_shape
        return data_stage.prepared_shape(self.preparation)


@dataclass(frozen=True)
class Material:
    """Data as a loop takes it: what feeds it, what validates it, what scales it.

    ``sample`` is the first batch, at most 256 rows; ``clean`` training rows to be evaluated, as
    many as validate, at most 1,024; ``test`` is empty where there is none.
    """

    card: DataCard
    batches: Batches
    validation: Blocks
    prepare: nn.Module
    output: nn.Module
    sample: tuple[Tensor, Tensor]
    clean: Blocks = ()
    test: Part | None = None
    notes: tuple[str, ...] = ()


def know(recipe: Recipe, data: Any = None) -> Known:
    """Read the data that a recipe names, or that was given as ``(X, y)``; split and fit."""
    dataset = load_dataset(recipe, data)
    seed = recipe.seed if recipe.split.seed is None else recipe.split.seed
    parts = data_stage.split(dataset, recipe.split, seed=seed)
    preparation = data_stage.fit(dataset, parts.train, recipe.prepare)
    card = data_stage.describe(dataset, np.concatenate([parts.train, parts.validation]))
    card = replace(card, notes=(*card.notes, *parts.notes))
    return Known(card, parts.sizes, dataset, parts, preparation)


def load_dataset(recipe: Recipe, data: Any = None) -> Dataset:
    """Return the data that a recipe names, or that was given from Python (a pair, or Arrays)."""
    if data is None:
        return data_stage.load(
            recipe.data, task=recipe.task, how=recipe.split, prepare=recipe.prepare
        )
    if isinstance(data, tuple) and len(data) == 2:
        data = Arrays(*data)
    if not isinstance(data, Arrays):
        raise DataError("data= takes a pair (X, y).", given=type(data).__name__, do=_instead(data))
    return data_stage.from_arrays(
        data.x,
        data.y,
        name=recipe.data.path,
        task=recipe.task,
        how=recipe.split,
        prepare=recipe.prepare,
        groups=data.groups,
        times=data.times,
    )


def _instead(data: Any) -> str:
    if isinstance(data, TorchDataset | DataLoader):
        return (
            "Pass it as batches=, and another as validation=: each a Dataset or a DataLoader"
            " (torch.utils.data.random_split makes two Datasets of one)."
        )
    return "Pass data=(X, y). For a split by groups: data=Arrays(X, y, groups=...)."


def material_of(known: Known, recipe: Recipe, folder: Path) -> Material:
    """Return the data as the loop takes it; what does not fit in memory is kept in ``folder``."""
    if known.loaders is not None:
        return _of_loaders(known, *known.loaders)
    dataset, parts, preparation = known.dataset, known.parts, known.preparation
    assert dataset is not None and parts is not None and preparation is not None
    held = data_stage.hold(dataset, preparation, folder=folder)
    data = (held.inputs, held.target)
    rows = torch.from_numpy(parts.train)
    batches = MemoryBatches(data, rows, recipe.batch_size or 1, recipe.seed)
    first = next(batches.epoch(0))[0][:CHECKED_ROWS]
    return Material(
        card=known.card,
        batches=batches,
        validation=Part(data, torch.from_numpy(parts.validation)),
        prepare=_prepare_module(held, preparation),
        output=data_stage.output_module(preparation),
        sample=(held.inputs.index_select(0, first), held.target.index_select(0, first)),
        clean=Part(data, spread(rows, min(len(parts.validation), CLEAN_ROWS))),
        test=Part(data, torch.from_numpy(parts.test)),
        notes=held.notes,
    )


def spread(rows: Tensor, num: int) -> Tensor:
    """Return ``num`` of ``rows``, evenly spread; all where there are fewer.

    Example:
        >>> spread(torch.arange(10), 4).tolist()
        [0, 2, 4, 6]
    """
    return rows[:: max(1, len(rows) // max(1, num))][:num]


def _prepare_module(held: Held, preparation: Preparation) -> nn.Module:
    return data_stage.input_module(preparation) if held.needs_input_module else nn.Identity()


def _of_loaders(known: Known, batches: Batches, validation: LoaderPart) -> Material:
    x, y = next(batches.epoch(0))
    return Material(
        card=known.card,
        batches=batches,
        validation=validation,
        prepare=nn.Identity(),
        output=nn.Identity(),
        sample=(x[:CHECKED_ROWS], y[:CHECKED_ROWS]),
        clean=[(x[:CLEAN_ROWS], y[:CLEAN_ROWS])],
        notes=known.notes,
    )


def loss_of(material: Material) -> LossFn:
    """Return the loss that fits the task: cross-entropy, or squared error."""
    if material.card.task == "classification":
        return functional.cross_entropy
    return functional.mse_loss


def rows_of(known: Known) -> Rows | None:
    """Return what the checks of the data look at; None where loaders feed the run."""
    if known.dataset is None or known.parts is None:
        return None
    return Rows(known.dataset, known.parts)


def augmentation_for(recipe: Recipe, material: Material) -> data_stage.Augmentation | None:
    """Return how training batches are changed; None where they are not.

    Raises:
        RecipeError: the data are not such as can be changed like that.
    """
    card, x = material.card, material.sample[0]
    return data_stage.augmentation_of(
        recipe.augment,
        input_kind=card.input_kind,
        shape=tuple(x.shape[1:]),
        num_classes=len(card.classes),
        bounded=x.dtype == torch.uint8,
    )


def subject_of(net: nn.Module, material: Material, recipe: Recipe) -> Subject:
    """Return what the checks before training look at."""
    x, y = material.sample
    return Subject(
        net,
        material.prepare,
        loss_of(material),
        x,
        y,
        material.card.task,
        material.card.class_counts,
        reading=read(_pairs(material.batches), seconds=READING_S),
        validation=read(material.validation, seconds=READING_S),
        until=time.monotonic() + CHECKING_S,
        pulls=pulls_of(recipe, net),
    )


def _pairs(batches: Batches) -> Iterator[tuple[Tensor, ...]]:
    """Yield the first epoch's batches as ``(x, y)``, unprepared."""
    for batch in batches.epoch(0):
        yield tuple(take(part, batch[0]) for part in batches.data) if batches.data else batch
