"""The engine: one pure step on rows, and who runs it (eager, traced, compiled)."""

from .choose import make_executor
from .executor import STEPS_PER_CALL, Executor, Kind
from .population import Batch, Noise, Population, make_population
from .step import PROBES, LossFn, Problem, by_row, fed, held_or_not, make_step, take

__all__ = [
    "PROBES",
    "STEPS_PER_CALL",
    "Batch",
    "Executor",
    "Kind",
    "LossFn",
    "Noise",
    "Population",
    "Problem",
    "by_row",
    "fed",
    "held_or_not",
    "make_executor",
    "make_population",
    "make_step",
    "take",
]
