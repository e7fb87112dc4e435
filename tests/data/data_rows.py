"""Data sets of a few hundred rows with planted faults, and their healthy twins."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_sample_images

from goodfit.data import Dataset, Parts, from_arrays, load, split
from goodfit.data.checks import DATA_CHECKS, Rows
from goodfit.recipe import DataSource, Prepare, Split

BY_NAME = {check.__name__.replace("_", "-"): check for check in DATA_CHECKS}
RNG = np.random.default_rng(0)
Made = Callable[[], Rows]


def rows_of(data: Dataset, **how: Any) -> Rows:
    return Rows(data, split(data, Split(**how), seed=0))


def table(
    prepare: Prepare | None = None,
    *,
    num_rows: int = 300,
    task: str = "classification",
    **columns: Any,
) -> Rows:
    """A healthy table of two noisy columns and a category, with others added or replaced."""
    rng = np.random.default_rng(1)
    score = rng.normal(size=num_rows)
    frame = {
        "dose": score + rng.normal(size=num_rows),
        "age": rng.integers(20, 80, num_rows),
        "site": rng.choice(["north", "south", "east"], num_rows),
    }
    made = {name: new(score) if callable(new) else new for name, new in columns.items()}
    target = (score > 0).astype(int) if task == "classification" else score * 10
    return rows_of(from_arrays(pd.DataFrame(frame | made), target, task=task, prepare=prepare))  # pyright: ignore


def again(num: int, prepare: Prepare | None = None, **columns: Any) -> Rows:
    """A table of which the first ``num`` rows stand twice."""
    once = table().dataset
    assert isinstance(once.inputs, pd.DataFrame)
    frame = once.inputs.assign(**columns)
    frame = pd.concat([frame, frame.iloc[:num]], ignore_index=True)
    target = np.concatenate([once.target, once.target[:num]])
    return rows_of(from_arrays(frame, target, prepare=prepare))


def doubled(images: np.ndarray) -> Rows:
    return rows_of(from_arrays(np.concatenate([images] * 2), np.arange(2 * len(images)) % 2))


def few_values() -> Rows:
    """Three columns of five values each: rows are equal by chance."""
    return rows_of(from_arrays(RNG.integers(0, 5, (300, 3)), RNG.integers(0, 2, 300)))


def copied_in_training() -> Rows:
    rows = arrays()
    inputs, train = np.array(rows.dataset.inputs), rows.parts.train
    inputs[train[:20]] = inputs[train[20:40]]
    return Rows(dataclasses.replace(rows.dataset, inputs=inputs), rows.parts)


def digits(change: Callable[[np.ndarray, Parts], None] | None = None) -> Rows:
    rows = rows_of(load(DataSource(path="digits")))
    if change is None:
        return rows
    images = np.array(rows.dataset.inputs)
    change(images, rows.parts)
    return Rows(dataclasses.replace(rows.dataset, inputs=images), rows.parts)


def brighter(images: np.ndarray, parts: Parts) -> None:
    images[parts.validation[:40]] = np.minimum(16, images[parts.train[:40]] * 0.8 + 1)


def other_images(images: np.ndarray, parts: Parts) -> None:
    images[parts.validation[:40]] = images[parts.train[:40]][..., ::-1]


def arrays(**changes: Any) -> Rows:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(200, 4)), np.arange(200) % 2
    for name, change in changes.items():
        x, y = change(x, y) if name == "change" else (x, y)
    return rows_of(from_arrays(x, y))


def copied_to_test(rows: Rows, num: int) -> Rows:
    inputs = np.array(rows.dataset.inputs)
    inputs[rows.parts.test[:num]] = inputs[rows.parts.train[:num]]
    return Rows(dataclasses.replace(rows.dataset, inputs=inputs), rows.parts)


def with_labels(rows: Rows, num: int, *, differ: bool) -> Rows:
    """Copy training rows over others, with the same label or with another."""
    inputs, target = np.array(rows.dataset.inputs), rows.dataset.target.copy()
    of = rows.parts.train
    inputs[of[:num]] = inputs[of[num : 2 * num]]
    target[of[:num]] = 1 - target[of[num : 2 * num]] if differ else target[of[num : 2 * num]]
    return Rows(dataclasses.replace(rows.dataset, inputs=inputs, target=target), rows.parts)


def without_class(part: str) -> Rows:
    rows = arrays()
    target = rows.dataset.target.copy()
    target[rows.parts.rows()[part]] = 0
    return Rows(dataclasses.replace(rows.dataset, target=target), rows.parts)


def holes(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x[::2, 1] = np.nan
    x[1::3, 1] = np.inf
    return x, y


def a_few_holes(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x[::9, 1] = np.nan
    return x, y


def tripled(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([x, x[:50]]), np.concatenate([y, y[:50]])


def flat(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x[:, 2] = 7.0
    return x, y


def numbered(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x[:, 3] = np.arange(len(x))[::-1]
    return x, y


def days(form: str) -> list[str]:
    return pd.date_range("2024-01-01", periods=300).strftime(form).tolist()


@cache
def patches() -> np.ndarray:
    """Patches ``[N, 1, 28, 28]`` of two photographs that do not overlap, where there is detail."""
    found = []
    for photo in load_sample_images().images:
        grey = photo.mean(2)[:420, :616]
        cut = grey.reshape(15, 28, 22, 28).transpose(0, 2, 1, 3).reshape(-1, 1, 28, 28)
        found.append(cut[cut.std(axis=(1, 2, 3)) > 20.0])
    return np.concatenate(found).astype(np.uint8)


def photographs(change: Callable[[np.ndarray], np.ndarray] | None) -> Rows:
    """Patches of which 20 of those that validate are changed ones of those that train."""
    images = patches().copy()
    rows = rows_of(from_arrays(images, np.arange(len(images)) % 2))
    if change is not None:
        copies = change(images[rows.parts.train[:20]].astype(np.float32))
        images[rows.parts.validation[:20]] = copies.round().clip(0, 255).astype(np.uint8)
    return Rows(dataclasses.replace(rows.dataset, inputs=images), rows.parts)


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "brighter by 30": lambda x: x + 30,
    "darker by a third": lambda x: x * 0.67,
    "with noise of 2 %": lambda x: x + 5.0 * RNG.normal(size=x.shape),
    "moved to the right": lambda x: np.roll(x, 1, axis=3),
    "moved down": lambda x: np.roll(x, 1, axis=2),
    "moved aslant and brighter": lambda x: np.roll(x, (1, -1), axis=(2, 3)) * 0.8 + 10,
}


def nearly_flat(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x[:, 2], x[7, 2] = 3.0, 4.0
    return x, y


def far_off(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x[:, 2] += 1e9
    return x, y


def one_of(value: float) -> Callable[[np.ndarray], np.ndarray]:
    """Make a column of N(0, 1) whose 8th value is another one."""
    return lambda s: np.r_[s[:7], value, s[8:]]


def one_far(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x[7, 2], x[9, 2] = 1e9, np.nan
    return x, y


def coded(*codes_and_counts: float) -> np.ndarray:
    """Return 300 normal numbers that begin with codes, each so many times."""
    pairs = zip(codes_and_counts[::2], codes_and_counts[1::2], strict=True)
    codes = [code for code, num in pairs for _ in range(int(num))]
    return np.r_[codes, RNG.normal(size=300 - len(codes))]


def codes_of_an_array(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x[::9, 2] = -999.0
    return x, y


def label_in_a_pixel() -> Rows:
    rows = digits()
    images = np.array(rows.dataset.inputs)
    images[:, 0, 0, 0] = rows.dataset.target
    return Rows(dataclasses.replace(rows.dataset, inputs=images), rows.parts)


def numbers(num_rows: int = 300) -> list[str]:
    return [str(number) for number in np.arange(num_rows) % 40]


# By check: what is planted (severity), and healthy twins.
