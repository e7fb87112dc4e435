"""What every benchmark states: machine, versions, command, spread; as a table and as JSON.

Imports the standard library only, so that a benchmark of memory or of start-up may use it.
"""

import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of the repeats, and the repeats themselves."""

    median: float
    low: float
    high: float
    samples: tuple[float, ...]

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Spread":
        """Summarise at least one sample."""
        return cls(statistics.median(samples), min(samples), max(samples), tuple(samples))

    def span(self, digits: int = 0) -> str:
        """`min..max` as text.

        >>> Spread.of([3.0, 1.0, 2.0]).span()
        '1..3'
        """
        return f"{self.low:.{digits}f}..{self.high:.{digits}f}"


def cpu_model() -> str:
    """The processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        lines = []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown")


def machine() -> dict[str, object]:
    """Processor, logical cores, system and Python, and how busy the machine is at this moment."""
    return {
        "cpu": cpu_model(),
        "logical_cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_average_1min": round(os.getloadavg()[0], 2),
    }


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Installed version of each package, `"not installed"` for one that is absent."""
    return {package: version(package) for package in packages}


def version(package: str) -> str:
    """Installed version of one package, read without importing it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def command_line(module: str, options: Mapping[str, object]) -> str:
    """The command that repeats a run; options that stand for a place on disk are left out.

    >>> command_line("bench.startup", {"repeats": 3, "output": Path("x.json")})
    'python -m bench.startup --repeats 3'
    """
    words = ["python", "-m", module]
    for name, value in options.items():
        if isinstance(value, Path) or value is None:
            continue
        values = value if isinstance(value, list | tuple) else [value]
        words += [f"--{name.replace('_', '-')}", *map(str, values)]
    return " ".join(words)


def header(module: str, options: Mapping[str, object], packages: Sequence[str]) -> dict:
    """The facts that stand at the top of each result: command, date, machine, versions."""
    return {
        "command": command_line(module, options),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(packages),
    }


def print_header(facts: Mapping) -> None:
    """Print command, machine and versions, one a line."""
    print(facts["command"])
    print(", ".join(f"{name} {value}" for name, value in facts["machine"].items()))
    print(", ".join(f"{name} {value}" for name, value in facts["versions"].items()))


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns, the first to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    print(f"\n{title}")
    for row in (heads, ["-" * width for width in widths], *rows):
        first, *others = (
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]).rstrip())


def progress(message: str) -> None:
    """Show where the run is on standard error; on a terminal, over the last message."""
    start, end = ("\r\x1b[K", "") if sys.stderr.isatty() else ("", "\n")
    print(f"{start}{message}", end=end, file=sys.stderr, flush=True)


def write_json(path: Path, content: Mapping) -> None:
    """Write JSON so that a reader finds the old file or the whole new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8"
    ) as file:
        json.dump(content, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    written = Path(file.name)
    written.chmod(0o644)
    written.replace(path)
    print(f"\nwritten: {path.name}")
