"""From the records of a bench to its numbers."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.faults.cases import Case, fault_of
from bench.faults.one import CHECKPOINTS
from bench.faults.oracle import Outcome, Twin, harmed

Record = Mapping[str, Any]
# A finding is right when it is among the first two, one of which may be a symptom.
FIRST = 2
Z = 1.959964


def wilson(hits: int, num: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share.

    >>> [round(end, 3) for end in wilson(98, 100)]
    [0.93, 0.994]
    """
    if not num:
        return 0.0, 1.0
    share, square = hits / num, Z * Z
    centre = (share + square / (2 * num)) / (1 + square / num)
    half = Z / (1 + square / num) * math.sqrt(share * (1 - share) / num + square / (4 * num * num))
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True)
class Share:
    """How many of how many."""

    hits: int
    num: int

    def __str__(self) -> str:
        if not self.num:
            return "none"
        low, high = wilson(self.hits, self.num)
        return f"{self.hits}/{self.num} = {self.hits / self.num:.1%} ({low:.1%} to {high:.1%})"


def alarms(found: Sequence[Record]) -> list[str]:
    """Rules of the findings of severity warning or above, in order, each once."""
    return list(dict.fromkeys(f["rule"] for f in found if f["severity"] != "info"))


def names(found: Sequence[Record]) -> list[str]:
    """Rules of all findings in order, each once."""
    return list(dict.fromkeys(f["rule"] for f in found))


def named(found: Sequence[Record], right: Sequence[str], first: int = FIRST) -> bool:
    """Whether one of the right names is among the first two."""
    return bool(set(names(found)[:first]) & set(right))


def stages(record: Record) -> list[tuple[int, Sequence[Record]]]:
    """What stood at each percentage of the run; 0 is before training, 100 the end."""
    during = [(p, record["during"].get(str(p))) for p in CHECKPOINTS[:-1]]
    there = [(p, found) for p, found in during if found is not None]
    return [(0, record["before"]), *there, (100, record["found"])]


def first_right(record: Record, right: Sequence[str]) -> int | None:
    """The first percentage at which the right name stood among the first two."""
    return next((p for p, found in stages(record) if named(found, right)), None)


def outcome(record: Record) -> Outcome:
    """What the oracle saw."""
    return Outcome(record["score"], record["optimism"])


def twins(records: Sequence[Record]) -> dict[str, Twin]:
    """The healthy twin of each base that ran with two seeds or more."""
    outcomes = defaultdict(list)
    for record in records:
        if not record["fault"]:
            outcomes[record["base"]].append(outcome(record))
    return {base: Twin.of(found) for base, found in outcomes.items() if len(found) > 1}


def case_of(record: Record) -> Case:
    """The case of a record."""
    return Case.of_key(record["key"])


@dataclass(frozen=True)
class Planted:
    """A planted run, judged."""

    record: Record
    harmed: bool
    detected: bool
    named: bool
    near: bool
    first: int | None
    right: tuple[str, ...]


def judged(record: Record, twin: Twin) -> Planted:
    """Judge a planted run against its healthy twin."""
    fault, found = fault_of(case_of(record)), record["found"]
    return Planted(
        record,
        bool(record["error"]) or harmed(outcome(record), twin),
        bool(alarms(found)),
        named(found, fault.right),
        named(found, (*fault.right, *fault.near)),
        first_right(record, fault.right),
        fault.right,
    )


def planted_runs(records: Sequence[Record]) -> list[Planted]:
    """All planted runs whose base has a healthy twin."""
    known = twins(records)
    return [judged(r, known[r["base"]]) for r in records if r["fault"] and r["base"] in known]


def count(flags: Sequence[bool]) -> Share:
    """The share of those that hold."""
    return Share(sum(flags), len(flags))


def false_alarms(records: Sequence[Record]) -> dict[str, Share]:
    """Healthy runs with a warning: at the end, before training, or at any checkpoint."""
    healthy = [r for r in records if not r["fault"]]
    return {
        "at the end": count([bool(alarms(r["found"])) for r in healthy]),
        "before training": count([bool(alarms(r["before"])) for r in healthy]),
        "at any time": count([any(alarms(f) for _, f in stages(r)) for r in healthy]),
    }


def overall(records: Sequence[Record]) -> dict[str, Share]:
    """The numbers of the issue's goals."""
    planted = planted_runs(records)
    hurt = [p for p in planted if p.harmed]
    single = [p for p in hurt if " + " not in p.record["fault"]]
    pairs = [p for p in hurt if " + " in p.record["fault"]]
    right = [p for p in hurt if p.named and p.first is not None]
    spared = [p for p in planted if not p.harmed]
    alarmed = false_alarms(records)
    return {
        "detected": count([p.detected for p in hurt]),
        "named right": count([p.named for p in hurt]),
        "named right or by what follows from it": count([p.near for p in hurt]),
        "single faults named right": count([p.named for p in single]),
        "pairs, one of both named right": count([p.named for p in pairs]),
        "right within the first 5 % of the run": count([(p.first or 0) <= 5 for p in right]),
        "right before training": count([p.first == 0 for p in right]),
        **{f"false alarms {when}": share for when, share in alarmed.items()},
        "planted but unharmed": Share(len(spared), len(planted)),
        "unharmed with a warning": count([p.detected for p in spared]),
    }


def kinds(records: Sequence[Record]) -> dict[str, list[Planted]]:
    """Planted runs by fault."""
    found = defaultdict(list)
    for planted in planted_runs(records):
        found[planted.record["fault"]].append(planted)
    return dict(sorted(found.items()))


def confusion(planted: Sequence[Planted]) -> Counter[str]:
    """What stood first where the right name did not stand among the first two."""
    wrong = [p for p in planted if p.harmed and not p.named]
    return Counter((alarms(p.record["found"]) or ["nothing"])[0] for p in wrong)


def costs(records: Sequence[Record]) -> dict[str, float]:
    """Overhead on healthy runs (processor time, median of the pairs), seconds of the checks."""
    pairs = [(r["run_s"], r["bare_s"]) for r in records if "bare_s" in r]
    checks = [r["check_s"] for r in records]
    same = [r["score"] == r["bare_score"] for r in records if "bare_s" in r]
    return {
        "overhead, median": statistics.median(a / b for a, b in pairs) - 1 if pairs else math.nan,
        "overhead, all runs together": sum(a for a, _ in pairs) / sum(b for _, b in pairs) - 1
        if pairs
        else math.nan,
        "check, median s": statistics.median(checks),
        "check, longest s": max(checks),
        "healthy runs with the bits of an unwatched one": sum(same) / max(1, len(same)),
    }
