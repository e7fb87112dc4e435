"""Data: from a source to tensors that a loop can index.

    load or from_arrays   a source, or arrays in memory -> Dataset (what was read and decided)
    describe              Dataset -> DataCard (a record: columns, target, duplicates, notes)
    split                 Dataset, seed -> Parts (rows that train, validate, test)
    fit                   Dataset, training rows -> Preparation (a record: what scales the inputs)
    hold                  Dataset, Preparation -> Held (tensors of all rows)

and for new data later: ``encode`` on the host, ``input_module`` before the network,
``output_module`` after it.
"""

from .arrays import Arrays, from_arrays
from .asked import Asked, read_asked
from .augmenting import (
    AUGMENTATIONS,
    Augmentation,
    augment_in_words,
    augmentation_of,
    check_augment,
)
from .card import describe
from .dataset import Dataset, fingerprint
from .encode import encode
from .feed import PREPARED_FILE, Held, hold
from .modules import ArrayInput, ImageInput, TableInput, TargetOutput, input_module, output_module
from .preparation import Preparation, encoded_shape, prepared_shape
from .prepare import fit
from .sources import BUILT_INS, READERS, load
from .split import Parts, num_shared, split
from .telling import in_words

__all__ = [
    "AUGMENTATIONS",
    "BUILT_INS",
    "PREPARED_FILE",
    "READERS",
    "ArrayInput",
    "Arrays",
    "Asked",
    "Augmentation",
    "Dataset",
    "Held",
    "ImageInput",
    "Parts",
    "Preparation",
    "TableInput",
    "TargetOutput",
    "augment_in_words",
    "augmentation_of",
    "check_augment",
    "describe",
    "encode",
    "encoded_shape",
    "fingerprint",
    "fit",
    "from_arrays",
    "hold",
    "in_words",
    "input_module",
    "load",
    "num_shared",
    "output_module",
    "prepared_shape",
    "read_asked",
    "split",
]
