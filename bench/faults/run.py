"""Run the bench of planted faults, case by case; it can be interrupted and goes on where it was.

python -m bench.faults --part development
"""

import argparse
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from bench.faults.cases import Case, at_new_seeds, cases_of
from bench.faults.one import run_bare, run_watched
from bench.report import progress

Runner = Callable[[Case], dict[str, Any]]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def one_thread() -> None:
    """Leave torch one thread in this process."""
    torch.set_num_threads(1)


def read_results(path: Path) -> list[dict[str, Any]]:
    """All records of a results file; a torn last line is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1] if line]


def whole_lines(path: Path) -> None:
    """Cut a torn last line off, so that the next record starts on a line of its own."""
    if path.exists():
        content = path.read_bytes()
        path.write_bytes(content[: content.rfind(b"\n") + 1])


def run_case(case: Case, histories: Path | None = None) -> dict[str, Any]:
    """Run one case; a healthy one also with nobody watching, for the overhead."""
    record = run_watched(case, histories)
    if not case.fault:
        bare = run_bare(case)
        record |= {"bare_s": bare["run_s"], "bare_score": bare["score"]}
    return record


def records(
    cases: Sequence[Case], processes: int, runner: Runner = run_case
) -> Iterator[dict[str, Any]]:
    """Run all cases, here or in several processes, and give their records as they come."""
    if processes == 1:
        one_thread()
        yield from map(runner, cases)
        return
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=one_thread)
    with pool:
        try:
            for done in as_completed([pool.submit(runner, case) for case in cases]):
                yield done.result()
        finally:  # One that failed ends them all, now and not after all others.
            pool.shutdown(wait=False, cancel_futures=True)


def run_all(cases: Sequence[Case], path: Path, processes: int, runner: Runner = run_case) -> None:
    """Run what the results do not hold yet, and append each record as soon as it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_lines(path)
    there = {record["key"] for record in read_results(path)}
    left = [case for case in cases if case.key not in there]
    with path.open("a", encoding="utf-8") as file:
        for number, record in enumerate(records(left, processes, runner), 1):
            file.write(json.dumps(record) + "\n")
            file.flush()
            progress(f"{number} of {len(left)}: {record['key']}")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--part", choices=("development", "held-out"), default="development")
    parser.add_argument("--quick", action="store_true", help="a subset, under 3 minutes")
    parser.add_argument("--healthy", action="store_true", help="the healthy runs alone")
    parser.add_argument("--first-seed", type=int, default=0, help="new cases: seeds from here on")
    parser.add_argument("--most", type=int, help="only so many cases, a random sample of all")
    parser.add_argument("--processes", type=int, default=1, choices=(1, 2))
    parser.add_argument("--records", type=Path, help="JSONL of the cases; resumed where it is")
    parser.add_argument("--histories", type=Path, help="folder to keep each case's history in")
    parser.add_argument("--case", help="run one case by its key, and print what was measured")
    return parser.parse_args()


def cases_named(options: argparse.Namespace) -> Sequence[Case]:
    """The cases that the options ask for."""
    cases = cases_of(options.part, quick=options.quick)
    cases = [case for case in cases if not case.fault] if options.healthy else cases
    return at_new_seeds(cases[: options.most], options.first_seed)
