"""What explains the values of a study, by Optuna's fANOVA."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances

from ..recipe import Space
from ..records import StudyRecord, Trial
from .sampling import wide_distributions

# Trees of this depth give shares within 0.05 of those of whole ones, less than another seed changes
# (0.09 of 40 trials, 0.04 of 256), in a fifth of the time: whole ones were the longest thing beside
# the trials. With half of Optuna's 64 trees shares move by 0.01, less than by another seed (0.02;
# studies of 40, 60 and 256 trials). PED-ANOVA, Optuna's default since version 5, gave names that
# mean nothing up to 0.43 of 40 trials and 0.16 of 256, where fANOVA gave 0.05 and 0.02.
TREE_DEPTH, NUM_TREES = 6, 32
FEWEST_FOR_IMPORTANCE = 10


def importances(study: StudyRecord, space: Space) -> dict[str, float]:
    """Return how much of the spread of values each name explains, by Optuna's fANOVA.

    A name that only some trials have, since it belongs to an option of a choice, is weighed among
    those trials alone, with all names that each of them has. Left out is what fewer than 10
    trials with a value have, and where all values are equal.

    Source: Hutter, Hoos and Leyton-Brown, "An efficient approach for assessing hyperparameter
    importance", ICML 2014.
    """
    done = [trial for trial in study.trials if trial.value == trial.value and trial.epochs]
    found: dict[str, float] = {}
    together = {one.condition: one for one in space.parameters.values()}
    for condition, first in together.items():
        names = [n for n, one in space.parameters.items() if one.condition == condition]
        having = [trial for trial in done if first.counts(trial.params)]
        shares = _shares(having, space, up=study.metric_up)
        found |= {name: shares[name] for name in names if name in shares}
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def _shares(trials: Sequence[Trial], space: Space, *, up: bool) -> dict[str, float]:
    """Return the share of each name that all of these trials have."""
    if len(trials) < FEWEST_FOR_IMPORTANCE or len({trial.value for trial in trials}) < 2:
        return {}
    memory = optuna.create_study(direction="maximize" if up else "minimize")
    distributions = wide_distributions(trials, space)
    for trial in trials:
        memory.add_trial(
            optuna.trial.create_trial(
                value=trial.value,
                params=trial.params,
                distributions={name: distributions[name] for name in trial.params},
            )
        )
    evaluator = FanovaImportanceEvaluator(n_trees=NUM_TREES, max_depth=TREE_DEPTH, seed=0)
    found = get_param_importances(memory, evaluator=evaluator)
    return {name: float(share) for name, share in found.items()}
