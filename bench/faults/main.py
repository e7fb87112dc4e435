"""The command: run, tabulate, write."""

from functools import partial
from pathlib import Path
from typing import Any

from bench.faults.run import (
    cases_named,
    one_thread,
    parse_arguments,
    read_results,
    run_all,
    run_case,
)
from bench.faults.show import show
from bench.faults.table import as_json, markdown, summary
from bench.report import RESULTS, header, write_json

PACKAGES = ("goodfit", "torch", "numpy", "scikit-learn")


def facts_of(
    *, part: str, processes: int, module: str = "bench.faults", **flags: bool
) -> dict[str, Any]:
    """Command, machine, versions; by name only, so that no value can take another's place."""
    facts = header(module, {"part": part, "processes": processes}, PACKAGES)
    facts["command"] += "".join(f" --{name}" for name, given in flags.items() if given)
    return {**facts, "part": part, **flags}


def output_of(records: Path | None, part: str) -> Path:
    """Where the table goes: beside records that were named, else among the results."""
    return records or RESULTS / f"faults_{part.replace('-', '_')}.json"


def main() -> None:
    """Run what is asked for."""
    options = parse_arguments()
    if options.case:
        one_thread()
        show(options.case)
        return
    path: Path = options.records or RESULTS / "faults" / f"{options.part}.jsonl"
    flags = {"quick": options.quick, "healthy": options.healthy}
    numbers = {"first-seed": options.first_seed, "most": options.most}
    facts = facts_of(part=options.part, processes=options.processes, **flags)
    facts["command"] += "".join(f" --{name} {n}" for name, n in numbers.items() if n)
    cases = cases_named(options)
    run_all(cases, path, options.processes, partial(run_case, histories=options.histories))
    keys = {case.key for case in cases}
    records = [record for record in read_results(path) if record["key"] in keys]
    text = markdown(facts, records)
    print(text)
    path.with_suffix(".summary.txt").write_text(summary(records), encoding="utf-8")
    out = output_of(options.records, options.part)
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    write_json(out.with_suffix(".json"), as_json(facts, records))


if __name__ == "__main__":
    main()
