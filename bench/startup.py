"""How long a person waits for goodfit to start, against Python and torch.

python -m bench.startup
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.report import RESULTS, Spread, header, print_header, print_table, progress, write_json

SCRIPT = Path(sys.executable).with_name("goodfit")
COMMANDS: dict[str, tuple[str, ...]] = {
    "python -c pass": (sys.executable, "-c", "pass"),
    'python -c "import torch"': (sys.executable, "-c", "import torch"),
    'python -c "import goodfit"': (sys.executable, "-c", "import goodfit"),
    "goodfit --help": (str(SCRIPT), "--help"),
}


def children_cpu_s() -> float:
    """Processor time of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def time_process(words: Sequence[str]) -> tuple[float, float]:
    """Wall and processor milliseconds of one whole process."""
    cpu, wall = children_cpu_s(), time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return (time.perf_counter() - wall) * 1e3, (children_cpu_s() - cpu) * 1e3


def why_not(words: Sequence[str]) -> str | None:
    """Run once, which also warms the disk cache; the last words of a command that fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except FileNotFoundError:
        return f"no command {Path(words[0]).name!r} beside this Python"
    return (done.stderr.splitlines() or ["no message"])[-1] if done.returncode else None


def run_rounds(names: Sequence[str], repeats: int) -> dict[str, dict]:
    """Time every command once in each round."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for number in range(repeats):
        for name in names:
            progress(f"round {number + 1} of {repeats}: {name}")
            times[name].append(time_process(COMMANDS[name]))
    return {name: summarise(pairs) for name, pairs in times.items()}


def summarise(pairs: Sequence[tuple[float, float]]) -> dict:
    """Medians and spreads of wall and processor time."""
    wall, cpu = zip(*pairs, strict=True)
    return {"wall_ms": asdict(Spread.of(wall)), "cpu_ms": asdict(Spread.of(cpu))}


def row(name: str, result: Mapping[str, Mapping[str, float]]) -> list[str]:
    """One command's line of the table."""
    wall, cpu = result["wall_ms"], result["cpu_ms"]
    span = f"{wall['low']:,.0f}..{wall['high']:,.0f}"
    return [name, f"{wall['median']:,.0f}", span, f"{cpu['median']:,.0f}"]


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench.startup", description=__doc__)
    parser.add_argument("--repeats", type=int, default=10, help="processes of each command")
    parser.add_argument("--output", type=Path, default=RESULTS / "startup.json")
    options = parser.parse_args()
    content = header("bench.startup", vars(options), ["torch", "goodfit"])
    print_header(content)
    reasons = {name: why_not(words) for name, words in COMMANDS.items()}
    content["skipped"] = {name: reason for name, reason in reasons.items() if reason}
    able = [name for name in COMMANDS if name not in content["skipped"]]
    content["n"] = options.repeats
    content["results"] = run_rounds(able, options.repeats)
    rows = [row(name, result) for name, result in content["results"].items()]
    print_table("start-up", ("command", "wall ms", "min..max", "cpu ms"), rows)
    for name, reason in content["skipped"].items():
        print(f"skipped: {name} ({reason})")
    write_json(options.output, content)


if __name__ == "__main__":
    main()
