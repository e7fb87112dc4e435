"""What is known before a search makes anything: settings that work, data, the first wave."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SearchError, check_count, check_text
from ..pipeline.begin import resolve_for
from ..pipeline.material import Known, know
from ..recipe import Recipe, Space
from .ending import split_seed
from .folder import Settings
from .strategies import Plan, Waves, strategy_of
from .wave import Wave

OPTIONAL = ("workers", "rows")
MODES = ("auto", "eager", "traced", "compiled")


@dataclass(frozen=True)
class Session:
    """A search that is about to run: its data is read, its strategy has asked for ``first``."""

    space: Space
    settings: Settings
    known: Known
    plan: Plan
    waves: Waves
    first: Wave


def begin(space: Space, settings: Settings) -> Session:
    """Read the data once, make the plan, and let the strategy ask for its first wave.

    Raises:
        GoodfitError: data or strategy do not work with this space; nothing was made yet.
    """
    base = space.fixed_recipe()
    known = know(base)
    resolved = resolve_for(base, known)

    def resolve(recipe: Recipe) -> Recipe:
        split = recipe.split.model_copy(update={"seed": split_seed(base)})
        return resolve_for(recipe, known).model_copy(update={"split": split})

    plan = Plan(
        space=space,
        trials=settings.trials,
        epochs=resolved.epochs or 1,
        seed=settings.seed,
        at_once=settings.at_once,
        resolve=resolve,
        stages=[],
    )
    waves = strategy_of(settings.strategy)(plan)
    return Session(space, settings, known, plan, waves, next(waves))


def check_settings(space: Space, settings: Settings) -> None:
    """Raise for settings that cannot work, whatever the data.

    Raises:
        SearchError: a count is too small or no whole number, or there is no such strategy or mode.
    """
    strategy_of(settings.strategy)
    one = ("trials", "confirm_seeds", "at_once", "workers", "rows")
    for name, least in [*((name, 1) for name in one), ("confirm", 0), ("seed", 0)]:
        value = getattr(settings, name)
        if value is not None or name not in OPTIONAL:
            check_count(name, value, least=least, kind=SearchError)
    check_text("storage", settings.storage, kind=SearchError, sample="sqlite:///all.db")
    check_text("cluster", settings.cluster, kind=SearchError, sample="local")
    if settings.mode not in MODES:
        raise SearchError(
            "There is no such mode.", given=settings.mode, do=f"Take one of {', '.join(MODES)}."
        )
    if "epochs" in space.parameters:
        raise SearchError(
            "The length of a run is not searched: longer is nearly always better.",
            given="a distribution at epochs",
            do="Write one number; coarse-to-fine and halving begin with fewer by themselves.",
        )
