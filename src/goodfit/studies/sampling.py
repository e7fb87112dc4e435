"""Asking Optuna for values, and telling it what they gave."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from ..recipe import Choice, IntegerRange, LogUniform, Space, Uniform
from ..recipe.distributions import Distribution
from ..records import Trial

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Asker:
    """A sampler of Optuna's with a study in memory: asks for values, and is told what they gave.

    Example:
        >>> from goodfit.recipe import Recipe, loguniform
        >>> space = Recipe(data="digits").vary(lr=loguniform(1e-4, 1e-1))
        >>> asker = random_asker(seed=0)
        >>> 1e-4 <= asker.ask(space)["optimizer.lr"] <= 1e-1
        True
    """

    def __init__(self, sampler: BaseSampler) -> None:
        self._study = optuna.create_study(sampler=sampler, direction="maximize")
        self._asked: list[optuna.trial.Trial] = []

    def ask(
        self, space: Space, left_out: Mapping[str, Sequence[Any]] = MappingProxyType({})
    ) -> dict[str, Any]:
        """Return values for the names of ``space`` that count, one after the other.

        ``left_out`` has labels of options that are not drawn, by name: the same at each call, since
        Optuna wants a choice to have the same options in all trials.
        """
        trial = self._study.ask()
        self._asked.append(trial)
        return space.suggest(
            lambda name, found: suggest(trial, name, found, left_out.get(name, ()))
        )

    def tell(self, number: int, value: float | None) -> None:
        """Say what the ``number``-th ask gave (more is better); None where it failed."""
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        self._study.tell(self._asked[number], value, state=state)


# NumPy's generators, which Optuna draws by, take seeds below this; a recipe takes larger ones.
SEEDS = 2**32


def random_asker(seed: int) -> Asker:
    """Return an asker that draws independently: Optuna's ``RandomSampler``."""
    return Asker(RandomSampler(seed=seed % SEEDS))


def tpe_asker(seed: int) -> Asker:
    """Return Optuna's ``TPESampler``, which takes trials that still run as poor ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return Asker(
            TPESampler(seed=seed % SEEDS, constant_liar=True, multivariate=True, group=True)
        )


def suggest(
    trial: optuna.trial.Trial, name: str, distribution: Distribution, left_out: Sequence[Any] = ()
) -> Any:
    """Ask for one value."""
    if isinstance(distribution, Choice):
        labels = [label for label in distribution.labels if label not in left_out]
        return trial.suggest_categorical(name, labels) if len(labels) > 1 else labels[0]
    if isinstance(distribution, IntegerRange):
        return trial.suggest_int(name, distribution.low, distribution.high, log=distribution.log)
    log = isinstance(distribution, LogUniform)
    return trial.suggest_float(name, distribution.low, distribution.high, log=log)


def optuna_distribution(distribution: Distribution) -> BaseDistribution:
    """Return Optuna's form of a distribution."""
    if isinstance(distribution, Choice):
        return CategoricalDistribution(list(distribution.labels))
    if isinstance(distribution, IntegerRange):
        return IntDistribution(distribution.low, distribution.high, log=distribution.log)
    assert isinstance(distribution, Uniform | LogUniform)
    log = isinstance(distribution, LogUniform)
    return FloatDistribution(distribution.low, distribution.high, log=log)


STATES = {
    "done": TrialState.COMPLETE,
    "halved": TrialState.PRUNED,
    "dropped": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


def frozen_trial(
    trial: Trial,
    distributions: Mapping[str, BaseDistribution],
    times: tuple[float, float] = (0.0, 0.0),
) -> FrozenTrial:
    """Return a trial as Optuna keeps it: the metric by epoch, the rest as user attributes.

    A value that lies outside of the first range (the range was widened) gets a range of its own.
    ``times`` are its start and end in seconds since 1970; without them it has ended right now.
    """
    finite = trial.value == trial.value
    state = STATES[trial.state] if finite else TrialState.FAIL
    attributes = {"why": trial.why, "stage": trial.stage, "seed": trial.seed, "group": trial.group}
    frozen = optuna.trial.create_trial(
        state=state,
        value=trial.value if finite and state != TrialState.FAIL else None,
        params=trial.params,
        distributions={
            name: _holding(distributions[name], value) for name, value in trial.params.items()
        },
        intermediate_values={
            epoch: value for epoch, value in enumerate(trial.metric, start=1) if value == value
        },
        user_attrs={**attributes, "best_epoch": trial.best_epoch, "seconds": trial.seconds},
    )
    if all(times):
        frozen.datetime_start, frozen.datetime_complete = map(datetime.fromtimestamp, times)
    return frozen


def _holding(distribution: BaseDistribution, value: Any) -> BaseDistribution:
    if isinstance(distribution, CategoricalDistribution):
        return distribution
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = min(distribution.low, value), max(distribution.high, value)
    return type(distribution)(low, high, log=distribution.log)  # pyright: ignore[reportArgumentType]


def wide_distributions(trials: Sequence[Trial], space: Space) -> dict[str, BaseDistribution]:
    """Return each name's range, widened to hold what every trial had."""
    found = {name: optuna_distribution(one.distribution) for name, one in space.parameters.items()}
    for trial in trials:
        for name, value in trial.params.items():
            found[name] = _holding(found[name], value)
    return found
