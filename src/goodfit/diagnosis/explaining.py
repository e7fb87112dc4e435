"""What a part of Goodfit means, in the words of its docstring."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from ..errors import GoodfitError, nearest
from .family import RULES, name_of
from .studies import STUDY_RULES

Family = Mapping[str, object]


RULE_FAMILIES: Mapping[str, Family] = {
    "while training": {name_of(rule): rule for rule in RULES},
    "about a study": {name_of(rule): rule for rule in STUDY_RULES},
}


def explain(name: str, families: Mapping[str, Family] = RULE_FAMILIES) -> str:
    """Return what a part is: when it fires or what it computes, its formula, where it is from.

    ``families`` are what can be explained: the word for each family, and its members by name;
    a name that stands in several is explained for each. Rules are known here; what needs torch
    is handed in.

    Raises:
        GoodfitError: nothing has this name; the nearest is told.

    Example:
        >>> print(explain("loss-exploded").splitlines()[0])
        loss-exploded (while training)
    """
    found = [(word, family[name]) for word, family in families.items() if name in family]
    if not found:
        known = {name for family in families.values() for name in family}
        raise GoodfitError(
            "No rule, check or part has this name.",
            given=name,
            do=nearest(name, known).capitalize(),
        )
    return "\n".join(f"{name} ({word})\n\n{inspect.getdoc(part) or ''}\n" for word, part in found)
