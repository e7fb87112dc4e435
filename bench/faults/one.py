"""One case: check, then train while watching, then what was found; and the same run unwatched."""

import gzip
import json
import math
import time
import warnings
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from bench.faults.cases import Case, program_of
from bench.faults.oracle import WORST, Outcome, judge
from bench.faults.program import NOBODY, Script, start, train
from goodfit import GoodfitError
from goodfit.adapters import Watch, watch
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
    """Reads findings and history at the checkpoints of a run, and keeps the time this takes."""

    def __init__(self, num_steps: int, first: list[Finding], watching: Watch) -> None:
        self.at = {max(1, math.ceil(p * num_steps / 100)): p for p in reversed(CHECKPOINTS)}
        self.first, self.watching, self.spent_s = first, watching, 0.0
        self.seen: dict[str, list[dict[str, Any]]] = {}
        self.histories: dict[str, History] = {}

    def __call__(self, step: int) -> None:
        """Note what stands at this step, if it is a checkpoint."""
        if step in self.at:
            begin = time.perf_counter()
            place = str(self.at[step])
            found = by_cause([*self.first, *self.watching.findings])
            self.seen[place] = [brief(f) for f in found]
            self.histories[place] = self.watching.history
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
    """A finished run: what it was, how it came out, what was found, its histories."""

    script: Script
    outcome: Outcome
    first: list[Finding]
    last: tuple[Finding, ...]
    histories: dict[str, History]
    facts: dict[str, Any]


def watched(case: Case) -> Watched:
    """Run a case as a user of Goodfit would."""
    script, begin = start(program_of(case), case.seed), time.perf_counter()
    first, check_error = checked(script)
    check_s, error, begin = time.perf_counter() - begin, "", time.process_time()
    told = script.loss_fn if isinstance(script.loss_fn, nn.Module) else None
    with watch(script.net, script.optimizer, told, say=no_one) as watching:
        taps = Taps(script.num_steps, first, watching)
        try:
            train(script, watching, taps)
        except STEP_ERRORS as raised:
            error = f"{type(raised).__name__}: {raised}"
    run_s = time.process_time() - begin - taps.spent_s
    facts = {"error": error, "check_error": check_error, "check_s": check_s, "run_s": run_s}
    facts |= {"during": taps.seen, "tap_s": taps.spent_s}
    last = by_cause([*first, *watching.findings])
    taps.histories["end"] = watching.history
    return Watched(script, outcome_of(script, error), first, last, taps.histories, facts)


def keep_histories(folder: Path, case: Case, histories: dict[str, History]) -> None:
    """Store what the history was at each checkpoint, so that rules can be judged on it again."""
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps({place: h.to_json() for place, h in histories.items()}).encode()
    (folder / (case.key.replace("/", "!") + ".json.gz")).write_bytes(gzip.compress(content))


def run_watched(case: Case, histories: Path | None = None) -> dict[str, Any]:
    """Run a case and return its record for the results."""
    with quiet():
        run = watched(case)
    if histories is not None:
        keep_histories(histories, case, run.histories)
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
