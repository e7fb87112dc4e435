"""Where Fashion-MNIST lies; standard library only, for `memory.py` imports nothing heavy."""

import os
from pathlib import Path

FOLDER_VARIABLE = "GOODFIT_DATA"


def fashion_mnist_folder(given: Path | None) -> Path:
    """The folder given on the command line or by the environment; exits where there is none."""
    folder = given or Path(os.environ.get(FOLDER_VARIABLE, ""))
    if not (folder / "train-images-idx3-ubyte.gz").is_file():
        raise SystemExit(
            f"no train-images-idx3-ubyte.gz in {str(folder)!r}: give the folder of the four "
            f"Fashion-MNIST .gz files by --fashion-mnist DIR or {FOLDER_VARIABLE}"
        )
    return folder
