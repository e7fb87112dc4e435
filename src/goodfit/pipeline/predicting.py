"""A finished run on new rows of a file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from torch import nn

from ..data import read_asked
from .flow import load


def predict(path: Path | str, rows: Path | str, *, net: nn.Module | None = None) -> pd.DataFrame:
    """Return what the run in a folder answers to each row of a file, in the file's order.

    The rows are read and prepared as those of training were; a target beside them plays no part.

    Args:
        path: The run folder.
        rows: CSV or Parquet with the columns of training; NPZ with an array x; an image, or a
            folder of images.
        net: The module, where it was given from Python.

    Returns:
        N rows: ``row`` (from 1), or ``file`` of images; then the columns of
        :meth:`goodfit.Run.answers`.

    Raises:
        DataError: the file is missing, damaged or of another kind, lacks columns, or has no rows.
        RunError: there is no run, it is not finished, or a file is damaged.
    """
    run = load(path, net=net)
    asked = read_asked(Path(rows).expanduser(), run.card, run.preparation)
    answers = run.answers(asked.inputs)
    if asked.files:
        answers.insert(0, "file", list(asked.files))
    else:
        answers.insert(0, "row", range(1, len(answers) + 1))
    return answers
