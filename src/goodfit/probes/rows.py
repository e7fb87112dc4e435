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
    stride = _stride(value)
    return value[::stride] if stride > 1 else value


def num_rows(value: Tensor) -> int:
    """Return the number of rows that :func:`some_rows` gives."""
    return -(-len(value) // _stride(value)) if value.dim() else 0


def _stride(value: Tensor) -> int:
    if value.dim() == 0 or value.numel() <= MAX_NUMBERS:
        return 1
    rows = max(MIN_ROWS, MAX_NUMBERS // (value.numel() // len(value)))
    return max(1, len(value) // rows)
