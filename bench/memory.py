"""Peak resident memory of one epoch over all 60,000 Fashion-MNIST images.

    python -m bench.memory --fashion-mnist DIR

Each figure is `ru_maxrss` of a fresh process. Linux counts in it what the parent held when it
started the child, so this module imports neither torch nor NumPy.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.data_folder import fashion_mnist_folder
from bench.report import RESULTS, Spread, header, print_header, print_table, progress, write_json

PROBLEMS = ("fashion-mlp-b128", "fashion-cnn-b128")
CASES = {
    "imports": "torch imported, the network built, no data, no training",
    "plain_uint8": "tutorial loop; images held as uint8, standardised batch by batch",
    "plain_float32": "tutorial loop; all images held standardised as float32",
    "goodfit": "goodfit",
}


def run_case(case: str, problem: str, folder: Path, threads: int) -> dict:
    """Run one case in a process of its own; gives its peak in MiB and its training loss."""
    words = [sys.executable, "-m", "bench.memory_cases", case, problem, str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{case} on {problem} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(problem: str, folder: Path, options: argparse.Namespace) -> dict:
    """All cases on one problem, rounds interleaved."""
    runs: dict[str, list[dict]] = {case: [] for case in CASES}
    for number in range(options.repeats):
        for case in CASES:
            progress(f"{problem}: round {number + 1} of {options.repeats}, {case}")
            runs[case].append(run_case(case, problem, folder, options.threads))
    skipped = {case: found[0]["skipped"] for case, found in runs.items() if "skipped" in found[0]}
    results = {case: summarise(found) for case, found in runs.items() if case not in skipped}
    return {"problem": problem, "results": results, "skipped": skipped}


def summarise(runs: Sequence[Mapping]) -> dict:
    """Median and spread of the peak, and the loss of the last run."""
    peaks = Spread.of([run["peak_mib"] for run in runs])
    return {"peak_mib": asdict(peaks), "loss": runs[-1]["loss"]}


def row(case: str, result: Mapping) -> list[str]:
    """One case's line of the table."""
    peak, loss = result["peak_mib"], result["loss"]
    span = f"{peak['low']:,.0f}..{peak['high']:,.0f}"
    return [case, f"{peak['median']:,.0f}", span, "-" if loss is None else f"{loss:.4f}"]


def show(problem: Mapping) -> None:
    """Print one problem's table, and below it who was skipped."""
    rows = [row(case, result) for case, result in problem["results"].items()]
    print_table(problem["problem"], ("case", "peak MiB", "min..max", "loss"), rows)
    for case, reason in problem["skipped"].items():
        print(f"skipped: {case} ({reason})")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="processes of each case")
    parser.add_argument("--threads", type=int, default=1, help="torch threads of each process")
    parser.add_argument("--fashion-mnist", type=Path, help="folder of the four .gz files")
    parser.add_argument("--output", type=Path, default=RESULTS / "memory.json")
    return parser.parse_args()


def main() -> None:
    """Run, print and write."""
    options = parse_arguments()
    folder = fashion_mnist_folder(options.fashion_mnist)
    content = header("bench.memory", vars(options), ["torch", "goodfit"]) | {"cases": CASES}
    print_header(content)
    content["n"] = options.repeats
    content["problems"] = []
    for problem in PROBLEMS:
        content["problems"].append(measure(problem, folder, options))
        show(content["problems"][-1])
    write_json(options.output, content)


if __name__ == "__main__":
    main()
