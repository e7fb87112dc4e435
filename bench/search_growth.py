"""How a search's time and memory grow: with trials, with parameters, with data.

    python -m bench.search_growth [--quick]

Each point is a search of its own in a fresh process: random rates, AdamW, an MLP, batch 32, one
core a worker. Draws a picture of each into `results/`.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence

from bench.report import RESULTS, header, print_header, print_table, write_json

DIGITS = {"trials": 256, "hidden": [64, 64], "rows": 0, "epochs": 5}
SERIES: Mapping[str, Sequence[Mapping[str, object]]] = {
    "trials": [DIGITS | {"trials": n} for n in (16, 64, 256, 1024, 4096)],
    "parameters": [
        DIGITS | {"trials": 16, "epochs": 1, "hidden": hidden}
        for hidden in ([14], [64, 64], [256, 256], [1024, 800], [3072, 3072])
    ],
    "data": [DIGITS | {"trials": 32, "epochs": 1, "rows": n} for n in (10**3, 10**4, 10**5)],
}
ONE = """
import json, resource, sys, time
import numpy as np
import torch
import goodfit as gf
from goodfit.nets import build_net, layout_of
asked = json.loads(sys.argv[1])
recipe = gf.Recipe(data="digits", net=gf.MLP(hidden=tuple(asked["hidden"])), batch_size=32,
                   epochs=asked["epochs"])
data = None
if asked["rows"]:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(asked["rows"], 64)).astype("float32")
    path = sys.argv[2] + "/made.npz"
    np.savez(path, X=x, y=(x[:, :10].argmax(1)))
    recipe = recipe.model_copy(update={"data": gf.Recipe(data=path).data})
gf.search(recipe.vary(lr=gf.loguniform(1e-4, 1e-2)), trials=1, confirm=0, storage="journal://"
          + sys.argv[2] + "/warm.log")
began = time.perf_counter()
study = gf.search(recipe.vary(lr=gf.loguniform(1e-4, 1e-2)), trials=asked["trials"], confirm=0,
                  storage="journal://" + sys.argv[2] + "/study.log")
wall = time.perf_counter() - began
own, theirs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
group = study.record.groups[0]
print(json.dumps({"wall_s": wall, "cpu_s": own.ru_utime + theirs.ru_utime,
    "peak_mib": own.ru_maxrss / 1024, "peak_worker_mib": theirs.ru_maxrss / 1024,
    "largest_mib": max(own.ru_maxrss, theirs.ru_maxrss) / 1024,
    "parameters": group.num_parameters, "rows": group.rows, "preparing_s": study.record.preparing_s,
    "best": study.best_trial.value if study.best_trial else None}))
"""


def measure(asked: Mapping[str, object], folder: str) -> dict:
    """Search once in a fresh process."""
    words = [sys.executable, "-c", ONE, json.dumps(asked), folder]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr)
    return {**asked, **json.loads(done.stdout.splitlines()[-1])}


def picture(name: str, points: Sequence[Mapping], x: str) -> str:
    """A plain SVG: seconds and memory against what grows, both axes logarithmic."""
    panels = (
        panel(60, "seconds", points, x, "wall_s"),
        panel(390, "MiB at the peak, largest process", points, x, "largest_mib"),
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 256" '
        'font-family="sans-serif" font-size="11"><rect width="700" height="256" fill="white"/>'
        f'{"".join(panels)}<text x="60" y="244">{name}</text></svg>\n'
    )


def panel(left: int, title: str, points: Sequence[Mapping], x: str, y: str) -> str:
    """One curve with its numbers."""
    across = positions([float(p[x]) for p in points], left, left + 250)
    up = positions([float(p[y]) for p in points], 190, 60)
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, up, strict=True))
    told = "".join(
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="#0b61a4"/>'
        f'<text x="{a:.1f}" y="{b - 8:.1f}" text-anchor="middle">{short(point[y])}</text>'
        f'<text x="{a:.1f}" y="222" text-anchor="middle">{float(point[x]):,.0f}</text>'
        for a, b, point in zip(across, up, points, strict=True)
    )
    curve = f'<polyline points="{line}" fill="none" stroke="#0b61a4" stroke-width="2"/>'
    return f'{curve}{told}<text x="{left}" y="24" font-weight="bold">{title}</text>'


def short(value: float) -> str:
    """Three digits, or whole numbers.

    Example:
        >>> short(0.9876), short(1452.3)
        ('0.988', '1,452')
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def positions(values: Sequence[float], first: float, last: float) -> list[float]:
    """Where values lie between two places, on a logarithmic axis."""
    logs = [math.log10(value) for value in values]
    span = (max(logs) - min(logs)) or 1.0
    return [first + (last - first) * (log - min(logs)) / span for log in logs]


def main() -> None:
    """Measure each series, print, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the first two points of each series")
    options = parser.parse_args()
    facts = header("bench.search_growth", {}, ("goodfit", "torch", "numpy", "optuna"))
    print_header(facts)
    results = {}
    for name, asked in SERIES.items():
        points = []
        for one in asked[:2] if options.quick else asked:
            with tempfile.TemporaryDirectory() as folder:
                points.append(measure(one, folder))
        results[name] = points
        x = {"trials": "trials", "parameters": "parameters", "data": "rows_of_data"}[name]
        points = [p | {"rows_of_data": one["rows"]} for p, one in zip(points, asked, strict=False)]
        heads = [name, "wall s", "CPU s", "peak MiB", "a worker's", "rows a tile", "best"]
        print_table(
            f"growth with {name}",
            heads,
            [
                [
                    f"{float(p[x]):,.0f}",
                    f"{p['wall_s']:.2f}",
                    f"{p['cpu_s']:.2f}",
                    f"{p['peak_mib']:.0f}",
                    f"{p['peak_worker_mib']:.0f}",
                    f"{p['rows']}",
                    f"{p['best']:.4f}",
                ]
                for p in points
            ],
        )
        if not options.quick:
            (RESULTS / f"search_growth_{name}.svg").write_text(picture(name, points, x))
    if not options.quick:
        write_json(RESULTS / "search_growth.json", {**facts, "series": results})


if __name__ == "__main__":
    main()
