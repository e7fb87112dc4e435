"""Where a value was given: the assignment, or the file and the line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# What gave each changed name, as "optimizer.lr": "--set optimizer.lr=0.01".
Origin = Mapping[str, str]


def place_of(path: str, given_by: Origin, file: Path | None, text: str) -> str:
    """Return where ``path`` was given: the assignment, or file and line; "" without a file."""
    above = [name for name in given_by if path == name or path.startswith(f"{name}.")]
    below = [name for name in given_by if name.startswith(f"{path}.")]
    if above or below:
        return f"{given_by[max(above or below, key=len)]}: "
    if file is None:
        return ""
    line = find_line(text, path)
    return f"{file}, line {line}: " if line else f"{file}: "


def find_line(text: str, path: str) -> int | None:
    """Return the line (from 1) on which a valid TOML text sets ``path``, or its nearest parent.

    A value that takes several lines counts as its first.

    Example:
        >>> find_line("seed = 1\\n[optimizer]\\nlr = 2\\n", "optimizer.lr")
        3
    """
    table, best, best_line = [], 0, None
    for line, statement, values in _statements(text):
        if statement.lstrip().startswith("["):
            table = _header_names(values)
        else:
            for name in reversed(table):
                values = {name: values}
        reached = _reach(values, path)
        if reached > best:
            best, best_line = reached, line
    return best_line


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield first line, text and values of each statement: what the TOML reader takes as whole."""
    first, pending = 1, ""
    for number, line in enumerate(text.split("\n"), start=1):
        pending += line + "\n"
        try:
            values = tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            continue
        yield first, pending, values
        first, pending = number + 1, ""


def _header_names(values: Any) -> list[str]:
    """Return the names of a header: ``[a.b]`` and ``[[a.b]]`` give a, b."""
    names = []
    while values:
        [(name, values)] = values.items()
        names.append(name)
        values = values[0] if isinstance(values, list) else values
    return names


def _reach(values: Any, path: str) -> int:
    """Return how many characters of a dotted ``path`` can be followed into ``values``."""
    reached = [0]
    for name, inner in values.items() if isinstance(values, dict) else ():
        if path == name:
            reached.append(len(name))
        elif path.startswith(f"{name}."):
            reached.append(len(name) + 1 + _reach(inner, path[len(name) + 1 :]))
    return max(reached)
