"""Everything that ``goodfit explain`` knows: each family's word, and its members by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from . import checks, diagnosis
from .data.augment import sometimes
from .data.augmenting import AUGMENTATIONS, PARTS_OF
from .data.checks import DATA_CHECKS
from .data.draws import DRAWS
from .data.folds import FOLDS
from .data.preparations import PREPARATIONS
from .diagnosis.explaining import RULE_FAMILIES, Family, name_of
from .evaluation import VIEWS
from .nets import ACTIVATIONS, DROPOUTS, INITIALISERS, NORMS, SyncBatchNorm
from .optim import base_rate, finite_difference_descent, learning_rates
from .optim.clipping import CLIPS
from .optim.decay import PENALTIES
from .optim.rules import RULES
from .optim.schedules import FACTORS
from .recipe.networks import INIT_ALIASES, NETWORKS
from .recipe.optimizers import Descent
from .recipe.refusing import models_of
from .recipe.schema import Recipe
from .recipe.transfer import Transfer

FAMILIES: Mapping[str, Family] = {
    "about the data": {name_of(check): check for check in DATA_CHECKS},
    "before training": {name_of(check): check for check in checks.CHECKS},
    **RULE_FAMILIES,
    "a split": DRAWS,
    "folds": FOLDS,
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
    "an optimiser": {rule.name: rule.update for rule in RULES},
    "a schedule": FACTORS,
    "clipping": {name: made for name, made in CLIPS.items() if name != "none"},
    "a penalty": {name: made for name, made in PENALTIES.items() if name != "none"},
    "about gradients": {
        "gradient-check": checks.gradient_check,
        "backpropagation": checks.gradient_check,
        "finite-difference-descent": finite_difference_descent,
    },
    "about the rate and the start": {
        "warmup": learning_rates,
        "scale_lr": base_rate,
        "decay_on": Descent,
        "transfer": Transfer,
    },
}


def _fields() -> Iterator[tuple[str, str, type[BaseModel]]]:
    """Yield each field of a recipe: its table ("" for the recipe itself), its name, what tells it.

    Of tables with several kinds, as ``net``, the first that has the field tells it.
    """
    for table, field in Recipe.model_fields.items():
        kinds = models_of(field.annotation)
        yield "", table, kinds[0] if len(kinds) == 1 else Recipe
        told = {name: kind for kind in reversed(kinds) for name in kind.model_fields}
        for name, kind in told.items():
            yield table, name, kind


def _of_recipes() -> Mapping[str, Family]:
    """Return the families of a recipe's fields whose names mean nothing else."""
    taken = {name for family in FAMILIES.values() for name in family} | {"kind"}
    families: dict[str, dict[str, type[BaseModel]]] = {}
    for table, name, kind in _fields():
        if name not in taken:
            word = f"a field of a recipe's {table}" if table else "a part of a recipe"
            families.setdefault(word, {})[name] = kind
    return families


FIELDS: Mapping[str, Family] = _of_recipes()


def names() -> str:
    """Return the names of all parts by family, checks and rules with causes first."""
    causes = [name for _, group in diagnosis.ORDER for name in group]
    rest = {word: list(family) for word, family in FAMILIES.items() if not set(family) & {*causes}}
    groups = {"checks and rules, causes first": causes} | rest
    told = [
        f"{word}:\n" + "\n".join(f"  {name}" for name in group) for word, group in groups.items()
    ]
    return "\n".join(told) + "\nEvery field of a recipe's tables is explained as well.\n"


def explain(name: str) -> str:
    """Return what the part of this name is; see :func:`goodfit.diagnosis.explain`.

    Also of every field of a recipe, with hyphens or underscores.

    Example:
        >>> print(explain("early-stopping").splitlines()[0])
        early_stopping (a part of a recipe)
    """
    families = {**FAMILIES, **FIELDS}
    field = name.replace("-", "_")
    is_field = any(field in family for family in FIELDS.values())
    known = any(name in family for family in families.values())
    return diagnosis.explain(field if is_field and not known else name, families)
