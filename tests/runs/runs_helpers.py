"""What several tests of runs need."""

from __future__ import annotations

from pathlib import Path


def names_in(folder: Path) -> list[str]:
    """Return the sorted names of what lies in ``folder``."""
    return sorted(path.name for path in folder.iterdir())
