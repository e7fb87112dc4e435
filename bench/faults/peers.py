"""What other tools say of the same runs.

python -m bench.faults.peers --part held-out

Published rules on a trace of the run (:mod:`.published`), and packages as their users run them
(:mod:`.packages`). Labels come from the same oracle: the records of ``bench.faults`` must be there.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.faults.cases import Case, cases_of, fault_of, program_of
from bench.faults.main import facts_of, output_of
from bench.faults.means import MEANS
from bench.faults.measure import Share, case_of, count, planted_runs, wilson
from bench.faults.one import STEP_ERRORS, quiet
from bench.faults.packages import IMPORTS, Guarded, Readers, installed, meanings
from bench.faults.program import start, train
from bench.faults.published import TOOLS, fired
from bench.faults.run import read_results, run_all
from bench.faults.table import table
from bench.faults.trace import Spy
from bench.report import RESULTS, versions, write_json

Said = dict[str, list[tuple[str, int]]]


def said_by_readers(case: Case) -> Said:
    """One run with those that only read."""
    script = start(program_of(case), case.seed)
    spy = Spy(script)
    readers = Readers(script, spy, installed())

    def tap(step: int) -> None:
        spy.step(step)
        readers.step(step)

    try:
        train(script, spy, tap)
        trace = spy.finish()
    except STEP_ERRORS:
        trace = spy.trace
        readers.broke_off()
    return {tool: fired(trace, tool) for tool in TOOLS} | readers.found()


def said_by_arc(case: Case) -> Said:
    """One run under ``arc.Controller``, which takes part in it."""
    there = installed()
    if "arc-training" not in there:
        return {}
    script = start(program_of(case), case.seed)
    guarded = Guarded(script, there["arc-training"])
    try:
        train(script)
    except STEP_ERRORS:
        pass
    finally:
        guarded.controller.close()
    return {"arc-training": guarded.log.found()}


def run_peers(case: Case) -> dict[str, Any]:
    """What all of them say of a case."""
    with quiet():
        return {"key": case.key, "said": said_by_readers(case) | said_by_arc(case)}


def right_names(label: str) -> tuple[str, ...]:
    """The catalogue names that a rule's or a message's label may stand for."""
    return MEANS.get(label) or meanings(label)


def peer_named(said: Sequence[Sequence[Any]], right: Sequence[str]) -> bool:
    """Whether one of the first two things said may stand for a right name."""
    return any(set(right_names(label)) & set(right) for label, _ in said[:2])


def numbers(tool: str, said: Mapping[str, Mapping], records: Sequence[Mapping]) -> dict[str, Share]:
    """Detected, named right and false alarms of one tool."""
    there = [r for r in records if tool in said.get(r["key"], {})]
    healthy = [bool(said[r["key"]][tool]) for r in there if not r["fault"]]
    hurt = [p for p in planted_runs(records) if p.harmed and p.record["key"] in said]
    hurt = [p for p in hurt if tool in said[p.record["key"]]]
    heard = [said[p.record["key"]][tool] for p in hurt]
    rights = [fault_of(case_of(p.record)).right for p in hurt]
    return {
        "detected": count([bool(h) for h in heard]),
        "named right": count([peer_named(h, r) for h, r in zip(heard, rights, strict=True)]),
        "false alarms": count(healthy),
    }


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults.peers", description=__doc__)
    parser.add_argument("--part", choices=("development", "held-out"), default="held-out")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--processes", type=int, default=1, choices=(1, 2))
    parser.add_argument("--records", type=Path, help="JSONL that bench.faults wrote")
    return parser.parse_args()


def main() -> None:
    """Run, print, write."""
    options = parse_arguments()
    labels: Path = options.records or RESULTS / "faults" / f"{options.part}.jsonl"
    path = labels.with_suffix(".peers.jsonl")
    cases = cases_of(options.part, quick=options.quick)
    run_all(cases, path, options.processes, run_peers)
    said = {record["key"]: record["said"] for record in read_results(path)}
    keys = {case.key for case in cases}
    records = [r for r in read_results(labels) if r["key"] in keys]
    tools = [*TOOLS, *installed()]
    shares = {tool: numbers(tool, said, records) for tool in tools}
    rows = [[tool, *map(str, found.values())] for tool, found in shares.items()]
    text = "\n".join(table(["tool", "detected", "named right", "false alarms"], rows))
    print(text)
    out = output_of(options.records and path, f"{options.part}-peers")
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    facts = facts_of(
        module="bench.faults.peers",
        part=options.part,
        processes=options.processes,
        quick=options.quick,
    )
    facts["versions"] |= versions([*IMPORTS])
    write_json(
        out.with_suffix(".json"),
        {
            **facts,
            "tools": {
                tool: {
                    name: {"hits": s.hits, "num": s.num, "interval": wilson(s.hits, s.num)}
                    for name, s in found.items()
                }
                for tool, found in shares.items()
            },
        },
    )


if __name__ == "__main__":
    main()
