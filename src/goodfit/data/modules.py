"""Modules of buffers alone: from encoded inputs to what the network learns on, and back.

They hold the preparation's numbers as float32 and have no control flow on data, so that they
trace and export together with a network.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .columns import LARGEST
from .preparation import (
    ArrayPreparation,
    ImagePreparation,
    Preparation,
    Projection,
    TablePreparation,
    TargetScale,
)


class TableInput(nn.Module):
    """Fill, scale and one-hot code an encoded table ``[N, num_columns]`` to float32 ``[N, D]``.

    Numeric columns come first: a missing value takes ``fill``, then (x - centre) / scale. Of
    each category, one output is 1; an unknown or missing one leaves all of them 0. Of a hashed
    text, one output is 1 or -1. Indicators come last, as they are.

    Example:
        >>> from goodfit.data.preparation import CategoricalColumn, NumericColumn
        >>> age = NumericColumn(name="age", fill=40.0, centre=42.0, scale=2.0)
        >>> site = CategoricalColumn(name="site", categories=("north", "south"))
        >>> module = TableInput(TablePreparation(numeric=(age,), categorical=(site,)))
        >>> module(torch.tensor([[44.0, 1.0], [torch.nan, torch.nan]])).tolist()
        [[1.0, 0.0, 1.0], [-1.0, 0.0, 0.0]]
    """

    fill: Tensor
    centre: Tensor
    scale: Tensor
    onehot_column: Tensor
    onehot_code: Tensor
    hash_column: Tensor
    hash_code: Tensor

    def __init__(self, table: TablePreparation) -> None:
        super().__init__()
        self.num_numeric = len(table.numeric)
        for name in ("fill", "centre", "scale"):
            self.register_buffer(name, _floats([getattr(column, name) for column in table.numeric]))
        self.num_indicators = len(table.indicators)
        self._register("onehot", _codes(table, hashed=False))
        self._register("hash", _codes(table, hashed=True))

    def _register(self, name: str, pairs: list[tuple[int, int]]) -> None:
        columns = torch.tensor([column for column, _ in pairs], dtype=torch.long)
        self.register_buffer(f"{name}_column", columns)
        self.register_buffer(f"{name}_code", _floats([code for _, code in pairs]))

    def forward(self, encoded: Tensor) -> Tensor:
        numbers = _scaled(encoded[:, : self.num_numeric], self.fill, self.centre, self.scale)
        codes = encoded.index_select(1, self.onehot_column) == self.onehot_code
        outputs = [numbers, codes.to(numbers.dtype)]
        if len(self.hash_code):
            hashed = encoded.index_select(1, self.hash_column)
            signs = (hashed == self.hash_code).to(numbers.dtype)
            outputs.append(signs - (hashed == -self.hash_code).to(numbers.dtype))
        if self.num_indicators:
            outputs.append(encoded[:, -self.num_indicators :].to(numbers.dtype))
        return torch.cat(outputs, dim=1)


class ArrayInput(nn.Module):
    """Fill and scale an array ``[N, ...]`` by feature, to float32.

    Example:
        >>> array = ArrayPreparation(shape=(2,), fill=(0.0, 5.0), centre=(0.0, 4.0),
        ...                          scale=(1.0, 2.0))
        >>> ArrayInput(array)(torch.tensor([[3.0, 8.0], [1.0, torch.nan]])).tolist()
        [[3.0, 2.0], [1.0, 0.5]]
    """

    fill: Tensor
    centre: Tensor
    scale: Tensor

    def __init__(self, array: ArrayPreparation) -> None:
        super().__init__()
        for name in ("fill", "centre", "scale"):
            self.register_buffer(name, _floats(getattr(array, name)).reshape(array.shape))

    def forward(self, encoded: Tensor) -> Tensor:
        return _scaled(encoded, self.fill, self.centre, self.scale)


class ImageInput(nn.Module):
    """Scale images ``[N, C, H, W]``, uint8 or float, by channel or by pixel, to float32.

    Example:
        >>> image = ImagePreparation(shape=(1, 1, 2), centre=(8.0,), scale=(4.0,))
        >>> ImageInput(image)(torch.tensor([[[[0, 16]]]], dtype=torch.uint8)).tolist()
        [[[[-2.0, 2.0]]]]
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, image: ImagePreparation) -> None:
        super().__init__()
        for name in ("centre", "scale"):
            numbers = _floats(getattr(image, name))
            by_channel = len(numbers) == image.shape[0]
            shape = (-1, 1, 1) if by_channel else image.shape
            self.register_buffer(name, numbers.reshape(shape))

    def forward(self, encoded: Tensor) -> Tensor:
        return (encoded.to(self.centre.dtype) - self.centre) / self.scale


class Turned(nn.Module):
    """Turn scaled inputs: one product with the matrix of PCA or whitening.

    Flat inputs ``[N, D]`` become ``[N, K]``; columns of a table after the first D follow unchanged;
    of ZCA, the shape comes back.

    Example:
        >>> from goodfit.data.preparation import Matrix
        >>> swap = Matrix.of(torch.tensor([[0.0, 1.0], [1.0, 0.0]]).numpy())
        >>> projection = Projection(matrix=swap, num_components=2, share=1.0, keeps_shape=False)
        >>> Turned(projection)(torch.tensor([[1.0, 2.0, 7.0]])).tolist()
        [[2.0, 1.0, 7.0]]
    """

    matrix: Tensor

    def __init__(self, projection: Projection) -> None:
        super().__init__()
        self.keeps_shape = projection.keeps_shape
        self.register_buffer("matrix", torch.from_numpy(projection.matrix.numbers()))

    def forward(self, scaled: Tensor) -> Tensor:
        flat, num = scaled.flatten(1), self.matrix.shape[0]
        turned = flat[:, :num] @ self.matrix
        if flat.shape[1] > num:
            turned = torch.cat([turned, flat[:, num:]], dim=1)
        return turned.reshape(scaled.shape) if self.keeps_shape else turned


class TargetOutput(nn.Module):
    """Bring the network's output back to the target's own unit: y * scale + centre.

    Example:
        >>> TargetOutput(TargetScale(centre=10.0, scale=2.0))(torch.tensor([[1.5]])).tolist()
        [[13.0]]
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, target: TargetScale) -> None:
        super().__init__()
        self.register_buffer("centre", torch.tensor(target.centre, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(target.scale, dtype=torch.float32))

    def forward(self, output: Tensor) -> Tensor:
        return output * self.scale + self.centre


def input_module(preparation: Preparation) -> nn.Module:
    """Return the module that takes encoded inputs to the network's inputs.

    Example:
        >>> image = ImagePreparation(shape=(1, 8, 8), centre=(8.0,), scale=(4.0,))
        >>> type(input_module(Preparation(inputs=image))).__name__
        'ImageInput'
    """
    scaled = _scaling_module(preparation.inputs)
    if preparation.projection is None:
        return scaled
    return nn.Sequential(scaled, Turned(preparation.projection))


def _scaling_module(inputs: TablePreparation | ImagePreparation | ArrayPreparation) -> nn.Module:
    if isinstance(inputs, TablePreparation):
        return TableInput(inputs)
    return ImageInput(inputs) if isinstance(inputs, ImagePreparation) else ArrayInput(inputs)


def output_module(preparation: Preparation) -> nn.Module:
    """Return the module that takes the network's outputs to the target's unit.

    Of classes, outputs stay as they are.

    Example:
        >>> image = ImagePreparation(shape=(1, 8, 8), centre=(8.0,), scale=(4.0,))
        >>> type(output_module(Preparation(inputs=image))).__name__
        'Identity'
    """
    return nn.Identity() if preparation.target is None else TargetOutput(preparation.target)


def _codes(table: TablePreparation, *, hashed: bool) -> list[tuple[int, int]]:
    """Return the encoded column and the code of each output: hashes count from 1, for a sign."""
    return [
        (place, code + hashed)
        for place, column in enumerate(table.categorical, start=len(table.numeric))
        if (column.hash_size is not None) == hashed
        for code in range(column.num_outputs)
    ]


def _floats(values: list[float] | tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def _scaled(values: Tensor, fill: Tensor, centre: Tensor, scale: Tensor) -> Tensor:
    """Fill what is missing, infinite or too large, then centre and scale."""
    numbers = values.to(fill.dtype)
    return (torch.where(numbers.abs() <= LARGEST, numbers, fill) - centre) / scale
