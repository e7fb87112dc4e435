"""What to do about a column, in words that go with the data: a table, an array or images."""

from __future__ import annotations

from ..dataset import Dataset


def leave_out(data: Dataset) -> str:
    """Say how an input is left out: by name of a table, from an array itself, blanked in images.

    Example:
        >>> import numpy as np
        >>> data = Dataset(name="a", inputs=np.zeros((2, 1)), target=np.zeros(2),
        ...                task="regression", input_kind="array")
        >>> leave_out(data)
        'leave it out of the array, np.delete(x, its place, axis=1)'
    """
    if data.columns:
        return "leave it out (prepare.ignore = [its name])"
    if data.input_kind == "image":
        return "set this pixel to one value in all images, or cut it off with the border"
    return "leave it out of the array, np.delete(x, its place, axis=1)"


def keep_together(data: Dataset) -> str:
    """Say how rows are kept in one part: by a column of a table, else by groups from Python."""
    return "split.group" if data.columns else "data=Arrays(x, y, groups=...)"


def sentence(words: str) -> str:
    """Begin words with a capital letter, and leave the others as they are."""
    return words[:1].upper() + words[1:]
