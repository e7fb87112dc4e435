"""Rounds of searches, and their table: what the benchmarks of a search share."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from bench.report import Spread, print_table, progress
from bench.search_contenders import SearchContender
from bench.search_problems import SearchProblem
from bench.search_process import in_own_process
from bench.timing import rounds

REFERENCE = "pool"
EQUAL_WITHIN = 0.01
RATED = ("goodfit", "goodfit-trials")
NOTES = (
    "trials/min by wall time; ratios are taken within a round, above 1 is cheaper. preparing s: "
    "of the wall time, spent on tracing or compiling.",
    f"best, mean: validation accuracy after the last epoch. as {REFERENCE}: share of trials within "
    f"{EQUAL_WITHIN} of the {REFERENCE}'s; those that draw their own weights or batches differ.",
)

Files = Mapping[str, Path]


def write_files(
    problem: SearchProblem, contenders: Sequence[SearchContender], *, few: int, folder: Path
) -> dict[str, Path]:
    """Write the problem for each contender; the slow ones get the first `few` configurations."""
    whole, short = folder / "whole.pt", folder / "short.pt"
    problem.save(whole)
    replace(problem, configs=problem.configs[:few]).save(short)
    return {one.name: short if one.slow else whole for one in contenders}


def run_rounds(family: str, title: str, files: Files, repeats: int) -> tuple[dict, dict[str, str]]:
    """Run every contender in every round; gives runs by name, and why some are left out."""
    runs: dict[str, list[dict]] = {name: [] for name in files}
    skipped: dict[str, str] = {}
    for number, name in rounds(list(files), repeats):
        if name in skipped:
            continue
        progress(f"{title}: round {number + 1} of {repeats}, {name}")
        found = in_own_process(family, name, files[name])
        if "skipped" in found:
            skipped[name] = found["skipped"]
        else:
            runs[name].append(found)
    return {name: found for name, found in runs.items() if found}, skipped


def each(run: Mapping, field: str) -> float:
    """Seconds of a trial."""
    return run[field] / run["trials"]


def ratios(runs: Sequence[Mapping], others: Sequence[Mapping], field: str) -> dict:
    """How many times cheaper a trial is than another's, round by round."""
    pairs = zip(runs, others, strict=True)
    return asdict(Spread.of([each(other, field) / each(run, field) for run, other in pairs]))


def equal_share(run: Mapping, reference: Mapping) -> float:
    """The share of trials that end where the reference's do."""
    pairs = list(zip(run["accuracies"], reference["accuracies"], strict=False))
    return statistics.fmean(abs(a - b) <= EQUAL_WITHIN for a, b in pairs)


def summarise(runs: Sequence[Mapping], all_runs: Mapping[str, Sequence[Mapping]]) -> dict:
    """A contender's medians and spreads, and the last round's accuracies."""
    last = runs[-1]
    found = {
        "trials": last["trials"],
        "trials_per_minute": asdict(Spread.of([60 / each(run, "wall_s") for run in runs])),
        "cpu_ms_per_trial": asdict(Spread.of([1e3 * each(run, "cpu_s") for run in runs])),
        "wall_s": asdict(Spread.of([run["wall_s"] for run in runs])),
        "extras": {k: statistics.median(run["extras"][k] for run in runs) for k in last["extras"]},
        "ratios": {
            name: {kind: ratios(runs, others, f"{kind}_s") for kind in ("wall", "cpu")}
            for name, others in all_runs.items()
            if len(others) == len(runs)
        },
    }
    if REFERENCE in all_runs:
        found["equal"] = equal_share(last, all_runs[REFERENCE][-1])
    return found | {name: last[name] for name in ("best", "mean", "accuracies")}


def summaries(runs: Mapping[str, Sequence[Mapping]]) -> dict[str, dict]:
    """All contenders'."""
    return {name: summarise(found, runs) for name, found in runs.items()}


def heads(baseline: str) -> tuple[str, ...]:
    """The table's columns."""
    return (
        *("contender", "trials", "trials/min", "min..max", f"x {baseline}"),
        *("cpu ms/trial", f"cpu x {baseline}", "preparing s", "best", "mean", f"as {REFERENCE}"),
    )


def row(name: str, result: Mapping, baseline: str) -> list[str]:
    """One contender's line."""
    rate, ratio = result["trials_per_minute"], result["ratios"].get(baseline)
    preparing = result["extras"].get("preparing_s")
    return [
        name,
        str(result["trials"]),
        f"{rate['median']:,.0f}",
        f"{rate['low']:,.0f}..{rate['high']:,.0f}",
        f"{ratio['wall']['median']:.2f}" if ratio else "-",
        f"{result['cpu_ms_per_trial']['median']:,.1f}",
        f"{ratio['cpu']['median']:.2f}" if ratio else "-",
        "-" if preparing is None else f"{preparing:.2f}",
        f"{result['best']:.4f}",
        f"{result['mean']:.4f}",
        f"{result['equal']:.0%}" if "equal" in result else "-",
    ]


def show(
    title: str,
    results: Mapping[str, Mapping],
    contenders: Sequence[SearchContender],
    skipped: Mapping[str, str],
    *,
    baseline: str,
) -> None:
    """Print the table, what the names mean, who ran fewer trials and who was left out."""
    lines = [row(name, result, baseline) for name, result in results.items()]
    print_table(title, heads(baseline), lines)
    for line in NOTES:
        print(line)
    for one in contenders:
        if one.name in results:
            fewer = f"; {results[one.name]['trials']} trials, scaled" if one.slow else ""
            left = results[one.name]["extras"].get("dropped")
            dropped = f"; {left:.0f} trials dropped early" if left else ""
            print(f"{one.name}: {one.text}{fewer}{dropped}")
    for name, reason in skipped.items():
        print(f"left out: {name} ({reason})")
    show_ratios(results)


def show_ratios(results: Mapping[str, Mapping]) -> None:
    """Print how goodfit stands against each of the others."""
    for name in RATED:
        against = results.get(name, {}).get("ratios", {})
        words = [
            f"{other} {found['wall']['median']:.1f}"
            for other, found in against.items()
            if not other.startswith("goodfit")
        ]
        if words:
            print(f"{name}, times faster by wall time than: {', '.join(words)}")
