"""Print one case: what was found and when, and the history that the rules read."""

import math
from collections.abc import Sequence

from bench.faults.cases import Case, fault_of
from bench.faults.one import quiet, watched
from goodfit.diagnosis import judge
from goodfit.records import History

NUM_COLUMNS = 12


def thinned(values: Sequence[float]) -> str:
    """At most 12 of the values, evenly spaced, the last among them.

    >>> thinned([0.5, 0.25])
    '0.5 0.25'
    """
    num = len(values)
    places = sorted({round(i * (num - 1) / (NUM_COLUMNS - 1)) for i in range(NUM_COLUMNS)})
    return " ".join(f"{values[i]:.3g}" for i in places if 0 <= i < num)


def print_columns(title: str, record: object, names: Sequence[str]) -> None:
    """Print the columns of a record that hold anything."""
    for name in names:
        values = getattr(record, name)
        if any(not math.isnan(v) for v in values):
            print(f"  {title}{name:16s} {thinned(values)}")


def print_history(history: History) -> None:
    """Print a history, thinned."""
    print(f"setting {history.setting}")
    print(f"tallies { ({k: f'{t.happened}/{t.of}' for k, t in history.tallies.items() if t.of}) }")
    print(f"unseen {history.unseen}; autopsy {history.autopsy}")
    print_columns("steps.", history.steps, ("step", "loss", "lr"))
    print_columns("epochs.", history.epochs, tuple(history.epochs.__dataclass_fields__))
    looks = tuple(n for n in history.looks.__dataclass_fields__ if n != "layers")
    print_columns("looks.", history.looks, looks)
    for layer in history.looks.layers:
        print(f" layer {layer.name} {layer.kind} {layer.num_weights}")
        columns = tuple(
            n for n in layer.__dataclass_fields__ if n not in ("name", "kind", "num_weights")
        )
        print_columns("", layer, columns)


def show(key: str) -> None:
    """Run a case and print all of it."""
    case = Case.of_key(key)
    with quiet():
        run = watched(case)
    print(case.key, run.outcome, run.facts | {"during": ""})
    if case.fault:
        print(f"right: {fault_of(case).right}; near: {fault_of(case).near}")
    for share, found in run.facts["during"].items():
        print(f"  at {share:>3} %: {[f['rule'] for f in found if f['severity'] != 'info']}")
    for finding in run.last:
        print(" ", finding)
    print_history(run.histories["end"])
    for verdict in judge(run.histories["end"]):
        print(f"  {verdict.outcome:10s} {verdict.check}: {verdict.because}")
