"""The whole recipe, in order. Only ``flow`` knows the order; the rest are its steps.

material    a recipe -> data in parts, split, prepared, ready to feed a loop
resolve     a recipe with gaps -> one without
observers   what watches a loop: checkpoints and history, a progress bar
training    a network -> the end of its course
finishing   the end of a course -> scores, report, a finished run; and back from a folder
run         what a user holds in the end
flow        train, resume, load, test, report
"""

from .flow import Listener, contents, load, report, resume, test, train
from .run import Run

__all__ = [
    "Listener",
    "Run",
    "contents",
    "load",
    "report",
    "resume",
    "test",
    "train",
]
