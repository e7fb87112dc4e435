"""Labels by what the tool does not see: a sealed part, and the healthy twin's spread over seeds."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.faults.program import Script, answer, decisions, r2

# A loss of less than this is nothing that a user would call harm, however small the spread.
SMALLEST_HARM = 0.02
NUM_DEVIATIONS = 3.0
WORST = -1.0


@dataclass(frozen=True)
class Outcome:
    """What a run is worth: ``score`` on the sealed part, and by how much its own validation
    score promised more (``optimism``). Balanced accuracy, or R2 cut off at -1."""

    score: float
    optimism: float


@dataclass(frozen=True)
class Twin:
    """The healthy twin over its seeds."""

    score_mean: float
    score_sd: float
    optimism_mean: float
    optimism_sd: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> "Twin":
        """Summarise at least two healthy outcomes."""
        scores, optimisms = [o.score for o in outcomes], [o.optimism for o in outcomes]
        return cls(
            statistics.mean(scores),
            statistics.stdev(scores),
            statistics.mean(optimisms),
            statistics.stdev(optimisms),
        )


def sealed_score(script: Script, part: str = "sealed") -> float:
    """Balanced accuracy or R2 on a part, evaluated as the program itself evaluates."""
    rows = getattr(script.parts, part)
    outputs = answer(script, rows.x)
    if script.program.task == "regression":
        y = rows.y.reshape(len(rows), -1)
        score = r2(outputs.reshape(len(outputs), -1)[: len(y)], y)
        return max(score, WORST) if math.isfinite(score) else WORST
    hits = (decisions(script.program, outputs) == rows.y.flatten()).float()
    classes = rows.y.flatten().unique()
    return float(sum(hits[rows.y.flatten() == k].mean() for k in classes) / len(classes))


def judge(script: Script) -> Outcome:
    """The outcome of a run that came to its end."""
    score = sealed_score(script)
    return Outcome(score, sealed_score(script, "validation") - score)


def harmed(outcome: Outcome, twin: Twin) -> bool:
    """Whether a planted run is worse than its healthy twin, or promises more than it holds.

    Worse: below the twin's mean by more than 3 standard deviations and by more than 0.02; a
    validation score that exceeds the sealed one by as much more than the twin's does misleads.

    >>> twin = Twin(0.95, 0.004, 0.0, 0.004)
    >>> harmed(Outcome(0.94, 0.0), twin), harmed(Outcome(0.92, 0.0), twin)
    (False, True)
    >>> harmed(Outcome(0.95, 0.06), twin)
    True
    """
    lost = twin.score_mean - outcome.score
    misled = outcome.optimism - twin.optimism_mean
    return lost > max(SMALLEST_HARM, NUM_DEVIATIONS * twin.score_sd) or misled > max(
        SMALLEST_HARM, NUM_DEVIATIONS * twin.optimism_sd
    )
