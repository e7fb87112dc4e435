"""The whole recipe, in order. Only ``flow`` knows the order; the rest are its steps.

material    a recipe -> data in parts, split, prepared, ready to feed a loop
resolve     a recipe with gaps -> one without
drawing     what the report draws of the data
observers   what watches a loop: checkpoints and history, a progress bar
training    a network -> the end of its course
finishing   the end of a course -> scores, report, a finished run; and back from a folder
run         what a user holds in the end
word        an early word of the rules, while a run trains
postmortem  a loss that was not finite -> the operation that made it, by playing the step again
flow        train, resume, load, test, report
predicting  a finished run on new rows of a file
checking    the checks before training, on their own
diagnosing  the rules on their own: of a run, a watched loop, a table of losses
"""

from .checking import Seen, check_gradient, check_recipe, see_data
from .diagnosing import Diagnosis, diagnose
from .flow import Listener, contents, load, report, resume, test, train
from .predicting import predict
from .run import Run

__all__ = [
    "Diagnosis",
    "Listener",
    "Run",
    "Seen",
    "check_gradient",
    "check_recipe",
    "contents",
    "diagnose",
    "load",
    "predict",
    "report",
    "resume",
    "see_data",
    "test",
    "train",
]
