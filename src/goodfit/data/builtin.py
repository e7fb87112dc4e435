"""The sets that a name suffices for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn import datasets

from ..recipe.inputs import DataSource
from .assemble import Raw
from .fashion import read_fashion_mnist


def read_digits(_source: DataSource) -> Raw:
    """Read 1,797 handwritten digits, uint8 ``[N, 1, 8, 8]`` with values 0 to 16.

    Example:
        >>> raw = read_digits(DataSource(path="digits"))
        >>> raw.inputs.shape, int(raw.inputs.max())
        ((1797, 1, 8, 8), 16)
    """
    pixels, digits = datasets.load_digits(return_X_y=True)
    return Raw(
        name="digits",
        inputs=np.asarray(pixels, np.uint8).reshape(-1, 1, 8, 8),
        target=_labels(np.asarray(digits), [str(digit) for digit in range(10)]),
        target_name="digit",
    )


def _table(
    name: str, target_name: str, load: Callable[..., datasets.Bunch], **options: bool
) -> Callable[[DataSource], Raw]:
    """Make a reader of one of scikit-learn's tables."""

    def read(_source: DataSource) -> Raw:
        bunch = load(as_frame=True, **options)
        target = bunch.target
        if "target_names" in bunch:
            target = _labels(target.to_numpy(), list(bunch.target_names))
        return Raw(name=name, inputs=bunch.data, target=target, target_name=target_name)

    return read


def _labels(codes: np.ndarray, names: list[str]) -> pd.Series:
    return pd.Series(pd.Categorical.from_codes(codes.tolist(), [str(name) for name in names]))


def _read_fashion_mnist(source: DataSource) -> Raw:
    return read_fashion_mnist(source.folder)


BUILT_INS: dict[str, Callable[[DataSource], Raw]] = {
    "digits": read_digits,
    "wine": _table("wine", "cultivar", datasets.load_wine),
    "breast-cancer": _table("breast-cancer", "diagnosis", datasets.load_breast_cancer),
    "diabetes": _table("diabetes", "progression", datasets.load_diabetes, scaled=False),
    "iris": _table("iris", "species", datasets.load_iris),
    "fashion-mnist": _read_fashion_mnist,
}
