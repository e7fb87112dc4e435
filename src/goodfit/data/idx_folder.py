"""A folder of four IDX files under MNIST's names: what trains, and the official test part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import DataError
from .arrays import as_samples
from .assemble import Raw
from .idx import read_idx

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
NUM_FILES = 4
AGAIN = "Copy the four files from one source."


def find_file(folder: Path, name: str) -> Path | None:
    """Return the file of a name, gzipped or not; some copies have a point before "idx"."""
    names = (name, name.replace("-idx", ".idx"))
    candidates = (folder / f"{each}{ending}" for each in names for ending in (".gz", ""))
    return next((path for path in candidates if path.is_file()), None)


def missing_files(folder: Path) -> list[str]:
    """Return the names of the four files that a folder lacks.

    Example:
        >>> len(missing_files(Path("/nowhere")))
        4
    """
    names = [name for pair in FILES.values() for name in pair]
    return [name for name in names if find_file(folder, name) is None]


def read_files(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Read images ``[N, ...]`` and labels ``[N]`` of one part, unchecked; both files are there."""
    images, labels = (read_idx(path) for name in FILES[part] if (path := find_file(folder, name)))
    return images, labels


def read_idx_folder(folder: Path, *, name: str) -> Raw:
    """Read the training images and, after them, the test images; ``fixed_test`` names the latter.

    Classes are called by their numbers: which ten-class set lies under these names, the files do
    not say. Images are ``[N, H, W]``, or have channels first or last.

    Raises:
        DataError: a file is missing or damaged, or does not fit the others.

    Example:
        >>> import tempfile
        >>> image = bytes([0, 0, 8, 3, *[0, 0, 0, 1] * 3, 200])
        >>> label = bytes([0, 0, 8, 1, 0, 0, 0, 1, 9])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for names in FILES.values():
        ...         for name, content in zip(names, (image, label), strict=True):
        ...             _ = Path(folder, name).write_bytes(content)
        ...     raw = read_idx_folder(Path(folder), name="mine")
        >>> raw.inputs.shape, list(raw.target), raw.fixed_test.tolist()
        ((2, 1, 1, 1), ['9', '9'], [1])
    """
    missing = missing_files(folder)
    if missing:
        raise DataError(
            "The folder lacks IDX files.",
            given=f"{folder}, without {', '.join(missing)}",
            do="Put the four files under these names into it, gzipped (.gz) or not.",
        )
    (images, labels), (test_images, test_labels) = (_read_part(folder, part) for part in FILES)
    if images.shape[1:] != test_images.shape[1:] or images.dtype != test_images.dtype:
        raise DataError(
            "Training and test images differ in size or type.",
            given=f"{images.dtype} {list(images.shape[1:])} and"
            f" {test_images.dtype} {list(test_images.shape[1:])} in {folder}",
            do=AGAIN,
        )
    codes = np.concatenate([labels, test_labels])
    found, places = np.unique(codes, return_inverse=True)
    inputs = np.concatenate([images, test_images])
    return Raw(
        name=name,
        inputs=as_samples(inputs[:, None] if inputs.ndim == 3 else inputs),
        target=pd.Series(pd.Categorical.from_codes(places.tolist(), [str(code) for code in found])),
        target_name="label",
        fixed_test=np.arange(len(labels), len(codes), dtype=np.int64),
        notes=(f"The official test file's {len(test_labels):,} rows are the test part.",),
    )


def _read_part(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    images, labels = read_files(folder, part)
    wrong = _why_wrong(images, labels)
    if wrong:
        raise DataError(
            f"The {part} files do not fit each other: {wrong}.",
            given=f"images {images.dtype} {list(images.shape)}, labels {labels.dtype}"
            f" {list(labels.shape)}, in {folder}",
            do=AGAIN,
        )
    return images, labels


def _why_wrong(images: np.ndarray, labels: np.ndarray) -> str:
    if images.ndim < 3 or labels.ndim != 1:
        return "images need three axes or four, and labels one"
    if labels.dtype.kind not in "iu":
        return "labels must be whole numbers"
    return "" if len(images) == len(labels) else "there must be one label for each image"
