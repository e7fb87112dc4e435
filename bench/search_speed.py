"""How many trials a minute: goodfit's search and others, the same trials on the same cores.

python -m bench.search_speed
"""

import argparse
import tempfile
from pathlib import Path

from bench.report import RESULTS, header, print_header, write_json
from bench.search_contenders import SPEED, WORKERS
from bench.search_problems import digits_space, make_problem
from bench.search_table import run_rounds, show, summaries, write_files

BASELINE = "optuna"
NAMES = tuple(contender.name for contender in SPEED)
QUICK = {"trials": 16, "rounds": 1, "few": 4}


def parse_arguments() -> argparse.Namespace:
    """The command line; `--quick` lowers what is not given."""
    parser = argparse.ArgumentParser(prog="python -m bench.search_speed", description=__doc__)
    parser.add_argument("--trials", type=int, help="trials of each contender (256)")
    parser.add_argument("--few", type=int, help="trials of the slow ones (20), scaled")
    parser.add_argument("--rounds", type=int, help="rounds (3); medians are reported")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="these contenders")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK}, if not given")
    parser.add_argument("--output", type=Path, default=RESULTS / "search_speed.json")
    options = parser.parse_args()
    defaults = QUICK if options.quick else {"trials": 256, "rounds": 3, "few": 20}
    del options.quick
    for name, value in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def main() -> None:
    """Run, print and write."""
    options = parse_arguments()
    contenders = [one for one in SPEED if one.name in options.only]
    packages = dict.fromkeys(["torch", *(one.package for one in contenders)])
    content = header("bench.search_speed", vars(options), [*packages])
    print_header(content)
    problem = make_problem("digits-mlp-b32", digits_space(), trials=options.trials)
    title = (
        f"{problem.name}: MLP {'-'.join(map(str, problem.widths))}, {problem.epochs} epochs of "
        f"{len(problem.x):,} rows, {problem.steps} steps a trial, {WORKERS} cores, "
        f"n = {options.rounds}"
    )
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(problem, contenders, few=options.few, folder=Path(folder))
        runs, skipped = run_rounds("speed", problem.name, files, options.rounds)
    results = summaries(runs)
    show(title, results, contenders, skipped, baseline=BASELINE)
    facts = {"n": options.rounds, "problem": title, "results": results, "skipped": skipped}
    write_json(options.output, content | facts)


if __name__ == "__main__":
    main()
