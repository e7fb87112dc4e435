"""From a trained course to a finished run: evaluate, write, report; and back from a folder."""

from __future__ import annotations

import copy
import platform
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .. import __version__, runs
from ..data import Preparation, augment_in_words, in_words, input_module, output_module
from ..errors import RunError
from ..evaluation import Model, outputs_of, score, viewed
from ..loop import Blocks
from ..nets import layout_of, write_row
from ..recipe import Evaluate, Recipe, write
from ..records import DataCard, History, RunInfo, Scores, Sheet, SplitSizes, Verdict
from ..report import Contents, render
from ..runs import RunFolder, checkpoints
from ..runs.checkpoints import Checkpoint
from .machine import machine
from .material import Material
from .run import Run
from .training import METRICS, Trained


def finish(
    recipe: Recipe,
    material: Material,
    net: nn.Module,
    folder: RunFolder,
    trained: Trained,
    verdicts: tuple[Verdict, ...],
    load_s: float,
) -> Run:
    """Evaluate the best weights on the validation part, and write what a finished run holds."""
    course, best = trained.course, trained.course.best
    runs.write_record(folder.info, _info(recipe, net, trained, load_s))
    checkpoints.save_best(folder.best, course.best_epoch, best, {"best_epoch": course.best_epoch})
    with_best(net, best)
    scores = evaluate(net, material, "validation", material.validation, recipe.evaluate)
    runs.write_record(folder.scores_validation, scores)
    run = read_run(folder, recipe, net)
    runs.write_records(folder.findings, run.findings)
    write_report(run)
    return run


def with_best(net: nn.Module, best: Mapping[str, Tensor]) -> nn.Module:
    """Write weights as a checkpoint holds them into ``net``, and return it.

    Raises:
        RunError: they are those of another network.
    """
    prefix = "buffer."
    buffers = {
        name.removeprefix(prefix): tensor[0]
        for name, tensor in best.items()
        if name.startswith(prefix)
    }
    _check_fits(net, best["w"].shape[1], buffers)
    write_row(net, layout_of(net), best["w"][0], buffers)
    return net.eval()


def _check_fits(net: nn.Module, num_weights: int, buffers: Mapping[str, Tensor]) -> None:
    own = {name: p for name, p in net.named_parameters() if not p.requires_grad}
    held = {**own, **dict(net.named_buffers())}
    missing = [name for name, tensor in held.items() if not _same_shape(tensor, buffers.get(name))]
    if layout_of(net).num_parameters != num_weights or missing:
        raise RunError(
            "The run trained another network than this one.",
            given=f"{layout_of(net).num_parameters:,} weights here, {num_weights:,} in the run"
            + (f"; no fitting {', '.join(missing[:3])}" if missing else ""),
            do="Give the network that it began with.",
        )


def _same_shape(mine: Tensor, theirs: Tensor | None) -> bool:
    return theirs is not None and mine.shape == theirs.shape


def evaluate(
    net: nn.Module, material: Material, part: Any, blocks: Blocks, how: Evaluate
) -> Scores:
    """Score ``net`` on one part; targets in their own unit, classes as probabilities."""
    task = material.card.task
    model = viewed(Model(material.prepare, net, material.output), how, task=task)
    outputs, target = outputs_of(model, blocks)
    if task == "classification":
        outputs = outputs.softmax(dim=1)
    else:
        target = material.output(target)
    scores = score(
        part,
        task=task,
        outputs=outputs.numpy(),
        target=target.numpy(),
        classes=material.card.classes,
    )
    return replace(scores, views=how.views)


def read_run(folder: RunFolder, recipe: Recipe, net: nn.Module) -> Run:
    """Return the finished run that a folder holds; ``net`` has its best weights.

    Raises:
        RunError: a file of the folder is missing or damaged.
    """
    preparation = None
    if folder.preparation.exists():
        preparation = runs.read_record(folder.preparation, Preparation)
    card = runs.read_record(folder.card, DataCard)
    test = runs.read_unsealed(folder).scores if folder.scores_test.exists() else None
    return Run(
        recipe=recipe,
        card=card,
        sizes=runs.read_record(folder.sizes, SplitSizes),
        history=_history(folder, METRICS[card.task][0]),
        verdicts=runs.read_records(folder.verdicts, Verdict),
        scores=runs.read_record(folder.scores_validation, Scores),
        info=runs.read_record(folder.info, RunInfo),
        module=_model(net, preparation),
        folder=folder,
        preparation=preparation,
        test_scores=test,
        drawn=runs.read_record(folder.drawn, Sheet) if folder.drawn.exists() else None,
    )


def _history(folder: RunFolder, metric: str) -> History:
    history = runs.read_history(folder.history, metric=metric)
    steps = history.epochs.step
    return replace(history, steps_per_epoch=steps[0] if steps else 0)


def best_weights(folder: RunFolder) -> Checkpoint:
    """Return the best weights of a finished run.

    Raises:
        RunError: the run is not finished, or the file is damaged.
    """
    best = checkpoints.load_best(folder.best)
    if best is None or not folder.scores_validation.exists():
        raise RunError(
            "This run is not finished.",
            given=folder.path,
            do=f"Finish it first: goodfit resume {folder.path}",
        )
    return best


def write_report(run: Run) -> Path:
    """Write ``report.html`` into the run's folder."""
    runs.write_text(run.folder.report, render(contents_of(run)))
    return run.folder.report


def contents_of(run: Run) -> Contents:
    """Return everything that a report of the run shows."""
    return Contents(
        name=run.folder.path.name,
        recipe_toml=write(run.recipe),
        card=run.card,
        sizes=run.sizes,
        history=run.history,
        validation=run.scores,
        test=run.test_scores,
        verdicts=run.verdicts,
        diagnosis=run.diagnosis,
        findings=run.findings,
        info=run.info,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        preparation=(
            *(in_words(run.preparation, run.recipe.prepare) if run.preparation else ()),
            *augment_in_words(run.recipe.augment),
        ),
        drawn=run.drawn,
    )


def _model(net: nn.Module, preparation: Preparation | None) -> Model:
    if preparation is None:
        return Model(nn.Identity(), net, nn.Identity()).eval()
    return Model(input_module(preparation), copy.deepcopy(net), output_module(preparation)).eval()


def _info(recipe: Recipe, net: nn.Module, trained: Trained, load_s: float) -> RunInfo:
    return RunInfo(
        goodfit=__version__,
        torch=torch.__version__,
        python=platform.python_version(),
        machine=machine(),
        threads=recipe.engine.threads or 1,
        executor=trained.executor,
        executor_reason=trained.executor_reason,
        num_parameters=sum(p.numel() for p in net.parameters()),
        net=str(net),
        load_s=load_s,
        train_s=trained.train_s,
        checkpoint_s=trained.checkpoint_s,
        num_resumes=trained.num_resumes,
    )
