"""Judge stored histories again, after a rule was changed: seconds instead of a run of the bench.

python -m bench.faults.rejudge RECORDS.jsonl HISTORIES [WORD]

Takes the findings of the checks from the records and those of the rules anew; what stood during
the run is left out. With a word, only keys that hold it, each with its findings in full.
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
from goodfit.diagnosis import by_cause, findings
from goodfit.records import Finding, History


def stored_history(folder: Path, key: str) -> History:
    """The history of a case."""
    content = gzip.decompress((folder / (key.replace("/", "!") + ".json.gz")).read_bytes())
    return History.from_json(json.loads(content))


def found_anew(record: Mapping[str, Any], folder: Path) -> tuple[Finding, ...]:
    """The findings of the checks as they were, and of the rules as they are now."""
    checked = [Finding.from_json(values) for values in record["checked"]]
    return by_cause([*checked, *findings(stored_history(folder, record["key"]))])


def rejudged(record: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A record with new findings at its end and none during the run."""
    found = [brief(finding) for finding in found_anew(record, folder)]
    return {**record, "found": found, "during": {}}


def main() -> None:
    """Print shares, and what is missed or misnamed."""
    records, folder = read_results(Path(sys.argv[1])), Path(sys.argv[2])
    if len(sys.argv) > 3:
        for record in (r for r in records if sys.argv[3] in r["key"]):
            print(record["key"], *found_anew(record, folder), sep="\n  ")
        return
    fresh = [rejudged(record, folder) for record in records]
    print(summary(fresh))
    for name, share in overall(fresh).items():
        print(f"{name}: {share}")


if __name__ == "__main__":
    main()
