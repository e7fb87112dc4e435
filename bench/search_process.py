"""One contender's search, timed in a process of its own; a JSON object is the last line printed.

    python -m bench.search_process FAMILY CONTENDER FILE

In a file by itself because its process imports nothing but this contender.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from bench.search_contenders import SIZES, SPEED, SearchContender

ROOT = Path(__file__).parent.parent
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SETS = {"speed": SPEED, "sizes": SIZES}
LONGEST_ERROR = 400


def contender_of(family: str, name: str) -> SearchContender:
    """A contender by name."""
    return next(found for found in SETS[family] if found.name == name)


def run_search(contender: SearchContender, file: Path) -> dict:
    """Make ready, search, time; gives seconds, accuracies and what the contender adds."""
    from bench.search_cost import cost_of  # noqa: PLC0415 - not in the parent
    from bench.search_problems import SearchProblem  # noqa: PLC0415 - imports torch

    problem = SearchProblem.load(file)
    with contender.ready()(problem, **contender.options) as search:
        found, cost = cost_of(search, buries=contender.buries)
    return {
        "trials": len(found.accuracies),
        "wall_s": cost.wall_s,
        "cpu_s": cost.cpu_s,
        "best": max(found.accuracies),
        "mean": statistics.fmean(found.accuracies),
        "accuracies": found.accuracies,
        "extras": dict(found.extras),
    }


def in_own_process(family: str, name: str, file: Path) -> dict:
    """Run a contender in a fresh process with one thread for each worker.

    Gives what `run_search` gives, or `{"skipped": reason}` for one whose package is absent.
    """
    words = [sys.executable, "-m", "bench.search_process", family, name, str(file)]
    with tempfile.TemporaryDirectory() as caches:
        environment = os.environ | dict.fromkeys(THREAD_VARIABLES, "1")
        # Nobody finds what an earlier round has compiled; workers import what their parent does.
        environment |= {"TORCHINDUCTOR_CACHE_DIR": caches, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Run the contender that the command line names."""
    family, name, file = sys.argv[1:]
    try:
        found = run_search(contender_of(family, name), Path(file))
    except ImportError as error:
        traceback.print_exc()
        found = {"skipped": f"{type(error).__name__}: {error}"[:LONGEST_ERROR]}
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
