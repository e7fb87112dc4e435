"""Cross-validation: K folds as the K rows of one matrix."""

from __future__ import annotations

import copy
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import data as data_stage
from ..data import Dataset, Preparation
from ..data.batches import MemoryBatches, Part
from ..data.folds import Fold, FoldKind, fold_rows
from ..engine import Problem, make_population
from ..engine.executor import Graphs
from ..engine.tile import Tile, copies, row_of
from ..errors import DataError, check_count
from ..loop import budget_of, coefficients
from ..nets import as_trained, layout_of
from ..optim import rule_for
from ..pipeline.finishing import evaluate, with_best
from ..pipeline.material import Known, Material, augmentation_for, know, loss_of
from ..pipeline.resolve import resolve
from ..pipeline.transferring import start_of
from ..recipe import Augment, Evaluate, OwnNet, Recipe
from ..recipe.given import given_recipe
from ..records import CrossValidation, Scores
from ..runs import path_of
from .folds_folder import place_for, write_folds

# Folds share a matrix where no epoch leaves out more than a tenth of a training part, and where
# all prepared copies together stay under so many values (2 GiB).
MOST_LEFT_OUT, MOST_VALUES = 0.1, 2**29


@dataclass(frozen=True)
class _Prepared:
    """A fold's rows ``[M, ...]`` of inputs and targets, and its parts.

    Inputs are as the network gets them; but images that are changed by augmentation, or looked at
    from several views, are raw until ``prepare``.
    """

    preparation: Preparation
    prepare: nn.Module
    inputs: Tensor
    target: Tensor
    train: Tensor
    held: Tensor


def cross_validate(
    recipe: Recipe,
    *,
    folds: int = 5,
    kind: FoldKind = "auto",
    data: Any = None,
    out: Path | str | None = None,
) -> CrossValidation:
    """Train on all but one fold and score on that one, for each fold; return scores and mean.

    The sealed test part is in no fold. The preparation is fitted on each fold's training part.
    Folds train as rows of one matrix, with the same weights at their start; where their training
    parts differ, an epoch takes as many rows as the smallest has, others the next time. Folds
    whose inputs differ in shape, or whose training parts differ by more than a tenth, as by time,
    train one after the other, and so do folds of images that are augmented. Every epoch of the
    recipe is run and the last weights are scored: stopping early would choose by the rows that
    are to be judged. Notes n3, cross-validation.

    Args:
        recipe: What to train.
        folds: How many, K.
        kind: "plain", "stratified", "grouped", "time"; "auto" takes what the data has.
        data: Arrays ``(X, y)`` or ``Arrays`` in memory, instead of ``recipe.data``.
        out: A folder to make, with the scores as JSON, the recipe, and a page that draws them.

    Raises:
        DataError: the data does not work, or so many folds cannot be made of it.
        RecipeError: ``recipe`` is no recipe.
        SearchError: the folder is taken.

    Example:
        >>> found = cross_validate(Recipe(data="iris", epochs=20), folds=3)
        >>> found.kind, len(found.folds), found.mean["accuracy"] > 0.9
        ('stratified', 3, True)
    """
    given_recipe(recipe, "gf.cross_validate")
    check_count("folds", folds, kind=DataError)
    place = None if out is None else path_of(out)
    with place_for(place):
        found = _validated(recipe, folds, kind, data)
        if place is not None:
            write_folds(place, recipe, found)
    return found


def _validated(recipe: Recipe, folds: int, kind: FoldKind, data: Any) -> CrossValidation:
    known = know(recipe, data)
    assert known.dataset is not None and known.parts is not None
    seen = np.sort(np.concatenate([known.parts.train, known.parts.validation]))
    seed = recipe.seed if recipe.split.seed is None else recipe.split.seed
    taken, cut = fold_rows(known.dataset, seen, num=folds, kind=kind, seed=seed)
    dataset = _only(known.dataset, seen)
    with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as folder:
        made = [
            _prepared(known.dataset, dataset, fold, seen, recipe, Path(folder) / str(number))
            for number, fold in enumerate(cut)
        ]
        scores: dict[int, Scores] = {}
        for team in _teams(recipe, made):
            found = _train(recipe, known, [made[number] for number in team])
            scores.update(zip(team, found, strict=True))
    return _summary(taken, seed, [scores[number] for number in range(folds)])


def _only(dataset: Dataset, rows: np.ndarray) -> Dataset:
    return replace(dataset, inputs=dataset.inputs.take(rows, axis=0), target=dataset.target[rows])


def _prepared(
    whole: Dataset, dataset: Dataset, fold: Fold, seen: np.ndarray, recipe: Recipe, folder: Path
) -> _Prepared:
    """Fit on the fold's training rows, and prepare all rows that are seen."""
    preparation = data_stage.fit(whole, fold.train, recipe.prepare)
    held = data_stage.hold(dataset, preparation, folder=folder)
    inputs, prepare = held.inputs, nn.Identity()
    if held.needs_input_module:
        module = data_stage.input_module(preparation)
        if _needs_raw(recipe):
            prepare = module
        else:
            inputs = torch.cat([module(block) for block in inputs.split(4096)])
    train, out = (torch.from_numpy(np.searchsorted(seen, rows)) for rows in (fold.train, fold.held))
    return _Prepared(preparation, prepare, inputs, held.target, train, out)


def _needs_raw(recipe: Recipe) -> bool:
    return recipe.augment != Augment() or recipe.evaluate != Evaluate()


def _teams(recipe: Recipe, made: Sequence[_Prepared]) -> Iterator[list[int]]:
    """Yield the numbers of folds that share a matrix."""
    sizes = [len(each.train) for each in made]
    alike = len({each.inputs.shape for each in made}) == 1
    alike = alike and all(isinstance(each.prepare, nn.Identity) for each in made)
    alike = alike and min(sizes) >= (1.0 - MOST_LEFT_OUT) * max(sizes)
    small = sum(each.inputs.numel() for each in made) <= MOST_VALUES
    if alike and small and not isinstance(recipe.net, OwnNet):
        yield list(range(len(made)))
    else:
        yield from ([number] for number in range(len(made)))


def _train(recipe: Recipe, known: Known, team: Sequence[_Prepared]) -> list[Scores]:
    """Train a team's folds to the end, and score each on what it holds out."""
    most = min(len(each.train) for each in team)
    recipe = resolve(recipe, known.card, num_train=most)
    known = replace(known, preparation=team[0].preparation)
    net = start_of(recipe, known, None)
    batches = _batches(recipe, team, most)
    material = _material(known, batches[0], team[0])
    tile = _tile(recipe, net, material, batches)
    budget = budget_of(recipe, batches[0])
    for epoch in range(recipe.epochs or 1):
        first = epoch * budget.steps_per_epoch
        table = coefficients(recipe, np.arange(first, first + budget.steps_per_epoch), budget)
        table = table.expand(-1, -1, len(team)).contiguous()
        tile.run(table, _steps(batches, epoch), lambda: None)
    materials = [_material(known, batches[k], each) for k, each in enumerate(team)]
    return [
        _score(recipe, tile, k, net, material, each)
        for k, (material, each) in enumerate(zip(materials, team, strict=True))
    ]


def _batches(recipe: Recipe, team: Sequence[_Prepared], most: int) -> list[MemoryBatches]:
    """Return each fold's batches: rows of its own copy of the data in one stack of them."""
    stack = (
        torch.cat([each.inputs for each in team]),
        torch.cat([each.target for each in team]),
    )
    size, seed = recipe.batch_size or 1, recipe.seed
    return [
        MemoryBatches(stack, each.train + k * len(each.inputs), size, seed, most)
        for k, each in enumerate(team)
    ]


def _steps(batches: Sequence[MemoryBatches], epoch: int) -> list[tuple[Tensor]]:
    """Return an epoch's steps: ``[K, N]`` indices, or ``[N]`` of a fold that trains alone."""
    orders = [[index for (index,) in each.epoch(epoch)] for each in batches]
    if len(orders) == 1:
        return [(index,) for index in orders[0]]
    return [(torch.stack(indices),) for indices in zip(*orders, strict=True)]


def _tile(
    recipe: Recipe, net: nn.Module, material: Material, batches: Sequence[MemoryBatches]
) -> Tile:
    rows, budget = len(batches), budget_of(recipe, batches[0])
    stepped = as_trained(net, recipe.transfer)
    rule = rule_for(recipe, stepped)
    problem = Problem(
        stepped,
        layout_of(stepped),
        loss_of(material),
        rule,
        rows,
        material.prepare,
        own_batches=rows > 1,
        augment=augmentation_for(recipe, material),
    )
    start = make_population([stepped], rule)
    tile = Tile(
        problem,
        copies(start, rows),
        batches[0].data,
        coefficients=coefficients(recipe, np.arange(1), budget)[0].expand(-1, rows).contiguous(),
        batch=_steps(batches, 0)[0],
        mode=recipe.engine.mode,
        num_steps=budget.num_steps,
        graphs=(Graphs(), Graphs()),
    )
    for k in range(rows):
        tile.put(k, row_of(start, 0), seed=recipe.seed, step=0)
    return tile


def _material(known: Known, batches: MemoryBatches, one: _Prepared) -> Material:
    return Material(
        card=known.card,
        batches=batches,
        validation=(),
        prepare=one.prepare,
        output=data_stage.output_module(one.preparation),
        sample=(one.inputs[:1], one.target[:1]),
    )


def _score(
    recipe: Recipe, tile: Tile, k: int, net: nn.Module, material: Material, one: _Prepared
) -> Scores:
    row = {name: tensor[None] for name, tensor in row_of(tile.population, k).items()}
    trained = with_best(copy.deepcopy(net), row)
    held = Part((one.inputs, one.target), one.held)
    return evaluate(trained, material, "validation", held, recipe.evaluate)


def _summary(kind: str, seed: int, scores: list[Scores]) -> CrossValidation:
    values = {name: [each.values[name] for each in scores] for name in scores[0].values}
    root = math.sqrt(len(scores))
    return CrossValidation(
        kind=kind,
        seed=seed,
        folds=tuple(scores),
        num_rows=tuple(each.num_rows for each in scores),
        mean={name: float(np.mean(found)) for name, found in values.items()},
        standard_error={
            name: float(np.std(found, ddof=1)) / root for name, found in values.items()
        },
    )
