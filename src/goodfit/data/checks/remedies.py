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


def read_as_missing(data: Dataset, code: float) -> str:
    """Say how a code for "missing" becomes a gap, and what becomes of the gap.

    Example:
        >>> import numpy as np
        >>> data = Dataset(name="a", inputs=np.zeros((2, 1)), target=np.zeros(2),
        ...                task="regression", input_kind="array")
        >>> read_as_missing(data, -999.0)
        'If so, read it as missing: x = np.where(x == -999, np.nan, x); the mean is filled in.'
    """
    if data.columns:
        return (
            "If so, read it as missing: empty its cells, or give a table of"
            f" pandas.read_csv(file, na_values=[{code:.15g}]); the median is filled in, and"
            " prepare.indicator = true tells the network where."
        )
    return (
        f"If so, read it as missing: x = np.where(x == {code:.15g}, np.nan, x);"
        " the mean is filled in."
    )


def keep_together(data: Dataset) -> str:
    """Say how rows are kept in one part: by a column of a table, else by groups from Python."""
    return "split.group" if data.columns else "data=Arrays(x, y, groups=...)"


def sentence(words: str) -> str:
    """Begin words with a capital letter, and leave the others as they are."""
    return words[:1].upper() + words[1:]
