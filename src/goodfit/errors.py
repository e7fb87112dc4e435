"""Errors that a person can act on: what is wrong, what was given, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from numbers import Integral


class GoodfitError(Exception):
    """A problem that the user can solve.

    Args:
        what: One sentence that says what is wrong.
        given: What was found instead, as the user would recognise it.
        do: The next thing to try.

    Example:
        >>> print(GoodfitError("The file is empty.", given="houses.csv", do="Export it again."))
        The file is empty.
          given: houses.csv
          to do: Export it again.
    """

    def __init__(self, what: str, *, given: object = None, do: str = "") -> None:
        self.what, self.given, self.do = what, given, do
        super().__init__(what)

    def __str__(self) -> str:
        lines = [self.what]
        if self.given is not None:
            lines.append(f"  given: {self.given}")
        if self.do:
            lines.append(f"  to do: {self.do}")
        return "\n".join(lines)


class RecipeError(GoodfitError):
    """A recipe has a wrong name or value."""


class DataError(GoodfitError):
    """Data cannot be read, or cannot be learned from."""


class GapsWarning(UserWarning):
    """Rows that are asked for lack values in a way that training did not see."""


class NetError(GoodfitError):
    """A network does not fit the data, or cannot be built."""


class RunError(GoodfitError):
    """A run folder cannot be created, read, continued or tested."""


class SearchError(GoodfitError):
    """A search cannot begin, go on, or be stored."""


class Interrupted(GoodfitError):
    """The user or the system asked the run to stop; its state was saved."""


def check_count(
    name: str, value: object, *, kind: type[GoodfitError], least: int | None = None
) -> None:
    """Refuse what is no whole number, or one under ``least``, for an argument of this name.

    Raises:
        kind: says what was given.

    Example:
        >>> check_count("folds", "3", kind=DataError)
        Traceback (most recent call last):
        goodfit.errors.DataError: folds must be a whole number.
          given: folds = '3'
          to do: Write a number, say folds=5.
    """
    given = f"{name} = {value!r}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        do = f"Write a number, say {name}=5."
        raise kind(f"{name} must be a whole number.", given=given, do=do)
    if least is not None and int(value) < least:
        raise kind(f"{name} must be at least {least}.", given=given, do="Give more.")


def check_text(name: str, value: object, *, kind: type[GoodfitError], sample: str) -> None:
    """Refuse what is no text for an argument of this name; ``sample`` shows one.

    Raises:
        kind: says what was given.

    Example:
        >>> check_text("cluster", 5, kind=SearchError, sample="local")
        Traceback (most recent call last):
        goodfit.errors.SearchError: cluster must be a text.
          given: cluster = 5
          to do: Write, say, cluster="local".
    """
    if not isinstance(value, str):
        do = f'Write, say, {name}="{sample}".'
        raise kind(f"{name} must be a text.", given=f"{name} = {value!r}", do=do)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the nearest known name, or with all of them.

    Example:
        >>> nearest("adamm", ["sgd", "adam", "adamw"])
        'did you mean "adam"?'
        >>> nearest("zzz", ["sgd", "adam"])
        'known are: adam, sgd'
    """
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1)
    return f'did you mean "{close[0]}"?' if close else f"known are: {', '.join(names)}"
