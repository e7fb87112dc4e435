"""Everything that ``goodfit explain`` knows: each family's word, and its members by name."""

from __future__ import annotations

from collections.abc import Mapping

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
    "a view at test time": {f"{name}-views": view for name, view in VIEWS.items()},
    "a network": {net.model_fields["kind"].default: net for net in NETWORKS},
    "an activation": ACTIVATIONS,
    "an initialiser": {
        **INITIALISERS,
        **{other: INITIALISERS[name] for other, name in INIT_ALIASES.items()},
    },
    "a norm": {**NORMS, "sync-batch": SyncBatchNorm},
    "a form of dropout": DROPOUTS,
    "an optimiser": {rule.name: rule.update for rule in RULES},
    "a schedule": FACTORS,
    "clipping": {name: made for name, made in CLIPS.items() if name != "none"},
    "a penalty": {name: made for name, made in PENALTIES.items() if name != "none"},
    "about gradients": {
        "gradient-check": checks.gradient_check,
        "finite-difference-descent": finite_difference_descent,
    },
    "about the rate and the start": {
        "warmup": learning_rates,
        "scale_lr": base_rate,
        "decay_on": Descent,
        "transfer": Transfer,
    },
}


def names() -> str:
    """Return the names of all parts by family, checks and rules with causes first."""
    causes = [name for _, group in diagnosis.ORDER for name in group]
    rest = {word: list(family) for word, family in FAMILIES.items() if not set(family) & {*causes}}
    groups = {"checks and rules, causes first": causes} | rest
    told = [
        f"{word}:\n" + "\n".join(f"  {name}" for name in group) for word, group in groups.items()
    ]
    return "\n".join(told) + "\n"


def explain(name: str) -> str:
    """Return what the part of this name is; see :func:`goodfit.diagnosis.explain`."""
    return diagnosis.explain(name, FAMILIES)
