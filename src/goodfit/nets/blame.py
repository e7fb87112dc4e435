"""Where in a user's own code an error was raised."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

# What lies here is Python's, torch's or ours, and not what the user can mend.
_OTHERS = (
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    str(Path(__file__).parents[1]),
)


def told_with_place(error: Exception) -> str:
    """Return an error's type and words, with file and line where the user's code was last.

    Example:
        >>> told_with_place(KeyError("x"))
        "KeyError: 'x'"
    """
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame)]
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


def _is_own(frame: traceback.FrameSummary) -> bool:
    return not frame.filename.startswith(("<", *_OTHERS))
