"""Everything that ``goodfit explain`` knows: each family's word, and its members by name."""

from __future__ import annotations

import ast
import builtins
import doctest
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence

import goodfit

from . import checks, diagnosis
from .data.augment import sometimes
from .data.augmenting import AUGMENTATIONS, PARTS_OF
from .data.checks import DATA_CHECKS
from .data.draws import DRAWS
from .data.folds import FOLDS
from .data.preparations import PREPARATIONS
from .diagnosis.explaining import RULE_FAMILIES, Family
from .diagnosis.family import name_of
from .errors import GoodfitError, nearest
from .evaluation import VIEWS
from .nets import ACTIVATIONS, DROPOUTS, INITIALISERS, NORMS, SyncBatchNorm
from .optim import base_rate, finite_difference_descent, learning_rates
from .optim.clipping import CLIPS
from .optim.decay import PENALTIES
from .optim.rules import RULES
from .optim.schedules import FACTORS
from .recipe.fields import Field, all_fields, fields_of, kinds_of
from .recipe.networks import INIT_ALIASES, NETWORKS
from .recipe.optimizers import Descent
from .recipe.refusing import models_of
from .recipe.schema import Recipe
from .recipe.transfer import Transfer

BACKPROPAGATION = """\
The gradient of the loss by all weights, in one pass back through the network.

For h_i = f_i(h_(i-1); w_i), i = 1 to n, with the loss L(h_n), the chain rule gives, from the last
layer to the first,

    dL/dh_(i-1) = dL/dh_i J,  J = dh_i/dh_(i-1);      dL/dw_i = dL/dh_i dh_i/dw_i

dL/dh_i is [N, D_i], as h_i is, and dL/dw_i has the shape of w_i. What the forward pass computed is
kept for it. All gradients cost about two forward passes more, where differences cost two for each
weight. Here torch.autograd computes it; ``gradient-check`` compares it with differences.

Notes n1, Backpropagation; n3 (automatic differentiation). Source: Rumelhart, Hinton and Williams,
"Learning representations by back-propagating errors", Nature, 1986.
"""

FAMILIES: Mapping[str, Family] = {
    "about the data": {name_of(check): check for check in DATA_CHECKS},
    "before training": {name_of(check): check for check in checks.CHECKS},
    **RULE_FAMILIES,
    "a split": DRAWS,
    "folds": {**FOLDS, "k-fold": FOLDS["plain"], "cross-validation": FOLDS["plain"]},
    "a preparation": PREPARATIONS,
    "an augmentation": {
        **AUGMENTATIONS,
        **{name: AUGMENTATIONS[of] for name, of in PARTS_OF.items()},
        "sometimes": sometimes,
    },
    "a view at test time": VIEWS | {f"{name}-views": view for name, view in VIEWS.items()},
    "a network": {net.model_fields["kind"].default: net for net in NETWORKS},
    "an activation": ACTIVATIONS,
    "an initialiser": {
        **INITIALISERS,
        **{other: INITIALISERS[name] for other, name in INIT_ALIASES.items()},
    },
    "a norm": {
        **NORMS,
        **{f"{name}-norm": norm for name, norm in NORMS.items()},
        "sync-batch": SyncBatchNorm,
    },
    "a form of dropout": DROPOUTS,
    "a layer": {"dropout": DROPOUTS["inverted"]},
    "an optimiser": {rule.name: rule.update for rule in RULES},
    "a schedule": FACTORS,
    "clipping": {name: made for name, made in CLIPS.items() if name != "none"},
    "a penalty": {name: made for name, made in PENALTIES.items() if name != "none"},
    "about gradients": {
        "gradient-check": checks.gradient_check,
        "backpropagation": BACKPROPAGATION.rstrip(),
        "finite-difference-descent": finite_difference_descent,
    },
    "about the rate and the start": {
        "warmup": learning_rates,
        "scale_lr": base_rate,
        "decay_on": Descent,
        "transfer": Transfer,
    },
}


# In whose table of a recipe the members of a family are chosen by their kind, or by a field.
TABLES: Mapping[str, str] = {
    "a network": "net",
    "a layer": "net",
    "an augmentation": "augment",
    "an optimiser": "optimizer",
    "about the rate and the start": "optimizer",
    "a schedule": "schedule",
    "clipping": "clip",
    "a penalty": "penalty",
}
# What holds for all members of a family, and so is in no docstring of theirs.
NOTES: Mapping[str, str] = {
    "an optimiser": "Any shape: w, g and each state have that of the weights; number by number.",
    "a schedule": (
        "What the base rate (optimizer.lr) is multiplied by: a number without unit for each step. "
        "Steps, epochs and cycles are counted from 0 unless said otherwise, after the warm-up."
    ),
}


def names() -> str:
    """Return the names of all parts by family, checks and rules with causes first."""
    causes = [name for _, group in diagnosis.ORDER for name in group]
    rest = {word: list(family) for word, family in FAMILIES.items() if not set(family) & {*causes}}
    groups = {"checks and rules, causes first": causes} | rest
    told = [
        f"{word}:\n" + "\n".join(f"  {name}" for name in group) for word, group in groups.items()
    ]
    more = "Every table and field of a recipe is explained as well: optimizer, optimizer.lr, lr."
    return "\n".join(told) + f"\n{more}\n"


def explain(name: str) -> str:
    """Return what the part of this name is: what it computes, its formula, where it is from.

    Also of every table and field of a recipe, with hyphens or underscores, and by the dotted names
    that errors and assignments use. A name with several meanings is told with all of them.

    Raises:
        GoodfitError: nothing has this name; the nearest is told.

    Example:
        >>> print(explain("optimizer.lr").splitlines()[0])
        lr (a field of a recipe's optimizer)
    """
    table, dot, last = name.rpartition(".")
    found = list(_meanings(last, table.replace("-", "_") if dot else None))
    if not found:
        raise GoodfitError(
            "No rule, check or part has this name.",
            given=name,
            do=nearest(name, _known(dotted=bool(dot))).capitalize(),
        )
    return "\n".join(found)


def _meanings(name: str, table: str | None) -> Iterator[str]:
    """Yield an explanation for each meaning of a name; with a ``table`` only for those in it."""
    told: list[Field] = []
    for word, family in FAMILIES.items():
        written = next((one for one in _spellings(name) if one in family), None)
        of = TABLES.get(word, "")
        if written is None or table not in (None, of):
            continue
        is_kind = bool(of) and written in kinds_of(of)
        fields = [] if is_kind or not of else _fields_called(name, of)
        told += fields
        note = [NOTES[word]] if word in NOTES else []
        beside = [*note, *(_as_a_kind(written, of) if is_kind else ())]
        lines = (f"{written} ({word})", *(field.line for field in fields))
        yield "\n\n".join((*lines, _text_of(family[written]), *beside)) + "\n"
    rest = [field for field in _fields_called(name, table) if field not in told]
    for of in dict.fromkeys(field.table for field in rest):
        yield _of_field([field for field in rest if field.table == of])


def _spellings(name: str) -> tuple[str, ...]:
    return name, name.replace("_", "-"), name.replace("-", "_")


def _fields_called(name: str, table: str | None) -> list[Field]:
    """Return the fields of this name, all of them or those of one table."""
    named = [field for field in all_fields() if field.name == name.replace("-", "_")]
    return named if table is None else [field for field in named if field.table == table]


def _as_a_kind(name: str, table: str) -> list[str]:
    """Say how a recipe chooses a kind of a table, and which fields it has then."""
    own = [field.name for field in fields_of(table) if name in field.kinds]
    chosen = f'In a recipe: {table}.kind = "{name}"'
    return [f"{chosen}, with {', '.join(own)}." if own else f"{chosen}."]


def _of_field(fields: Sequence[Field]) -> str:
    """Explain a field of one table, in each of its meanings, with the table around it."""
    name, table = fields[0].name, fields[0].table
    word = f"a field of a recipe's {table}" if table else "a part of a recipe"
    lines = [f"{name} ({word})", *(field.line for field in fields)]
    inner = fields_of(name) if not table and name in Recipe.model_fields else []
    models = models_of(Recipe.model_fields[table or name].annotation) or [Recipe]
    if len(models) == 1:
        lines.append(_text_of(models[0]))
    elif table:
        lines.append(f"The whole table: goodfit explain {table}.")
    else:
        lines.append(f"Its kinds: {', '.join(kinds_of(name))}.")
    if inner:
        lines.append("Its fields:\n\n" + "\n".join(f"- {field.line}" for field in inner))
    return "\n\n".join(lines) + "\n"


def _known(*, dotted: bool) -> set[str]:
    if dotted:
        return {field.path for field in all_fields() if field.table}
    members = {name for family in FAMILIES.values() for name in family}
    return members | {field.name for field in all_fields()}


def _text_of(part: object) -> str:
    """Return a docstring as a user reads it: without roles, and examples of what is private."""
    text = part if isinstance(part, str) else inspect.getdoc(part) or ""
    before, mark, example = text.partition("\n\nExample:\n")
    if mark and not _called(example) <= {*goodfit.__all__}:
        text = before
    return re.sub(r":\w+:`~?([^`]+)`", r"``\1``", text)


def _called(example: str) -> set[str]:
    """Return the names that an example calls, without Python's own and those of methods."""
    source = "".join(one.source for one in doctest.DocTestParser().get_examples(example))
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return {call.id for call in calls if isinstance(call, ast.Name)} - {*dir(builtins)}
