"""Records: what passes between stages. Frozen, without tensors, to and from JSON.

A stage takes records (and tensors) and returns records; no stage imports a later one.
Diagnosis and report read records only, so they need no torch and work on a live run, a
finished run, or a run of another framework.
"""

from .base import Record, Task
from .data import Column, DataCard, InputKind, SplitSizes
from .findings import Curve, Finding, Outcome, Severity, Verdict, found, not_judged, passed
from .gradients import GradientCheck
from .history import (
    TALLIES,
    Autopsy,
    Baseline,
    EpochColumns,
    History,
    Layer,
    Looks,
    Setting,
    StepColumns,
    Stopped,
    Tally,
)
from .joining import joined_looks
from .results import CrossValidation, RunInfo, Scores
from .sheets import (
    Chart,
    Findings,
    Gallery,
    Histogram,
    Histograms,
    Line,
    Pictures,
    Sheet,
    SheetPart,
    Table,
)
from .signals import (
    SATURATED_SHARE,
    Signal,
    fades,
    fading,
    grows_or_saturates,
    growth,
    is_far_out,
    mean_gain,
    spread_by_layer,
    start_spread,
)
from .trials import Confirmed, Grouping, Stage, StudyRecord, Trial, TrialState

__all__ = [
    "SATURATED_SHARE",
    "TALLIES",
    "Autopsy",
    "Baseline",
    "Chart",
    "Column",
    "Confirmed",
    "CrossValidation",
    "Curve",
    "DataCard",
    "EpochColumns",
    "Finding",
    "Findings",
    "Gallery",
    "GradientCheck",
    "Grouping",
    "Histogram",
    "Histograms",
    "History",
    "InputKind",
    "Layer",
    "Line",
    "Looks",
    "Outcome",
    "Pictures",
    "Record",
    "RunInfo",
    "Scores",
    "Setting",
    "Severity",
    "Sheet",
    "SheetPart",
    "Signal",
    "SplitSizes",
    "Stage",
    "StepColumns",
    "Stopped",
    "StudyRecord",
    "Table",
    "Tally",
    "Task",
    "Trial",
    "TrialState",
    "Verdict",
    "fades",
    "fading",
    "found",
    "grows_or_saturates",
    "growth",
    "is_far_out",
    "joined_looks",
    "mean_gain",
    "not_judged",
    "passed",
    "spread_by_layer",
    "start_spread",
]
