"""Search: trials of one architecture are rows of one matrix, trained by one step.

space -> strategy -> waves of trials -> groups (one shape, one matrix) -> tiles on workers
      -> what was learned
"""

from .bar import Bar
from .ending import load_study, write_report
from .flow import Silent, resume_study, search
from .folder import is_study
from .folds import cross_validate
from .folds_folder import REPORT
from .strategies import STRATEGIES
from .study import Study
from .wave import Asked, Progress, Wave

__all__ = [
    "REPORT",
    "STRATEGIES",
    "Asked",
    "Bar",
    "Progress",
    "Silent",
    "Study",
    "Wave",
    "cross_validate",
    "is_study",
    "load_study",
    "resume_study",
    "search",
    "write_report",
]
