"""The numbers of a bench as Markdown, as JSON, and as a list of what went wrong."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.faults.measure import (
    Planted,
    Record,
    alarms,
    confusion,
    costs,
    count,
    kinds,
    names,
    overall,
    planted_runs,
    stages,
    wilson,
)


def row(cells: Sequence[object]) -> str:
    """One line of a Markdown table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A Markdown table."""
    return [row(heads), row(["---"] * len(heads)), *map(row, rows), ""]


def kind_row(name: str, planted: Sequence[Planted]) -> list[object]:
    """One fault's line: harmed, detected, named, when, and what it was taken for."""
    hurt = [p for p in planted if p.harmed]
    firsts = sorted(p.first for p in hurt if p.named and p.first is not None)
    wrong = ", ".join(f"{rule} {num}" for rule, num in confusion(planted).most_common(3))
    return [
        name,
        f"{len(hurt)}/{len(planted)}",
        sum(p.detected for p in hurt),
        sum(p.named for p in hurt),
        f"{firsts[len(firsts) // 2]} %" if firsts else "-",
        wrong or "-",
    ]


def markdown(facts: Mapping[str, Any], records: Sequence[Record]) -> str:
    """The whole table."""
    machine = ", ".join(f"{k} {v}" for k, v in facts["machine"].items())
    versions = ", ".join(f"{k} {v}" for k, v in facts["versions"].items())
    lines = [
        f"# Planted faults: {facts['part']} part",
        "",
        f"`{facts['command']}`, {facts['date']}; {machine}; {versions}.",
        "",
        *table(["", "share (95 % Wilson)"], [[k, v] for k, v in overall(records).items()]),
        *table(["cost", ""], [[k, f"{v:.3g}"] for k, v in costs(records).items()]),
        *table(
            ["fault", "harmed", "detected", "named right", "first at (median)", "first instead"],
            [kind_row(name, planted) for name, planted in kinds(records).items()],
        ),
    ]
    return "\n".join(lines)


def as_json(facts: Mapping[str, Any], records: Sequence[Record]) -> dict[str, Any]:
    """The same numbers as JSON values."""
    shares = {
        name: {"hits": s.hits, "num": s.num, "interval": wilson(s.hits, s.num)}
        for name, s in overall(records).items()
    }
    faults = {
        name: {
            "runs": len(planted),
            "harmed": sum(p.harmed for p in planted),
            "detected": count([p.detected for p in planted if p.harmed]).hits,
            "named_right": count([p.named for p in planted if p.harmed]).hits,
            "instead": dict(confusion(planted)),
        }
        for name, planted in kinds(records).items()
    }
    return {**facts, "shares": shares, "costs": costs(records), "faults": faults}


def wrong_lines(planted: Sequence[Planted]) -> Iterator[str]:
    """Missed and misnamed runs, one a line, with the key that repeats them."""
    for p in planted:
        if p.harmed and not (p.detected and p.named):
            kind = "MISSED" if not p.detected else "NAMED"
            found = names(p.record["found"])
            yield f"{kind:7s} {p.record['key']}  score {p.record['score']:.3f}  found {found}"


def alarm_lines(records: Sequence[Record]) -> Iterator[str]:
    """Healthy runs with a warning, one a line."""
    for record in records:
        at = {p: alarms(found) for p, found in stages(record) if alarms(found)}
        if not record["fault"] and at:
            first = next(iter(at))
            yield f"ALARM   {record['key']}  from {first} %: {at[first]}; all: {at}"


def summary(records: Sequence[Record]) -> str:
    """What a writer of rules wants to see."""
    broken = [f"CHECK FAILED {r['key']}: {r['check_error']}" for r in records if r["check_error"]]
    spared = [p for p in planted_runs(records) if not p.harmed and p.detected]
    return "\n".join(
        [
            "Repeat one with its history: python -m bench.faults --case KEY",
            "",
            *alarm_lines(records),
            "",
            *broken,
            *wrong_lines(planted_runs(records)),
            "",
            "Unharmed by the oracle, but with a warning (neither counts):",
            *(f"{p.record['key']}  {alarms(p.record['found'])}" for p in spared),
            "",
        ]
    )
