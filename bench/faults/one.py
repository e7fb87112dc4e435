"""One case: check, then train while watching, then what was found; and the same run unwatched."""

import gzip
import json
import math
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from bench.faults.cases import Case, program_of
from bench.faults.oracle import WORST, Outcome, judge
from bench.faults.program import NOBODY, Script, start, train
from goodfit import GoodfitError
from goodfit.adapters import watch
from goodfit.checks import check
from goodfit.diagnosis import by_cause
from goodfit.records import Finding, History

CHECKPOINTS = (1, 2, 5, 10, 20, 50, 100)
# What torch raises at a step of a broken program, as where a label is no class.
STEP_ERRORS = (RuntimeError, IndexError, ValueError, TypeError)


def brief(finding: Finding) -> dict[str, Any]:
    """What the results keep of a finding."""
    return {"rule": finding.rule, "severity": finding.severity, "where": finding.where}


def no_one(text: str) -> None:
    """Where the early words go, which cost what they cost a user."""


class Taps:
    """Reads the findings at the checkpoints of a run, and keeps the time that this takes."""

    def __init__(self, num_steps: int, findings: Callable[[], list[Finding]]) -> None:
        self.at = {max(1, math.ceil(p * num_steps / 100)): p for p in reversed(CHECKPOINTS)}
        self.findings, self.seen, self.spent_s = findings, {}, 0.0

    def __call__(self, step: int) -> None:
        """Note what stands at this step, if it is a checkpoint."""
        if step in self.at:
            begin = time.perf_counter()
            self.seen[str(self.at[step])] = [brief(f) for f in self.findings()]
            self.spent_s += time.perf_counter() - begin


@contextmanager
def quiet():
    """Ignore the warnings of broken programs; what they raise is the caller's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def outcome_of(script: Script, error: str) -> Outcome:
    """The oracle's outcome; a run that broke off is worth nothing."""
    return Outcome(WORST, 0.0) if error else judge(script)


def checked(script: Script) -> tuple[list[Finding], str]:
    """The findings before training, and the error where the check itself failed."""
    rows = script.parts.validation
    try:
        found = check(
            script.net,
            script.loss_fn,
            script.batches,
            optimizer=script.optimizer,
            validation=[(rows.x, rows.y)],
        )
    except (*STEP_ERRORS, GoodfitError) as error:
        return [], f"{type(error).__name__}: {error}"
    return list(found), ""


@dataclass
class Watched:
    """A finished run: what it was, how it came out, what was found, its history."""

    script: Script
    outcome: Outcome
    first: list[Finding]
    last: tuple[Finding, ...]
    history: History
    facts: dict[str, Any]


def watched(case: Case) -> Watched:
    """Run a case as a user of Goodfit would."""
    script, begin = start(program_of(case), case.seed), time.perf_counter()
    first, check_error = checked(script)
    check_s, error, begin = time.perf_counter() - begin, "", time.process_time()
    told = script.loss_fn if isinstance(script.loss_fn, nn.Module) else None
    with watch(script.net, script.optimizer, told, say=no_one) as watching:
        taps = Taps(script.num_steps, lambda: [*by_cause([*first, *watching.findings])])
        try:
            train(script, watching, taps)
        except STEP_ERRORS as raised:
            error = f"{type(raised).__name__}: {raised}"
    run_s = time.process_time() - begin - taps.spent_s
    facts = {"error": error, "check_error": check_error, "check_s": check_s, "run_s": run_s}
    facts |= {"during": taps.seen, "tap_s": taps.spent_s}
    last = by_cause([*first, *watching.findings])
    return Watched(script, outcome_of(script, error), first, last, watching.history, facts)


def keep_history(folder: Path, case: Case, history: History) -> None:
    """Store the history of a case, so that rules can be judged on it again."""
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(history.to_json()).encode()
    (folder / (case.key.replace("/", "!") + ".json.gz")).write_bytes(gzip.compress(content))


def run_watched(case: Case, histories: Path | None = None) -> dict[str, Any]:
    """Run a case and return its record for the results."""
    with quiet():
        run = watched(case)
    if histories is not None:
        keep_history(histories, case, run.history)
    return {
        **asdict(case),
        "key": case.key,
        **asdict(run.outcome),
        "num_steps": run.script.num_steps,
        **run.facts,
        "checked": [f.to_json() for f in run.first],
        "before": [brief(f) for f in by_cause(run.first)],
        "found": [brief(f) for f in run.last],
    }


def run_bare(case: Case) -> dict[str, Any]:
    """Run a case with nobody watching."""
    with quiet():
        script, error, begin = start(program_of(case), case.seed), "", time.process_time()
        try:
            train(script, NOBODY)
        except STEP_ERRORS as raised:
            error = f"{type(raised).__name__}: {raised}"
        run_s = time.process_time() - begin
        outcome = outcome_of(script, error)
    return {**asdict(case), "key": case.key, **asdict(outcome), "error": error, "run_s": run_s}
