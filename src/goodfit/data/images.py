"""A folder of images: one sub-folder for each class."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from ..errors import DataError
from .assemble import Raw
from .files import check_fits

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_GREY_MODES = ("1", "L", "LA")
MOST_NAMED = 8
_WIDE_MODES = ("I", "F")
# What Pillow raises for damaged files of the many formats it reads.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """Image files with their classes, and what else lay in the folders."""

    paths: list[Path]
    labels: list[str]
    num_ignored: int
    empty: list[str]


def read_images(folder: Path, *, name: str) -> Raw:
    """Read images of one size from ``folder/CLASS/FILE`` as uint8 ``[N, C, H, W]``.

    C is 1 when all files are grey, otherwise 3; transparency is dropped. Hidden files and
    files that are no images are counted in a note; grey images among colour ones, and class
    folders without an image, get one too. The order is that of the sorted names.

    Raises:
        DataError: there are no class folders or no images, the sizes differ, a file is
            damaged or holds more than 8 bits a channel, or all are more than fits in memory.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for number, kind in enumerate(("cat", "dog")):
        ...         Path(folder, kind).mkdir()
        ...         Image.new("L", (4, 3), number).save(Path(folder, kind, "1.png"))
        ...     raw = read_images(Path(folder), name="pets")
        >>> raw.inputs.shape, raw.target.tolist()
        ((2, 1, 3, 4), ['cat', 'dog'])
    """
    found = _find(folder)
    num_grey, size = _common_form(found.paths)
    mode = "L" if num_grey == len(found.paths) else "RGB"
    images = _pixels(found.paths, mode, size, folder=folder)
    return Raw(
        name=name,
        inputs=images,
        target=pd.Series(found.labels),
        target_name="class",
        notes=_notes(found, num_grey),
    )


def pictures_in(path: Path) -> list[Path]:
    """Return an image file alone, or the images in a folder and in its sub-folders, by name.

    Raises:
        DataError: the folder holds no images.
    """
    if not path.is_dir():
        return [path]
    entries = [entry for entry in sorted(path.iterdir()) if not entry.name.startswith(".")]
    files = [file for e in entries for file in (sorted(e.iterdir()) if e.is_dir() else [e])]
    images = [file for file in files if is_image_file(file)]
    if not images:
        raise DataError(
            "The folder holds no images.",
            given=f"{path}, with {len(files):,} other files",
            do="Name a folder of images, or of folders of images.",
        )
    return images


def read_pictures(paths: Sequence[Path], *, shape: tuple[int, ...]) -> np.ndarray:
    """Read images as those of training were: uint8 ``[N, C, H, W]``, of ``shape`` (C, H, W).

    Raises:
        DataError: one has another size, colours where training had none, more than 8 bits a
            channel, or is damaged; or all are more than fits in memory.
    """
    mode, size = "L" if shape[0] == 1 else "RGB", (shape[2], shape[1])
    for path in paths:
        with _opened(path) as image:
            _check_depth(image, path)
            _check_as_trained(image, path, mode, size)
    return _pixels(paths, mode, size, folder=paths[0].parent)


def _check_as_trained(image: Image.Image, path: Path, mode: str, size: tuple[int, int]) -> None:
    if image.size != size:
        raise DataError(
            "The image has another size than those of training.",
            given=f"{path} is {image.size[0]}x{image.size[1]} pixels, theirs is "
            f"{size[0]}x{size[1]}",
            do="Resize or crop it as those of training were.",
        )
    if mode == "L" and image.mode not in _GREY_MODES:
        raise DataError(
            "The image has colours, and those of training had none.",
            given=f"{path}, mode {image.mode}",
            do="Make it grey as those of training were.",
        )


def _pixels(paths: Sequence[Path], mode: str, size: tuple[int, int], *, folder: Path) -> np.ndarray:
    width, height = size
    check_fits(folder, len(paths) * len(mode) * height * width)
    images = np.empty((len(paths), len(mode), height, width), np.uint8)
    for row, path in enumerate(paths):
        with _opened(path) as image:
            pixels = np.asarray(image.convert(mode)).reshape(height, width, len(mode))
            images[row] = pixels.transpose(2, 0, 1)
    return images


def _find(folder: Path) -> _Found:
    entries = sorted(folder.iterdir())
    classes = [entry for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    files = [(path, kind.name) for kind in classes for path in sorted(kind.iterdir())]
    images = [(path, label) for path, label in files if is_image_file(path)]
    if not images:
        raise DataError(
            "The folder holds no images in class folders.",
            given=f"{folder}, with {len(classes)} sub-folders and {len(files)} files in them",
            do="Make one sub-folder for each class, and put the class's images into it.",
        )
    return _Found(
        paths=[path for path, _ in images],
        labels=[label for _, label in images],
        num_ignored=len(entries) - len(classes) + len(files) - len(images),
        empty=sorted({kind.name for kind in classes} - {label for _, label in images}),
    )


def is_image_file(path: Path) -> bool:
    """Say whether a file is named as an image, and not hidden."""
    is_named_so = path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    return is_named_so and path.is_file()


def _notes(found: _Found, num_grey: int) -> tuple[str, ...]:
    """Say what was left aside or changed, a sentence each."""
    notes, num_colour = [], len(found.paths) - num_grey
    if found.num_ignored:
        notes.append(_ignored_note(found.num_ignored))
    if found.empty:
        names = ", ".join(f'"{name}"' for name in found.empty[:MOST_NAMED])
        more = len(found.empty) - MOST_NAMED
        names += f" and {more:,} more" if more > 0 else ""
        what = "class has" if len(found.empty) == 1 else "classes have"
        notes.append(f"{len(found.empty):,} {what} no images and cannot be learned: {names}.")
    if num_grey and num_colour:
        notes.append(
            f"{num_grey:,} grey and {num_colour:,} colour images are mixed: the grey ones were"
            " converted to colour, red, green and blue alike."
        )
    return tuple(notes)


def _ignored_note(num_ignored: int) -> str:
    what = "file or folder" if num_ignored == 1 else "files or folders"
    return f"{num_ignored:,} {what} beside the images (hidden, or of another kind) were not read."


def _common_form(paths: list[Path]) -> tuple[int, tuple[int, int]]:
    """Return how many files are grey, and the size (width, height) that all of them share."""
    num_grey, first_size = 0, None
    for path in paths:
        with _opened(path) as image:
            _check_depth(image, path)
            first_size = first_size or image.size
            if image.size != first_size:
                raise _sizes_differ(paths[0], first_size, path, image.size)
            num_grey += image.mode in _GREY_MODES
    assert first_size is not None, "there is at least one image"
    return num_grey, first_size


def _check_depth(image: Image.Image, path: Path) -> None:
    if image.mode.startswith(_WIDE_MODES):
        raise DataError(
            "The image holds more than 8 bits a channel.",
            given=f"{path}, mode {image.mode}",
            do="Convert it to 8 bits, in the same way as all the others.",
        )


def _sizes_differ(
    first: Path, first_size: tuple[int, int], other: Path, other_size: tuple[int, int]
) -> DataError:
    return DataError(
        "The images differ in size.",
        given=f"{first} is {first_size[0]}x{first_size[1]}, {other} is "
        f"{other_size[0]}x{other_size[1]} pixels",
        do="Resize or crop all images to one size.",
    )


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            yield image
    except (*_DAMAGED, Image.DecompressionBombError) as error:
        raise DataError(
            "An image is damaged.",
            given=f"{path}: {error}",
            do="Replace the file, or take it out of the folder.",
        ) from None
