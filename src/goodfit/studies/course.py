"""The course of a search: waves until the strategy is done, then the best few with new seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..records import Confirmed
from .folder import Settings
from .runner import Runner
from .session import Session
from .storage import Mirror
from .strategies import Plan, Waves, rank
from .study import confirmed_of
from .wave import AGAIN, Asked, Progress, Wave


def ask_and_train(session: Session, runner: Runner, mirror: Mirror) -> dict[int, Progress]:
    """Let the strategy go on from its first wave; returns every trial at its last wave."""
    latest: dict[int, Progress] = {}
    wave: Wave | None = session.first
    while wave is not None:
        going = {asked.number for asked in wave.trials}
        mirror.add(p for n, p in latest.items() if n not in going)
        sent = runner.run(replace(wave, later=wave.later + _epochs_again(session)))
        latest |= {progress.asked.number: progress for progress in sent}
        wave = _next(session.waves, sent)
    mirror.add(latest.values())
    return latest


def _epochs_again(session: Session) -> int:
    """Return the epochs that the best few will train with new seeds."""
    settings = session.settings
    return min(settings.confirm, settings.trials) * settings.confirm_seeds * session.plan.epochs


def _next(waves: Waves, sent: Sequence[Progress]) -> Wave | None:
    try:
        return waves.send(sent)
    except StopIteration:
        return None


def confirm_best(
    plan: Plan, settings: Settings, runner: Runner, trials: Mapping[int, Progress]
) -> tuple[Confirmed, ...]:
    """Train the best few again, with new seeds, at the full number of epochs."""
    best = _best(trials.values(), settings.confirm)
    if not best or settings.confirm_seeds < 1:
        return ()
    seeds = tuple(settings.seed + 1 + n for n in range(settings.confirm_seeds))
    asked = tuple(
        Asked(
            p.asked.number,
            p.asked.params,
            p.asked.recipe.model_copy(update={"seed": seed, "epochs": plan.epochs}),
        )
        for p in best
        for seed in seeds
    )
    results = runner.run(Wave(asked, plan.epochs, name=AGAIN))
    found = []
    for place, progress in enumerate(best):
        own = results[place * len(seeds) : (place + 1) * len(seeds)]
        values = [p.value if p.condition == "done" else math.nan for p in own]
        found.append(confirmed_of(progress.asked.number, seeds, tuple(values)))
    return tuple(found)


def _best(trials: Iterable[Progress], num: int) -> list[Progress]:
    """Return the best of the trials that trained longest, no two of the same values."""
    done = [p for p in trials if p.condition == "done" and rank(p) > float("-inf")]
    longest = max((p.asked.recipe.epochs or 1 for p in done), default=0)
    full = (p for p in done if p.asked.recipe.epochs == longest)
    best = sorted(full, key=lambda p: (-rank(p), p.best_loss, p.asked.number))
    distinct: dict[tuple[Any, ...], Progress] = {}
    for progress in best:
        distinct.setdefault(tuple(sorted(progress.asked.params.items())), progress)
    return list(distinct.values())[:num]
