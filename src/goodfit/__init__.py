"""Goodfit: the whole recipe of training a neural network, as one program.

    data -> nets -> checks -> loop (step, optim, probes) -> diagnosis -> evaluation -> report
                 everything between stages is a record

    import goodfit as gf
    run = gf.train(gf.Recipe(data="digits", net=gf.MLP(hidden=(64, 64))))
    run.scores, run.history, run.findings, run.predict(X), run.module

    findings = gf.check(model, loss_fn, batches)           # before: any module, any batches
    with gf.watch(model, optimizer, loss_fn) as watch:     # while: your own loop, unchanged
        ...
    watch.findings                                         # causes first, with what to do

    study = gf.search(recipe.vary(lr=gf.loguniform(1e-4, 1e-1)), trials=256)    # as one program
    study.best, study.trials, study.importances

Names are loaded when they are first used: ``import goodfit`` does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import commands as commands
    from . import show_commands as show_commands
    from . import study_commands as study_commands
    from .adapters import Watch, watch
    from .checks import Checked, Rate, check, gradient_check, suggest_lr
    from .data import Arrays
    from .errors import (
        DataError,
        GoodfitError,
        Interrupted,
        NetError,
        RecipeError,
        RunError,
        SearchError,
    )
    from .nets import SyncBatchNorm
    from .optim import finite_difference_descent
    from .pipeline import (
        Diagnosis,
        Listener,
        Run,
        check_recipe,
        diagnose,
        load,
        resume,
        test,
        train,
    )
    from .recipe import (
        CNN,
        L1,
        L2,
        MLP,
        SGD,
        Adagrad,
        Adam,
        AdamW,
        Augment,
        ClipNorm,
        ClipPercentile,
        ClipValue,
        Constant,
        Cosine,
        Cyclical,
        DataSource,
        Decoupled,
        EarlyStopping,
        Elastic,
        Engine,
        Evaluate,
        Exponential,
        Momentum,
        MomentumEMA,
        MomentumLRInside,
        MultiStep,
        Nesterov,
        NesterovLookahead,
        NesterovRewritten,
        NoClip,
        NoPenalty,
        OneCycle,
        OnPlateau,
        OwnNet,
        Prepare,
        Recipe,
        ResNet,
        RMSProp,
        Space,
        Split,
        Step,
        Transfer,
        WarmRestarts,
        choice,
        integer,
        layers,
        loguniform,
        read_space,
        uniform,
    )
    from .records import (
        DataCard,
        Finding,
        GradientCheck,
        History,
        RunInfo,
        Scores,
        SplitSizes,
        Trial,
        Verdict,
    )
    from .studies import Study, cross_validate, load_study, resume_study, search

_HOMES = {
    ".adapters": ("Watch", "watch"),
    ".checks": ("Checked", "Rate", "check", "gradient_check", "suggest_lr"),
    ".nets": ("SyncBatchNorm",),
    ".optim": ("finite_difference_descent",),
    ".data": ("Arrays",),
    ".errors": (
        *("DataError", "GoodfitError", "Interrupted", "NetError", "RecipeError", "RunError"),
        "SearchError",
    ),
    ".pipeline": (
        *("Diagnosis", "Listener", "Run", "check_recipe", "diagnose"),
        *("load", "resume", "test", "train"),
    ),
    ".recipe": (
        *("Transfer",),
        *("Augment", "Evaluate"),
        *("CNN", "MLP", "SGD", "Adagrad", "Adam", "AdamW", "Constant", "Cosine", "DataSource"),
        *("EarlyStopping", "Engine", "Exponential", "Momentum", "Nesterov", "OneCycle", "OwnNet"),
        *("Prepare", "RMSProp", "Recipe", "ResNet", "Space", "Split", "Step"),
        *("choice", "integer", "layers", "loguniform", "read_space", "uniform"),
        *("L1", "L2", "Decoupled", "Elastic", "MomentumEMA", "MomentumLRInside"),
        *("ClipNorm", "ClipPercentile", "ClipValue", "NoClip"),
        *("Cyclical", "MultiStep", "OnPlateau", "WarmRestarts"),
        *("NesterovLookahead", "NesterovRewritten", "NoPenalty"),
    ),
    ".records": (
        "GradientCheck",
        *("DataCard", "Finding", "History", "RunInfo", "Scores", "SplitSizes", "Trial", "Verdict"),
    ),
    ".studies": ("Study", "cross_validate", "load_study", "resume_study", "search"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "CNN",
    "L1",
    "L2",
    "MLP",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Arrays",
    "Augment",
    "Checked",
    "ClipNorm",
    "ClipPercentile",
    "ClipValue",
    "Constant",
    "Cosine",
    "Cyclical",
    "DataCard",
    "DataError",
    "DataSource",
    "Decoupled",
    "Diagnosis",
    "EarlyStopping",
    "Elastic",
    "Engine",
    "Evaluate",
    "Exponential",
    "Finding",
    "GoodfitError",
    "GradientCheck",
    "History",
    "Interrupted",
    "Listener",
    "Momentum",
    "MomentumEMA",
    "MomentumLRInside",
    "MultiStep",
    "Nesterov",
    "NesterovLookahead",
    "NesterovRewritten",
    "NetError",
    "NoClip",
    "NoPenalty",
    "OnPlateau",
    "OneCycle",
    "OwnNet",
    "Prepare",
    "RMSProp",
    "Rate",
    "Recipe",
    "RecipeError",
    "ResNet",
    "Run",
    "RunError",
    "RunInfo",
    "Scores",
    "SearchError",
    "Space",
    "Split",
    "SplitSizes",
    "Step",
    "Study",
    "SyncBatchNorm",
    "Transfer",
    "Trial",
    "Verdict",
    "WarmRestarts",
    "Watch",
    "__version__",
    "check",
    "check_recipe",
    "choice",
    "cross_validate",
    "diagnose",
    "finite_difference_descent",
    "gradient_check",
    "integer",
    "layers",
    "load",
    "load_study",
    "loguniform",
    "read_space",
    "resume",
    "resume_study",
    "search",
    "suggest_lr",
    "test",
    "train",
    "uniform",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name in ("commands", "show_commands", "study_commands"):
        return import_module(f".{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module 'goodfit' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
