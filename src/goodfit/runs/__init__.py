"""Runs on disk: the folder, its records, the history, checkpoints, and when to save or stop.

`goodfit.runs.checkpoints` is imported by its own name, since it alone needs torch::

    from goodfit.runs import checkpoints
    checkpoints.save(run.checkpoints, step, tensors, state)

A run that is killed at any moment goes on in this order: `open_run`, ``run.locked()``,
``checkpoints.load_latest`` and ``remove_after`` its step, ``Journal.truncate_to`` the
length that its state keeps.
"""

from .atomic import write_bytes, write_json, write_out, write_text
from .cadence import Cadence
from .folder import RunFolder, create, default_path, open_run, path_of
from .journal import Journal, Rows, read_history, read_rows
from .signals import Interruption
from .stored import (
    Unsealed,
    break_seal,
    check_sealed,
    read_record,
    read_records,
    read_unsealed,
    write_record,
    write_records,
)

__all__ = [
    "Cadence",
    "Interruption",
    "Journal",
    "Rows",
    "RunFolder",
    "Unsealed",
    "break_seal",
    "check_sealed",
    "create",
    "default_path",
    "open_run",
    "path_of",
    "read_history",
    "read_record",
    "read_records",
    "read_rows",
    "read_unsealed",
    "write_bytes",
    "write_json",
    "write_out",
    "write_record",
    "write_records",
    "write_text",
]
