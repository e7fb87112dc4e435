"""From a recipe's ``data`` to a dataset: built-in sets, files and folders."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from ..errors import DataError
from ..recipe.inputs import DataSource, Prepare, Split
from .arrays import read_npz
from .assemble import Raw, assemble
from .builtin import BUILT_INS
from .dataset import Dataset
from .idx_folder import NUM_FILES, missing_files, read_idx_folder
from .images import read_images
from .tables import read_csv, read_parquet
from .target import TaskChoice


class Reader(Protocol):
    """A reader of one file format."""

    def __call__(self, path: Path, *, name: str, target: str | None) -> Raw: ...


# By the end of the file's name, longest first.
READERS: dict[str, Reader] = {
    ".csv.gz": read_csv,
    ".tsv.gz": read_csv,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".parquet": read_parquet,
    ".npz": read_npz,
}


def load(
    source: DataSource,
    *,
    task: TaskChoice = "auto",
    how: Split | None = None,
    prepare: Prepare | None = None,
) -> Dataset:
    """Read the data that ``source`` names, and decide what can be learned from it.

    A built-in name wins over a file of that name (write ``./digits`` for the file). A folder
    holds four IDX files under MNIST's names (also told as ``path="idx", folder=...``), or images
    in a sub-folder for each class. ``how`` names the column that the split goes by, if it goes by
    one.

    Raises:
        DataError: there is no such source, it cannot be read, or nothing can be learned from
            it. Says what is wrong, what was given and what to do.

    Example:
        >>> data = load(DataSource(path="iris"))
        >>> data.num_rows, data.task, data.classes
        (150, 'classification', ('setosa', 'versicolor', 'virginica'))
    """
    path = Path(source.path).expanduser()
    try:
        raw = _choose(source, path)()
    except OSError as error:
        raise DataError(
            f"The data cannot be read: {error.strerror or error}.",
            given=source.path,
            do="Check the path and its permissions.",
        ) from None
    return assemble(raw, task=task, how=how, prepare=prepare)


def _choose(source: DataSource, path: Path) -> Callable[[], Raw]:
    """Return the reader for the source, ready to be called."""
    if source.path in BUILT_INS:
        _refuse("target", source.target, f"The built-in set {source.path} has its own target.")
        if source.path != "fashion-mnist":
            _refuse("folder", source.folder, f"The set {source.path} comes with scikit-learn.")
        return partial(BUILT_INS[source.path], source)
    if source.path == "idx" and source.folder is not None:
        _refuse("target", source.target, "The target of IDX files are their labels.")
        return partial(read_idx_folder, Path(source.folder).expanduser(), name="idx")
    _refuse("folder", source.folder, "Only the files of a built-in set are looked for in a folder.")
    if path.is_dir() and len(missing_files(path)) < NUM_FILES:
        _refuse("target", source.target, "The target of IDX files are their labels.")
        return partial(read_idx_folder, path, name=source.path)
    if path.is_dir():
        _refuse("target", source.target, "The target of an image folder is the sub-folder's name.")
        return partial(read_images, path, name=source.path)
    if not path.exists():
        raise _nothing_there(source.path, path)
    return partial(_reader(path), path, name=source.path, target=source.target)


def _refuse(field: str, value: str | None, why: str) -> None:
    """Refuse a field that would be ignored."""
    if value is not None:
        raise DataError(why, given=f'{field} = "{value}"', do=f"Leave {field} out.")


def _reader(path: Path) -> Reader:
    for ending, reader in READERS.items():
        if path.name.lower().endswith(ending):
            return reader
    if path.name.lower().endswith(".npy"):
        raise DataError(
            "An NPY file holds one array: inputs without a target.",
            given=path,
            do="Put both into an NPZ file, np.savez('data.npz', x=np.load('x.npy'), y=labels), or"
            " pass arrays: goodfit.train(recipe, data=(x, y)).",
        )
    raise DataError(
        "Files of this kind are not read.",
        given=path,
        do=f"Give a folder of images, or a file that ends in {', '.join(READERS)}.",
    )


def _nothing_there(name: str, path: Path) -> DataError:
    folder = path.parent
    files = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    close = difflib.get_close_matches(path.name, [*files, *BUILT_INS], n=1)
    if not folder.is_dir():
        do = f"There is no folder {folder} either; check the path."
    elif close:
        do = f'did you mean "{folder / close[0] if close[0] in files else close[0]}"?'
    else:
        do = f"Check the path, or name a built-in set: {', '.join(BUILT_INS)}."
    return DataError("There is no such file, folder or built-in set.", given=name, do=do)
