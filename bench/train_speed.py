"""What a training step costs in goodfit and in the loops that people use, side by side.

python -m bench.train_speed --fashion-mnist DIR
"""

import argparse
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from bench.contenders import CONTENDER_NAMES, CONTENDERS
from bench.data_folder import fashion_mnist_folder
from bench.problems import FASHION_TASKS, PROBLEM_NAMES, Problem, load_problem
from bench.report import RESULTS, header, print_header, print_table, progress, write_json
from bench.timing import (
    BASELINE,
    Job,
    Sample,
    measure,
    rounds,
    start_worker,
    summarise,
    time_training,
)

HEADS = (
    "contender",
    "cpu us/step",
    "min..max",
    f"x {BASELINE}",
    "wall us/step",
    "min..max",
    "fixed cpu ms",
    "last loss",
)

Workers = Mapping[str, ProcessPoolExecutor]


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.train_speed", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="rounds; medians are reported")
    parser.add_argument("--threads", type=int, default=1, help="torch threads of each contender")
    parser.add_argument("--problems", nargs="+", choices=PROBLEM_NAMES, default=PROBLEM_NAMES)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDER_NAMES, default=CONTENDER_NAMES)
    parser.add_argument("--fashion-mnist", type=Path, help="folder of the four .gz files")
    parser.add_argument("--output", type=Path, default=RESULTS / "train_speed.json")
    return parser.parse_args()


def warm_up(workers: Workers, problem: str, folder: Path | None) -> Iterator[tuple[str, str]]:
    """Train one epoch everywhere; gives the contenders that cannot take part, and why."""
    for name, worker in workers.items():
        progress(f"{problem}: warm-up of {name}")
        try:
            worker.submit(time_training, Job(name, problem, folder, epochs=1, seed=0)).result()
        except (ImportError, NotImplementedError) as error:
            yield name, f"{type(error).__name__}: {error}"


def run_rounds(
    workers: Workers, problem: Problem, folder: Path | None, repeats: int
) -> dict[str, list[Sample]]:
    """Time every contender in every round; the round's number is its seed."""
    samples: dict[str, list[Sample]] = {name: [] for name in workers}
    for number, name in rounds(list(workers), repeats):
        progress(f"{problem.name}: round {number + 1} of {repeats}, {name}")
        job = Job(name, problem.name, folder, epochs=1, seed=number)
        samples[name].append(measure(workers[name], job, problem))
    return samples


def run_problem(workers: Workers, name: str, folder: Path | None, repeats: int) -> dict:
    """All contenders on one problem: its facts, and a result or a reason for each contender."""
    problem = load_problem(name, folder)
    skipped = dict(warm_up(workers, name, folder))
    able = {key: worker for key, worker in workers.items() if key not in skipped}
    samples = run_rounds(able, problem, folder, repeats) if able else {}
    baseline = samples.get(BASELINE, [])
    results = {key: summarise(values, baseline) for key, values in samples.items()}
    return {
        "problem": name,
        "num_samples": len(problem.x),
        "batch_size": problem.batch_size,
        "steps_per_epoch": problem.steps_per_epoch,
        "timed_epochs": problem.epochs,
        "lr": problem.lr,
        "results": results,
        "skipped": skipped,
    }


def span(spread: Mapping[str, float]) -> str:
    """Smallest and largest as text."""
    return f"{spread['low']:,.0f}..{spread['high']:,.0f}"


def row(name: str, result: Mapping[str, Mapping[str, float]]) -> list[str]:
    """One contender's line of the table."""
    cpu, wall = result["cpu_us_per_step"], result["wall_us_per_step"]
    ratio = result.get("cpu_ratio")
    return [
        name,
        f"{cpu['median']:,.0f}",
        span(cpu),
        f"{ratio['median']:.2f}" if ratio else "-",
        f"{wall['median']:,.0f}",
        span(wall),
        f"{round(result['cpu_fixed_ms']['median']):,}",
        f"{result['loss']['median']:.4f}",
    ]


def show(problem: Mapping) -> None:
    """Print one problem's table, and below it who was skipped."""
    title = (
        f"{problem['problem']}: {problem['steps_per_epoch']} steps per epoch, "
        f"{problem['timed_epochs']} epochs timed after the first"
    )
    print_table(title, HEADS, [row(name, result) for name, result in problem["results"].items()])
    for name, reason in problem["skipped"].items():
        print(f"skipped: {name} ({reason})")


def main() -> None:
    """Run, print and write."""
    options = parse_arguments()
    needs_folder = set(options.problems) & set(FASHION_TASKS)
    folder = fashion_mnist_folder(options.fashion_mnist) if needs_folder else None
    packages = dict.fromkeys(contender.package for contender in CONTENDERS)
    content = header("bench.train_speed", vars(options), [*packages])
    content |= {"n": options.repeats, "threads": options.threads, "problems": []}
    print_header(content)
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(start_worker(options.threads)) for name in options.contenders
        }
        for name in options.problems:
            content["problems"].append(run_problem(workers, name, folder, options.repeats))
            show(content["problems"][-1])
    write_json(options.output, content)


if __name__ == "__main__":
    main()
