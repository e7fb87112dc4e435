"""What a run shows: a self-contained page, a small picture, and words in the terminal.

This stage reads records only, so it works on a live run, a finished one, and one that another
framework trained.
"""

from .contents import Contents
from .folds import folds_html
from .html import render
from .sheet import print_sheet, sheet_html
from .study import study_html
from .study_terminal import print_study
from .study_words import metric_shown
from .svg import curves_svg
from .terminal import (
    print_card,
    print_checked,
    print_findings,
    print_folds,
    print_summary,
    print_verdicts,
)

__all__ = [
    "Contents",
    "curves_svg",
    "folds_html",
    "metric_shown",
    "print_card",
    "print_checked",
    "print_findings",
    "print_folds",
    "print_sheet",
    "print_study",
    "print_summary",
    "print_verdicts",
    "render",
    "sheet_html",
    "study_html",
]
