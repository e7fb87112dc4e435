"""What a rule or check means, in the words of its docstring."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable

from ..errors import GoodfitError, nearest
from .family import RULES
from .studies import STUDY_RULES


def name_of(function: Callable[..., object]) -> str:
    """Return the catalogue's name of a rule or check.

    Example:
        >>> name_of(RULES[0])
        'weights-unchanged'
    """
    return getattr(function, "__name__", "").replace("_", "-")


def explain(name: str, checks: Iterable[Callable[..., object]] = ()) -> str:
    """Return when a rule or check fires, by what formula, when it abstains, and where it is from.

    Rules are those while training and those about a study.
    ``checks`` are the checks before training; they need torch, so they are handed in.

    Raises:
        GoodfitError: no rule or check has this name; the nearest is told.

    Example:
        >>> print(explain("loss-exploded").splitlines()[0])
        loss-exploded (while training)
    """
    families = {
        "while training": RULES,
        "before training": tuple(checks),
        "about a study": STUDY_RULES,
    }
    known = {name_of(part): (when, part) for when, parts in families.items() for part in parts}
    if name not in known:
        raise GoodfitError(
            "No rule or check has this name.", given=name, do=nearest(name, known).capitalize()
        )
    when, part = known[name]
    return f"{name} ({when})\n\n{inspect.cleandoc(part.__doc__ or '')}\n"
