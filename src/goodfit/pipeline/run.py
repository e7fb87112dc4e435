"""A finished run: what was measured, and the model."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ..data import Preparation, encode
from ..data.gaps import warn_of_gaps
from ..diagnosis import judge, told_once
from ..errors import DataError, RecipeError, RunError, nearest
from ..evaluation import VIEWS, Model, check_views, viewed
from ..recipe import Evaluate, Recipe, Views
from ..records import DataCard, Finding, History, RunInfo, Scores, Sheet, SplitSizes, Verdict
from ..runs import RunFolder, write_out
from ..runs.atomic import disk_errors
from .begin import Temporary

BLOCK_ROWS = 4096


@dataclass
class Run:
    """A finished run, as ``goodfit.train`` and ``goodfit.load`` return it.

    ``module`` is a plain ``nn.Module`` with its preprocessing; ``scores`` are on the validation
    part, ``test_scores`` None until ``goodfit test`` has opened the sealed part.
    """

    recipe: Recipe
    card: DataCard
    sizes: SplitSizes
    history: History
    verdicts: tuple[Verdict, ...]
    scores: Scores
    info: RunInfo
    module: Model
    folder: RunFolder
    preparation: Preparation | None = None
    test_scores: Scores | None = None
    drawn: Sheet | None = field(default=None, repr=False)
    temporary: Temporary | None = field(default=None, repr=False)

    @cached_property
    def diagnosis(self) -> tuple[Verdict, ...]:
        """The verdicts of all rules on what was measured while training."""
        return judge(self.history)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What checks and rules found, in order of cause."""
        both = (*self.verdicts, *self.diagnosis)
        return told_once(verdict.finding for verdict in both if verdict.finding)

    def predict(self, inputs: Any, *, views: Views | None = None) -> NDArray:
        """Return a class name (or a quantity) for each row of raw inputs.

        Args:
            inputs: A DataFrame with the columns that were trained on, or an array or tensor
                ``[N, ...]`` of raw inputs. Where loaders fed the run, a tensor is taken as it
                is, and all else becomes float32.
            views: What answers are averaged over, instead of what the recipe says: "none", "flip",
                "crops", "flip-crops".

        Returns:
            ``[N]`` class names (integers where all are), or float quantities in the target's own
            unit (``[N, D]`` where a loader's targets are D quantities each).

        A :class:`~goodfit.errors.GapsWarning` names rows that lack every value, and columns that
        lack some where training had no gap; a usual value of the training rows is filled in.

        Raises:
            DataError: a column is missing, or the shape is wrong.
            RecipeError: there are no such views, or the data have none.
        """
        return self._told(self._outputs(inputs, views))

    def predict_proba(self, inputs: Any, *, views: Views | None = None) -> NDArray:
        """Return the classes' probabilities ``[N, C]`` for raw inputs, in ``card.classes`` order.

        Raises:
            DataError: the run predicts a quantity, or the inputs do not fit.
            RecipeError: there are no such views, or the data have none.
        """
        if self.card.task != "classification":
            raise DataError(
                "This run predicts a quantity, which has no class probabilities.",
                given=f"target {self.card.target}",
                do="Use predict.",
            )
        return _chances(self._outputs(inputs, views))

    def answers(self, inputs: Any, *, views: Views | None = None) -> pd.DataFrame:
        """Return what ``predict`` and ``predict_proba`` say of raw inputs, from one pass.

        Returns:
            N rows: ``prediction``, and of classes ``p_CLASS`` for each; ``prediction_1``, ... where
            there are several quantities.

        Raises:
            DataError: a column is missing, or the shape is wrong.
            RecipeError: there are no such views, or the data have none.
        """
        outputs = self._outputs(inputs, views)
        told = self._told(outputs)
        if self.card.task == "classification":
            chances = zip(self.card.classes, _chances(outputs).T, strict=True)
            return pd.DataFrame({"prediction": told, **{f"p_{name}": p for name, p in chances}})
        if told.ndim == 1:
            return pd.DataFrame({"prediction": told})
        return pd.DataFrame(told, columns=[f"prediction_{k + 1}" for k in range(told.shape[1])])

    def report(self, path: Path | str) -> Path:
        """Write the report as one self-contained HTML file, and return its path.

        Folders above it that are missing are made.
        """
        path = Path(path)
        if not self.folder.report.exists():
            raise RunError("This run has no report yet.", given=self.folder.path, do="Finish it.")
        write_out(path, self.folder.report.read_text(encoding="utf-8"))
        return path

    def save(self, path: Path | str) -> Path:
        """Write the run as a folder, which ``goodfit.load`` and the command line read.

        Raises:
            RunError: ``path`` exists already, or cannot be written; then nothing is.
        """
        path = Path(path)
        if path.exists():
            raise RunError("There is something at this path.", given=path, do="Name a new folder.")
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as scratch:
                copy = shutil.copytree(self.folder.path, Path(scratch) / path.name)
                copy.rename(path)
        return path

    def _told(self, outputs: NDArray[np.float32]) -> NDArray:
        if self.card.task == "classification":
            return _labels(self.card.classes)[outputs.argmax(axis=1)]
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def _outputs(self, inputs: Any, views: Views | None) -> NDArray[np.float32]:
        how = asked_by(self.recipe, self.card, views)
        encoded = self._encoded(inputs)
        asked = viewed(self.module.eval(), how, task=self.card.task)
        with torch.no_grad():
            blocks = [asked(block) for block in encoded.split(BLOCK_ROWS)]
        return torch.cat(blocks).numpy()

    def _encoded(self, inputs: Any) -> torch.Tensor:
        if isinstance(inputs, torch.Tensor):
            if self.preparation is None:
                return inputs
            inputs = inputs.detach().cpu().numpy()
        if not isinstance(inputs, pd.DataFrame):
            inputs = np.asarray(inputs)
        if self.preparation is None:
            return _tensor(np.asarray(inputs, dtype=np.float32))
        encoded = encode(inputs, self.preparation)
        warn_of_gaps(inputs if isinstance(inputs, pd.DataFrame) else encoded, self.card)
        return _tensor(encoded)


def asked_by(recipe: Recipe, card: DataCard, views: Views | None) -> Evaluate:
    """Return how a network is asked: as the recipe says, or over other views.

    Raises:
        RecipeError: there are no such views, or the data have none.
    """
    if views is None:
        return recipe.evaluate
    if views not in ("none", *VIEWS):
        raise RecipeError(
            f'There are no views "{views}".',
            given=f"views = {views!r}",
            do=nearest(str(views), ("none", *VIEWS)).capitalize(),
        )
    how = recipe.evaluate.model_copy(update={"views": views})
    check_views(how, input_kind=card.input_kind, shape=card.input_shape)
    return how


def _labels(classes: tuple[str, ...]) -> NDArray:
    """Return the classes as labels: integers where every name is one, else the names."""
    try:
        numbers = np.array([int(name) for name in classes], dtype=np.int64)
    except (ValueError, OverflowError):
        return np.asarray(classes)
    return numbers if tuple(map(str, numbers)) == classes else np.asarray(classes)


def _chances(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    return torch.from_numpy(outputs).softmax(dim=1).numpy()


def _tensor(array: NDArray) -> torch.Tensor:
    """Return a tensor on the array's memory, or a copy where torch cannot use that."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))
