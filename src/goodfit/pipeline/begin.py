"""The beginning of a run: its data, its network, its folder; anew, or as they were written."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from .. import runs
from ..data import Parts, Preparation, fingerprint
from ..errors import DataError, RunError
from ..recipe import OwnNet, Recipe, write
from ..records import DataCard, SplitSizes
from ..runs import RunFolder
from ..runs.split import read_split, write_split
from .loaders import Feed, know_loaders
from .material import Known, know, load_dataset
from .network import make_net
from .prior import prior_of
from .resolve import num_threads, resolve, try_out, with_threads

T = TypeVar("T")


@dataclass(frozen=True)
class Given:
    """What comes from Python beside the recipe: arrays, loaders or Datasets, a network."""

    data: Any = None
    batches: Feed | None = None
    validation: Feed | None = None
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
        DataError: the data cannot be loaded again.
        RunError: the data has changed since.
    """
    if not folder.split.exists():
        return _known_anew(folder, recipe, given)
    before = known_without_data(folder)
    dataset = _again(given, load_dataset, recipe, given.data)
    _check_unchanged(recipe, before.card, now=fingerprint(dataset))
    rows = read_split(folder.split)
    parts = Parts(train=rows["train"], validation=rows["validation"], test=rows["test"])
    return replace(before, dataset=dataset, parts=parts)


def _known_anew(folder: RunFolder, recipe: Recipe, given: Given) -> Known:
    """Look at the data anew: the run was killed before it wrote its split, or loaders feed it."""
    known = _again(given, know_given, recipe, given)
    if folder.card.exists():
        card = runs.read_record(folder.card, DataCard)
        _check_unchanged(recipe, card, now=known.card.fingerprint)
    write_known(folder, known)
    return known


def _again(given: Given, load: Callable[..., T], *args: Any) -> T:
    """Load data a second time; a failure may come from data that was given in Python."""
    try:
        return load(*args)
    except DataError as error:
        if given.data is not None or given.batches is not None:
            raise
        raise DataError(
            f"The data of the run cannot be loaded again. {error.what}",
            given=error.given,
            do=f"{error.do} Data that was given in Python has to be given again.",
        ) from None


def _check_unchanged(recipe: Recipe, before: DataCard, *, now: str) -> None:
    if now != before.fingerprint:
        raise RunError(
            "The data is not what it was when the run began.",
            given=recipe.data.path,
            do="Put the old data back, or train a new run.",
        )


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
    return make_net(
        recipe,
        input_shape=known.input_shape,
        num_outputs=len(known.card.classes) or 1,
        given=given,
        prior=None if given is not None else prior_of(recipe, known),
    )


def resolve_for(recipe: Recipe, known: Known) -> Recipe:
    """Fill in what the recipe left open; loaders have decided the batch size already."""
    if known.loaders is not None:
        recipe = recipe.model_copy(update={"batch_size": len(_first_batch(known)[0])})
    sizes = known.sizes
    return resolve(recipe, known.card, num_train=sizes.train, num_validation=sizes.validation)


def decide_threads(recipe: Recipe, net: nn.Module, known: Known) -> Recipe:
    """Try the network on a batch, and decide the number of threads by what that takes.

    Once for a run: another number would give other bits.

    Raises:
        NetError: the network does not fit the data.
    """
    if known.loaders is None:
        x, num_outputs = torch.zeros(recipe.batch_size or 1, *known.input_shape), 1
    else:
        x, y = _first_batch(known)
        num_outputs = y.shape[-1]
    own, num_outputs = isinstance(recipe.net, OwnNet), len(known.card.classes) or num_outputs
    operations = try_out(net, x, num_outputs=num_outputs, own=own)
    return recipe if recipe.engine.threads else with_threads(recipe, num_threads(operations))


def _first_batch(known: Known) -> tuple[Tensor, ...]:
    assert known.loaders is not None
    return next(known.loaders[0].epoch(0))


class Temporary:
    """A folder that goes when nobody holds this any more, or at exit, unless it is kept."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="goodfit-"))
        self._remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def keep(self) -> None:
        """Leave the folder where it is."""
        self._remove.detach()


def make_folder(
    recipe: Recipe, out: Path | str | None, root: Path | str | None = None
) -> tuple[RunFolder, Temporary | None]:
    """Make the run folder ``out``, or the next ``root/NAME-N``.

    Without either it is a temporary one, which lives as long as its handle.
    """
    if out is not None:
        return runs.create(runs.path_of(out), recipe=write(recipe)), None
    if root is not None:
        return _numbered(recipe, Path(root)), None
    temporary = Temporary()
    return runs.create(temporary.path / run_name(recipe), recipe=write(recipe)), temporary


def _numbered(recipe: Recipe, root: Path) -> RunFolder:
    """Make the next free folder; another process may be faster and take the number."""
    while True:
        path = runs.default_path(run_name(recipe), root)
        try:
            return runs.create(path, recipe=write(recipe))
        except RunError:
            if runs.default_path(run_name(recipe), root) == path:
                raise


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
