"""The beginning of a run: its data, its network, its folder; anew, or as they were written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from .. import runs
from ..data import Parts, Preparation, fingerprint
from ..errors import DataError, RunError
from ..recipe import Recipe, write
from ..records import DataCard, SplitSizes
from ..runs import RunFolder
from ..runs.split import read_split, write_split
from .material import Known, know, know_loaders, load_dataset, make_net
from .resolve import num_threads, with_threads


@dataclass(frozen=True)
class Given:
    """What comes from Python beside the recipe: arrays, loaders, a network."""

    data: Any = None
    batches: Iterable[Any] | None = None
    validation: Iterable[Any] | None = None
    net: nn.Module | None = None


def know_given(recipe: Recipe, given: Given) -> Known:
    """Read, split and fit what was given, or what the recipe names."""
    if given.batches is None and given.validation is None:
        return know(recipe, given.data)
    if given.batches is None or given.validation is None:
        raise DataError(
            "Loaders come in pairs: what trains, and what validates.",
            given="one of batches= and validation=",
            do="Pass both.",
        )
    return know_loaders(recipe, given.batches, given.validation)


def known_before(folder: RunFolder, recipe: Recipe, given: Given) -> Known:
    """Load the data again, and take split and preparation as they were written.

    Raises:
        RunError: the data has changed since.
    """
    before = known_without_data(folder)
    if before.preparation is None:
        return know_given(recipe, given)
    dataset = load_dataset(recipe, given.data)
    if fingerprint(dataset) != before.card.fingerprint:
        raise RunError(
            "The data is not what it was when the run began.",
            given=recipe.data.path,
            do="Put the old data back, or train a new run.",
        )
    rows = read_split(folder.split)
    parts = Parts(train=rows["train"], validation=rows["validation"], test=rows["test"])
    return replace(before, dataset=dataset, parts=parts)


def known_without_data(folder: RunFolder) -> Known:
    """Return what a folder says of its data, without loading it."""
    card, sizes = (
        runs.read_record(folder.card, DataCard),
        runs.read_record(folder.sizes, SplitSizes),
    )
    if not folder.split.exists():
        return Known(card, sizes)
    return Known(card, sizes, preparation=runs.read_record(folder.preparation, Preparation))


def net_of(recipe: Recipe, known: Known, given: nn.Module | None) -> nn.Module:
    """Return the network at its start, for the data that is known."""
    num_outputs = len(known.card.classes) or 1
    return make_net(recipe, input_shape=known.input_shape, num_outputs=num_outputs, given=given)


def decide_threads(recipe: Recipe, net: nn.Module, known: Known) -> Recipe:
    """Decide the number of threads, once: another number would give other bits."""
    if recipe.engine.threads:
        return recipe
    batch_shape = (recipe.batch_size or 1, *known.input_shape)
    return with_threads(recipe, num_threads(net, batch_shape=batch_shape))


def make_folder(
    recipe: Recipe, out: Path | str | None
) -> tuple[RunFolder, tempfile.TemporaryDirectory[str] | None]:
    """Make the run folder; without a path, a temporary one that lives as long as its handle."""
    if out is not None:
        return runs.create(Path(out), recipe=write(recipe)), None
    temporary = tempfile.TemporaryDirectory(prefix="goodfit-")
    path = Path(temporary.name) / run_name(recipe)
    return runs.create(path, recipe=write(recipe)), temporary


def run_name(recipe: Recipe) -> str:
    """Return a run's name from its source: ``data/houses.csv`` gives ``houses``."""
    return Path(recipe.data.path).name.split(".")[0] or "run"


def write_known(folder: RunFolder, known: Known) -> None:
    """Write the split last: where it stands, all that a resumed run reads stands."""
    runs.write_record(folder.sizes, known.sizes)
    runs.write_record(folder.card, known.card)
    if known.parts is not None and known.preparation is not None:
        runs.write_record(folder.preparation, known.preparation)
        write_split(folder.split, known.parts.rows())
