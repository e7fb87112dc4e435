"""What was fitted on the training rows: numbers in records, to and from JSON."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..records import Record


@dataclass(frozen=True, kw_only=True)
class DatePart(Record):
    """A number made of a column of dates; ``origin`` is the day that days are counted from."""

    kind: Literal["date"] = "date"
    column: str
    part: str
    origin: str


@dataclass(frozen=True, kw_only=True)
class Codes(Record):
    """The places of texts among ``categories``, from 0; ``missing`` stands for a missing text.

    With ``own``, a missing text comes after all of them.
    """

    kind: Literal["codes"] = "codes"
    column: str
    categories: tuple[str, ...]
    missing: str | None = None
    own: bool = False


@dataclass(frozen=True, kw_only=True)
class NumericColumn(Record):
    """A numeric column: a missing value becomes ``fill``; then (x - centre) / scale.

    ``made`` says what it is made of, where it is no column of the table.
    """

    name: str
    fill: float
    centre: float
    scale: float
    made: DatePart | Codes | None = None


@dataclass(frozen=True, kw_only=True)
class CategoricalColumn(Record):
    """A categorical column: one output for each category seen in training, sorted.

    ``missing`` is the category that a missing text takes; with ``own``, it has the output after
    all others. A ``hash_size`` makes so many outputs, whatever the text.
    """

    name: str
    categories: tuple[str, ...] = ()
    missing: str | None = None
    own: bool = False
    hash_size: int | None = None

    @property
    def num_outputs(self) -> int:
        """Inputs of the network that the column becomes."""
        return len(self.categories) + self.own if self.hash_size is None else self.hash_size


@dataclass(frozen=True, kw_only=True)
class TablePreparation(Record):
    """Columns of a table, in the order in which they are encoded: numeric, then categorical.

    Last come ``indicators``: columns that tell by 1 where their value is missing.
    """

    kind: Literal["table"] = "table"
    numeric: tuple[NumericColumn, ...]
    categorical: tuple[CategoricalColumn, ...]
    indicators: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ImagePreparation(Record):
    """Images of ``shape`` (C, H, W); ``centre`` and ``scale`` in raw pixel units.

    C numbers each are by channel; C H W numbers are by pixel, flattened.
    """

    kind: Literal["image"] = "image"
    shape: tuple[int, int, int]
    centre: tuple[float, ...]
    scale: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ArrayPreparation(Record):
    """Arrays of ``shape`` (one sample); a fill, centre and scale by feature, flattened."""

    kind: Literal["array"] = "array"
    shape: tuple[int, ...]
    fill: tuple[float, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Matrix(Record):
    """A float32 matrix as text: its bytes, little-endian, row by row, in base64.

    Example:
        >>> Matrix.of(np.array([[1.0, 2.0]]))
        Matrix(shape=(1, 2), data='AACAPwAAAEA=')
        >>> Matrix.of(np.array([[1.0, 2.0]])).numbers().tolist()
        [[1.0, 2.0]]
    """

    shape: tuple[int, int]
    data: str

    @classmethod
    def of(cls, numbers: np.ndarray) -> Matrix:
        """Return the matrix ``[A, B]``, rounded to float32."""
        rows, columns = numbers.shape
        return cls(
            shape=(rows, columns), data=base64.b64encode(numbers.astype("<f4").tobytes()).decode()
        )

    def numbers(self) -> np.ndarray:
        """Return float32 ``[A, B]``."""
        return np.frombuffer(base64.b64decode(self.data), "<f4").reshape(self.shape).astype("=f4")


@dataclass(frozen=True, kw_only=True)
class Projection(Record):
    """What turns scaled inputs: flat inputs times ``matrix`` ``[D, K]``, or ``[D, D]`` of ZCA.

    Of a table, D are its numeric columns, the first ones; the others follow unchanged.
    ``num_components`` directions were kept, with this ``share`` of the variance in [0, 1];
    ``keeps_shape`` says that an image or array gets its shape back.
    """

    matrix: Matrix
    num_components: int
    share: float
    keeps_shape: bool


@dataclass(frozen=True, kw_only=True)
class TargetScale(Record):
    """Centre and scale of a quantity, in its own unit: the network learns (y - centre) / scale."""

    centre: float
    scale: float


@dataclass(frozen=True, kw_only=True)
class Preparation(Record):
    """How raw inputs and target become numbers of a common size; ``target`` None for classes.

    Example:
        >>> age = NumericColumn(name="age", fill=40.0, centre=42.0, scale=11.5)
        >>> table = TablePreparation(numeric=(age,), categorical=())
        >>> preparation = Preparation(inputs=table, target=TargetScale(centre=0.0, scale=2.0))
        >>> Preparation.from_json(preparation.to_json()) == preparation
        True
    """

    inputs: TablePreparation | ImagePreparation | ArrayPreparation
    target: TargetScale | None = None
    projection: Projection | None = None


def prepared_shape(preparation: Preparation) -> tuple[int, ...]:
    """Return the shape of one sample as the network gets it: (D,), (C, H, W) or the array's.

    PCA makes one axis of all.

    Example:
        >>> site = CategoricalColumn(name="site", categories=("north", "south"))
        >>> table = TablePreparation(numeric=(), categorical=(site,))
        >>> prepared_shape(Preparation(inputs=table))
        (2,)
    """
    scaled, projection = _scaled_shape(preparation), preparation.projection
    if projection is None or projection.keeps_shape:
        return scaled
    num_before, num_after = projection.matrix.shape
    return (math.prod(scaled) - num_before + num_after,)


def encoded_shape(preparation: Preparation) -> tuple[int, ...]:
    """Return the shape of one encoded sample: a table has one number for each column.

    Example:
        >>> site = CategoricalColumn(name="site", categories=("north", "south"))
        >>> table = TablePreparation(numeric=(), categorical=(site,))
        >>> encoded_shape(Preparation(inputs=table))
        (1,)
    """
    inputs = preparation.inputs
    if isinstance(inputs, TablePreparation):
        return (len(inputs.numeric) + len(inputs.categorical) + len(inputs.indicators),)
    return inputs.shape


def _scaled_shape(preparation: Preparation) -> tuple[int, ...]:
    """Return the shape before PCA."""
    inputs = preparation.inputs
    if isinstance(inputs, TablePreparation):
        num_codes = sum(column.num_outputs for column in inputs.categorical)
        return (len(inputs.numeric) + num_codes + len(inputs.indicators),)
    return inputs.shape
