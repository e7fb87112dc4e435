"""How many rows of an output a look reads."""

from __future__ import annotations

from torch import Tensor

# Units are judged on many rows; an output is cut to about this many numbers per look.
MAX_NUMBERS = 2**18
MIN_ROWS = 32


def some_rows(value: Tensor) -> Tensor:
    """Return every k-th row, so that a look costs about as much on wide layers as on narrow ones.

    Example:
        >>> import torch
        >>> some_rows(torch.zeros(128, 64, 32, 32)).shape
        torch.Size([32, 64, 32, 32])
    """
    size = value.numel()
    if size <= MAX_NUMBERS or value.dim() == 0:
        return value
    rows = max(MIN_ROWS, MAX_NUMBERS * value.shape[0] // size)
    stride = max(1, value.shape[0] // rows)
    return value[::stride] if stride > 1 else value
