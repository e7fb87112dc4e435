"""Fashion-MNIST: 70,000 grey images of 28x28 pixels, ten kinds of clothes.

Made by Zalando Research, MIT licence, https://github.com/zalandoresearch/fashion-mnist.
Goodfit downloads nothing; it reads the four IDX files from where they lie.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import DataError
from .assemble import Raw
from .idx_folder import missing_files, read_files

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")


def read_fashion_mnist(folder: str | None) -> Raw:
    """Read the training images and, after them, the official test images.

    ``fixed_test`` names the rows of the latter. The files are looked for in ``folder`` alone where
    one is named; else in ``$GOODFIT_DATA`` and its sub-folder ``fashion-mnist``, in goodfit's
    cache, and where Debian's package ``dataset-fashion-mnist`` puts them.

    Raises:
        DataError: a file is nowhere, damaged, or does not fit the others.

    Example:
        >>> import tempfile
        >>> from goodfit.data.idx_folder import FILES
        >>> image = bytes([0, 0, 8, 3, *[0, 0, 0, 1] * 3, 200])
        >>> label = bytes([0, 0, 8, 1, 0, 0, 0, 1, 9])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for names in FILES.values():
        ...         for name, content in zip(names, (image, label), strict=True):
        ...             _ = Path(folder, name).write_bytes(content)
        ...     raw = read_fashion_mnist(folder)
        >>> raw.inputs.shape, list(raw.target), raw.fixed_test.tolist()
        ((2, 1, 1, 1), ['Ankle boot', 'Ankle boot'], [1])
    """
    found = _find(folder)
    images, labels = _read_part(found, "train")
    test_images, test_labels = _read_part(found, "test")
    if images.shape[1:] != test_images.shape[1:]:
        raise DataError(
            "Training and test images differ in size.",
            given=f"{list(images.shape[1:])} and {list(test_images.shape[1:])} in {found}",
            do="Copy the four files from one source.",
        )
    codes = np.concatenate([labels, test_labels])
    return Raw(
        name="fashion-mnist",
        inputs=np.concatenate([images, test_images])[:, None],
        target=pd.Series(pd.Categorical.from_codes(codes.tolist(), list(CLASSES))),
        target_name="clothes",
        fixed_test=np.arange(len(labels), len(codes), dtype=np.int64),
        notes=(f"The official test file's {len(test_labels):,} rows are the test part.",),
    )


def _find(folder: str | None) -> Path:
    """Return the first folder that holds all four files."""
    folders = _candidates(folder)
    for candidate in folders:
        if not missing_files(candidate):
            return candidate
    looked = "".join(f"\n    {candidate}, {_lacks(candidate)}" for candidate in folders)
    named = " in the folder that was named" if folder else ""
    raise DataError(
        f"The files of Fashion-MNIST are nowhere to be found{named}.",
        given=f"looked in{looked}",
        do="Correct the folder, or leave it out: then GOODFIT_DATA and the usual places are"
        " looked into."
        if folder
        else "Install Debian's package dataset-fashion-mnist, or get the four .gz files from "
        "github.com/zalandoresearch/fashion-mnist and name their folder in GOODFIT_DATA.",
    )


def _candidates(folder: str | None) -> list[Path]:
    if folder:
        return [Path(folder).expanduser()]
    shared = os.environ.get("GOODFIT_DATA")
    given = [Path(shared), Path(shared) / "fashion-mnist"] if shared else []
    return [*given, cache_folder() / "fashion-mnist", DEBIAN_FOLDER]


def cache_folder() -> Path:
    """Return ``$GOODFIT_CACHE``, or ``goodfit`` in the user's cache folder.

    Example:
        >>> isinstance(cache_folder(), Path)
        True
    """
    if own := os.environ.get("GOODFIT_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "goodfit"


def _lacks(folder: Path) -> str:
    if not folder.is_dir():
        return "no such folder"
    names = missing_files(folder)
    return "none of the files" if len(names) == 4 else f"without {', '.join(names)}"


def _read_part(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Read uint8 images ``[N, H, W]`` and labels ``[N]``, and check one against the other."""
    images, labels = read_files(folder, part)
    wrong = _why_wrong(images, labels)
    if wrong:
        raise DataError(
            f"The {part} files of Fashion-MNIST do not fit each other: {wrong}.",
            given=f"images {images.dtype} {list(images.shape)}, labels {list(labels.shape)}, "
            f"in {folder}",
            do="Copy the four files from one source.",
        )
    return images, labels


def _why_wrong(images: np.ndarray, labels: np.ndarray) -> str:
    if images.ndim != 3 or labels.ndim != 1:
        return "images need three axes and labels one"
    if images.dtype != np.uint8 or labels.dtype != np.uint8:
        return "they must hold unsigned bytes"
    if len(images) != len(labels):
        return "there must be one label for each image"
    if len(labels) and labels.max() >= len(CLASSES):
        return f"there is a label {labels.max()}, and the last class is {len(CLASSES) - 1}"
    return ""
