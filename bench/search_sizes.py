"""Searches of networks that are not tiny: an MLP and a CNN on Fashion-MNIST.

python -m bench.search_sizes --fashion-mnist DIR
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.data_folder import fashion_mnist_folder
from bench.report import RESULTS, header, print_header, progress, write_json
from bench.search_arithmetic import arithmetic_of
from bench.search_contenders import SIZES, WORKERS, SearchContender
from bench.search_problems import SearchProblem, fashion_space, make_problem, write_share
from bench.search_table import run_rounds, show, summaries, write_files

NAMES = tuple(contender.name for contender in SIZES)
TRIALS = {"mlp": 64, "cnn": 32}
# On the same two cores, as the others.
BASELINE = "optuna-2"


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.search_sizes", description=__doc__)
    parser.add_argument("--networks", nargs="+", choices=[*TRIALS], default=[*TRIALS])
    parser.add_argument("--trials", type=int, help=f"trials of each network ({TRIALS})")
    parser.add_argument("--share", type=float, default=1.0, help="share of the images, for all")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; medians are reported")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="these contenders")
    parser.add_argument("--fashion-mnist", type=Path, help="folder of the four .gz files")
    parser.add_argument("--output", type=Path, default=RESULTS / "search_sizes.json")
    options = parser.parse_args()
    if not 0.0 < options.share <= 1.0:
        parser.error("--share lies above 0 and is at most 1")
    return options


def title_of(problem: SearchProblem, share: float) -> str:
    """What is trained, on how much."""
    kind = "-".join(map(str, problem.widths)) if problem.widths else "two 3x3 convolutions"
    part = "" if share == 1.0 else f" ({share:.0%} of the images: a quick run)"
    return (
        f"{problem.name}: {kind}, {problem.epochs} epochs of {len(problem.x):,} rows{part}, "
        f"{problem.steps} steps a trial, {WORKERS} cores"
    )


def floor_words(arithmetic: Mapping[str, float], steps: int) -> str:
    """The bound in words: trials a minute if a step were its products and convolutions alone."""
    return (
        f"a step is {arithmetic['mflop_per_step']:,.0f} MFLOP in products and convolutions, which "
        f"take {arithmetic['products_ms_per_step']:.2f} ms alone on one thread "
        f"({arithmetic['gflop_per_s']:.0f} GFLOP/s; the largest "
        f"{arithmetic['gflop_per_s_largest']:.0f}); {WORKERS} cores that did nothing else would "
        f"train {most_per_minute(arithmetic, steps):,.0f} trials a minute"
    )


def most_per_minute(arithmetic: Mapping[str, float], steps: int) -> float:
    """Trials a minute that the arithmetic allows."""
    return 60e3 * WORKERS / (steps * arithmetic["products_ms_per_step"])


def run_network(
    kind: str, images: Path, contenders: Sequence[SearchContender], options: argparse.Namespace
) -> dict:
    """All contenders on one network, and the floor under it; prints the table."""
    trials = options.trials or TRIALS[kind]
    problem = make_problem(f"fashion-{kind}", fashion_space(kind, images), trials=trials)
    arithmetic, title = arithmetic_of(problem), title_of(problem, options.share)
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(problem, contenders, few=trials, folder=Path(folder))
        runs, skipped = run_rounds("sizes", problem.name, files, options.rounds)
    results = summaries(runs)
    show(f"{title}, n = {options.rounds}", results, contenders, skipped, baseline=BASELINE)
    print(floor_words(arithmetic, problem.steps))
    return {
        "problem": title,
        "steps": problem.steps,
        "arithmetic": arithmetic,
        "results": results,
        "skipped": skipped,
    }


def main() -> None:
    """Run, print and write."""
    options = parse_arguments()
    source = fashion_mnist_folder(options.fashion_mnist)
    contenders = [one for one in SIZES if one.name in options.only]
    content = header("bench.search_sizes", vars(options), ["torch", "goodfit", "optuna"])
    print_header(content)
    content |= {"n": options.rounds, "networks": {}}
    with tempfile.TemporaryDirectory() as folder:
        images = source
        if options.share < 1.0:
            progress("writing the share of the images")
            images = write_share(source, Path(folder), options.share)
        for kind in options.networks:
            content["networks"][kind] = run_network(kind, images, contenders, options)
    write_json(options.output, content)


if __name__ == "__main__":
    main()
