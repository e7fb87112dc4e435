"""Judge stored histories again, after a rule was changed: seconds instead of a run of the bench.

python -m bench.faults.rejudge RECORDS.jsonl HISTORIES [WORD]

Takes the findings of the checks from the records and those of the rules anew, at each checkpoint.
With a word, only keys that hold it, each with its findings in full.
"""

import gzip
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.faults.measure import overall
from bench.faults.one import brief
from bench.faults.run import read_results
from bench.faults.table import summary
from goodfit import DataError
from goodfit.diagnosis import by_cause, findings
from goodfit.records import Finding, History


def stored(folder: Path, key: str) -> dict[str, History]:
    """The histories of a case, by percentage of the run, and at its end."""
    file = folder / (key.replace("/", "!") + ".json.gz")
    if not file.is_file():
        raise DataError(
            "No history is stored for a case of the records.",
            given=file,
            do="Run the bench with --histories, and give the same folder here.",
        )
    content = json.loads(gzip.decompress(file.read_bytes()))
    if "end" not in content:
        raise DataError(
            "The histories are of the older format: one history a file, not one for each"
            " checkpoint of the run.",
            given=file,
            do="Run the bench again with --records and --histories.",
        )
    return {place: History.from_json(values) for place, values in content.items()}


def found_anew(record: Mapping[str, Any], folder: Path) -> dict[str, tuple[Finding, ...]]:
    """The findings of the checks as they were, and of the rules as they are now."""
    checked = [Finding.from_json(values) for values in record["checked"]]
    histories = stored(folder, record["key"])
    return {place: by_cause([*checked, *findings(h)]) for place, h in histories.items()}


def rejudged(record: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A record with new findings at each checkpoint and at the end."""
    found = {k: [brief(f) for f in each] for k, each in found_anew(record, folder).items()}
    before = [brief(f) for f in by_cause(Finding.from_json(v) for v in record["checked"])]
    return {**record, "before": before, "found": found.pop("end"), "during": found}


def main() -> None:
    """Print shares, and what is missed or misnamed."""
    records, folder = read_results(Path(sys.argv[1])), Path(sys.argv[2])
    if len(sys.argv) > 3:
        for record in (r for r in records if sys.argv[3] in r["key"]):
            print(record["key"], *found_anew(record, folder)["end"], sep="\n  ")
        return
    fresh = [rejudged(record, folder) for record in records]
    with Path(sys.argv[1]).with_suffix(".rejudged.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in fresh)
    print(summary(fresh))
    for name, share in overall(fresh).items():
        print(f"{name}: {share}")


if __name__ == "__main__":
    main()
