"""What tests of the pipeline need: raw data, rows and scores found without goodfit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load_file
from sklearn import datasets, metrics

import goodfit as gf

INSTALLED = ("digits", "wine", "breast-cancer", "diabetes", "iris")
TINY = gf.Recipe(data="iris", net=gf.MLP(hidden=(8,)), epochs=3, batch_size=32)


def raw_data(name: str) -> tuple[Any, np.ndarray]:
    """Return inputs and labels (or quantities) of an installed set, by scikit-learn alone."""
    if name == "digits":
        bunch: Any = datasets.load_digits()
        return bunch.images.astype(np.uint8)[:, None], bunch.target
    if name == "diabetes":
        bunch = datasets.load_diabetes(as_frame=True, scaled=False)
        return bunch.data, bunch.target.to_numpy()
    load = {
        "wine": datasets.load_wine,
        "breast-cancer": datasets.load_breast_cancer,
        "iris": datasets.load_iris,
    }
    bunch = load[name](as_frame=True)
    return bunch.data, np.asarray(bunch.target_names)[bunch.target]


def rows_of(folder: Path, part: str) -> np.ndarray:
    """Return the rows of a part, as the run's folder has them."""
    return load_file(folder / "split.safetensors")[part]


def take(inputs: Any, rows: np.ndarray) -> Any:
    """Return rows of an array or a table."""
    return inputs.iloc[rows] if isinstance(inputs, pd.DataFrame) else inputs[rows]


def expected_scores(run: gf.Run, inputs: Any, target: np.ndarray) -> dict[str, float]:
    """Return scikit-learn's scores of a run's predictions for raw inputs."""
    predicted = run.predict(inputs)
    if run.card.task == "regression":
        return {
            "mae": metrics.mean_absolute_error(target, predicted),
            "rmse": metrics.root_mean_squared_error(target, predicted),
            "r2": metrics.r2_score(target, predicted),
        }
    # Single precision leaves sums that are off by 1e-7, about which scikit-learn warns.
    chances = run.predict_proba(inputs).astype(np.float64)
    chances /= chances.sum(axis=1, keepdims=True)
    labels = np.unique(target)
    order = [run.card.classes.index(str(label)) for label in labels]
    return {
        "accuracy": float(metrics.accuracy_score(target, predicted)),
        "log_loss": metrics.log_loss(target, chances[:, order], labels=labels),
    }


def tensors_of(path: Path) -> dict[str, str]:
    """Return a hash of each tensor in a safetensors file."""
    return {
        name: hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        for name, array in load_file(path).items()
    }


def newest_checkpoint(folder: Path) -> Path:
    """Return the file of the last checkpoint."""
    return max((folder / "checkpoints").iterdir())


def history_rows(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of the history but the last, which says how the run ended."""
    lines = (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["kind"] for row in rows].index("end") == len(rows) - 1
    return rows[:-1]


WHOLE_FILES = (
    "best.safetensors",
    "card.json",
    "drawn.json",
    "findings.json",
    "preparation.json",
    "recipe.toml",
    "scores-validation.json",
    "sizes.json",
    "split.safetensors",
    "verdicts.json",
)


def bits_of(folder: Path) -> dict[str, Any]:
    """Return all that has to be the same in every bit, however often a run was interrupted."""
    last = newest_checkpoint(folder)
    return {
        "step": last.name,
        "tensors": tensors_of(last),
        "history": history_rows(folder),
        **{name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in WHOLE_FILES},
    }
