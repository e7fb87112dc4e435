"""Rows that a finished run is asked about: inputs from a file, with or without a target."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import DataError
from ..records import DataCard
from .arrays import as_samples, read_npz_inputs
from .assemble import check_pixels
from .builtin import BUILT_INS
from .images import SUFFIXES, is_image_file, pictures_in, read_pictures
from .preparation import Codes, Preparation, TablePreparation
from .sources import READERS
from .tables import csv_frame, parquet_frame

# By the end of the file's name, longest first.
FRAMES: dict[str, Callable[..., pd.DataFrame]] = {
    ".csv.gz": csv_frame,
    ".tsv.gz": csv_frame,
    ".csv": csv_frame,
    ".tsv": csv_frame,
    ".parquet": parquet_frame,
}


@dataclass(frozen=True, eq=False)
class Asked:
    """Raw inputs as ``encode`` takes them; ``files`` are the names of images, one for each row."""

    inputs: pd.DataFrame | np.ndarray
    files: tuple[str, ...] = ()


def read_asked(path: Path, card: DataCard, preparation: Preparation | None) -> Asked:
    """Read the rows of a file, by the readers that training has, as a run of ``card`` takes them.

    A table comes from CSV or Parquet, an array from NPZ; images from NPZ, from a picture, or from
    a folder of pictures, where the run was trained on such. A target is not needed, and what else
    the file holds is left aside. A text column stays text where all its new values are numbers.

    Raises:
        DataError: there is no such file, it is of another kind than the data of training, cannot
            be read, or has no rows.

    Example:
        >>> import tempfile
        >>> card = DataCard(source="x.npz", task="regression", input_kind="array", num_rows=9,
        ...                 input_shape=(2,), target="y", fingerprint="")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(Path(folder, "new.npz"), x=np.ones((3, 2)))
        ...     read_asked(Path(folder, "new.npz"), card, None).inputs.shape
        (3, 2)
    """
    try:
        if not path.exists():
            raise _nothing_there(path)
        return _read(path, card, preparation)
    except OSError as error:
        raise DataError(
            f"The rows cannot be read: {error.strerror or error}.",
            given=path,
            do="Check the path and its permissions.",
        ) from None


def _read(path: Path, card: DataCard, preparation: Preparation | None) -> Asked:
    name = path.name.lower()
    if card.input_kind == "table":
        read = next((read for end, read in FRAMES.items() if name.endswith(end)), None)
        if read is not None and path.is_file():
            return Asked(read(path, texts=_texts(preparation)))
    elif name.endswith(".npz") and path.is_file():
        return Asked(_samples(path, card, preparation))
    elif _of_pictures(card) and (path.is_dir() or is_image_file(path)):
        files = pictures_in(path)
        root = path if path.is_dir() else path.parent
        names = tuple(file.relative_to(root).as_posix() for file in files)
        return Asked(read_pictures(files, shape=card.input_shape), names)
    raise _another_kind(path, card)


def _texts(preparation: Preparation | None) -> list[str]:
    """Return the columns that are read as texts."""
    if preparation is None or not isinstance(preparation.inputs, TablePreparation):
        return []
    table = preparation.inputs
    coded = [column.made.column for column in table.numeric if isinstance(column.made, Codes)]
    return [*coded, *(column.name for column in table.categorical)]


def _samples(path: Path, card: DataCard, preparation: Preparation | None) -> np.ndarray:
    """Return the array in the layout of a dataset; as it is where loaders fed the run."""
    x = read_npz_inputs(path)
    samples = as_samples(x)
    check_pixels(samples)
    if preparation is not None:
        return samples
    if x.shape[1:] != card.input_shape:
        raise DataError(
            f"The network was trained on samples of shape {list(card.input_shape)}.",
            given=f"an array of shape {list(x.shape)} in {path}",
            do=f"Give an array of shape {_shape(card)}; N is 1 for one sample.",
        )
    return x


def _of_pictures(card: DataCard) -> bool:
    """Say whether pixels of files mean what they meant in training; arrays have units of their own.

    scikit-learn's digits go from 0 to 16, say, and arrays of floats often from 0 to 1.
    """
    is_image = card.input_kind == "image" and card.input_shape[0] in (1, 3)
    is_built_in = card.source in BUILT_INS and card.source != "fashion-mnist"
    return is_image and not is_built_in and not card.source.lower().endswith(tuple(READERS))


def _nothing_there(path: Path) -> DataError:
    folder = path.parent
    files = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    close = difflib.get_close_matches(path.name, files, n=1)
    do = f'did you mean "{folder / close[0]}"?' if close else "Check the path."
    return DataError("There is no such file or folder.", given=path, do=do)


def _another_kind(path: Path, card: DataCard) -> DataError:
    if card.input_kind == "table":
        do = f"Give a file with its columns that ends in {', '.join(FRAMES)}."
    else:
        do = f"Give an NPZ file with an array x of shape {_shape(card)}"
        ends = ", ".join(SUFFIXES)
        do += f", an image ({ends}), or a folder of images." if _of_pictures(card) else "."
    kind = {"table": "a table", "image": "images", "array": "an array"}[card.input_kind]
    what = f"The run was trained on {kind}, which this is not, or not in a form that is read."
    return DataError(what, given=path, do=do)


def _shape(card: DataCard) -> str:
    return f"[N, {', '.join(map(str, card.input_shape))}]"
