"""Time to quality: seconds until a search reaches what random search over 256 full trials reaches.

    python -m bench.search_quality --rounds 5

Digits, MLP with searched rate, decay, width and batch size; 27 epochs are full. The target of a
round is the best validation accuracy of 256 full random trials of its seed: it moves by a row or
two of 270, and the time to it by ten times, so that one target says little. Then each contender
searches, with the round's seed, until a finished trial has that accuracy, or it has spent its 256
trials and begins again with the next seed; 600 seconds stand for a target that was not reached.
goodfit's coarse-to-fine and halving against Optuna's TPE with its Hyperband pruner over a bare loop
(fused AdamW, one thread; `n_jobs=2`), same data, same cores.
"""

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import optuna
import torch
from torch import nn

import goodfit as gf
from bench.report import RESULTS, Spread, header, print_header, print_table, progress, write_json
from goodfit.pipeline.begin import resolve_for
from goodfit.pipeline.material import know, material_of
from goodfit.studies import Silent
from goodfit.studies.wave import Progress

EPOCHS, TRIALS, LIMIT_S = 27, 256, 600.0
RECIPE = gf.Recipe(data="digits", net=gf.MLP(hidden=(64, 64)), batch_size=32, epochs=EPOCHS)


def space(seed: int) -> gf.Space:
    """What is searched."""
    recipe = RECIPE.model_copy(update={"seed": seed, "split": gf.Split(seed=0)})
    return recipe.vary(
        lr=gf.loguniform(1e-4, 1e-1),
        weight_decay=gf.loguniform(1e-5, 1e-1),
        batch_size=gf.choice(32, 64),
        hidden=gf.layers(2, gf.choice(32, 64)),
    )


class Until(Silent):
    """Notes when a trial that ended first had the accuracy."""

    def __init__(self, target: float) -> None:
        self.target, self.began, self.reached_s = target, time.perf_counter(), 0.0

    def on_epoch(self, progress: Progress) -> None:
        """Look at what has ended."""
        if not self.reached_s and progress.condition == "done" and progress.value >= self.target:
            self.reached_s = time.perf_counter() - self.began


def ours(strategy: str, target: float, seed: int) -> float:
    """Seconds until goodfit has it."""
    told, first = Until(target), time.perf_counter()
    for again in range(20):
        gf.search(
            space(seed + 100 * again), trials=TRIALS, strategy=strategy, confirm=0, teller=told
        )
        if told.reached_s or time.perf_counter() - first > LIMIT_S:
            break
    return told.reached_s or LIMIT_S


def theirs(target: float, seed: int) -> float:
    """Seconds until Optuna's TPE with Hyperband has it, by a bare loop."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    base = space(0).fixed_recipe()
    known = know(base)
    material = material_of(known, resolve_for(base, known), Path())
    inputs, target_rows = material.batches.data
    x, y = material.prepare(inputs[material.batches.rows]), target_rows[material.batches.rows]  # pyright: ignore
    parts = list(material.validation)
    vx = material.prepare(torch.cat([a for a, _ in parts]))
    vy = torch.cat([b for _, b in parts])
    began, reached = time.perf_counter(), []

    def objective(trial: optuna.Trial) -> float:
        torch.set_num_threads(1)
        width = trial.suggest_categorical("width", [32, 64])
        size = trial.suggest_categorical("batch_size", [32, 64])
        torch.manual_seed(seed)
        net = nn.Sequential(
            *(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()),
            nn.Linear(width, 10),
        )
        optimizer = torch.optim.AdamW(
            net.parameters(),
            lr=trial.suggest_float("lr", 1e-4, 1e-1, log=True),
            weight_decay=trial.suggest_float("weight_decay", 1e-5, 1e-1, log=True),
            fused=True,
        )
        steps = -(-len(x) // size) * EPOCHS
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        best_loss, value = float("inf"), 0.0
        for epoch in range(EPOCHS):
            for index in torch.randperm(len(x)).split(size):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(x[index]), y[index]).backward()
                optimizer.step()
                schedule.step()
            with torch.no_grad():
                outputs = net(vx)
                loss = float(nn.functional.cross_entropy(outputs, vy))
                accuracy = float((outputs.argmax(1) == vy).float().mean())
            if loss < best_loss:
                best_loss, value = loss, accuracy
            trial.report(value, epoch + 1)
            if trial.should_prune():
                raise optuna.TrialPruned
        if value >= target:
            reached.append(time.perf_counter() - began)
            trial.study.stop()
        return value

    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=EPOCHS)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner
    )
    study.optimize(objective, timeout=LIMIT_S, n_jobs=2)
    return min(reached, default=LIMIT_S)


def main() -> None:
    """Run the rounds, each to a target of its own, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    facts = header("bench.search_quality", vars(options), ("goodfit", "torch", "optuna"))
    print_header(facts)
    found: dict[str, list[float]] = {"coarse-to-fine": [], "halving": [], "optuna": []}
    targets: list[float] = []
    for number in range(1, options.rounds + 1):
        targets.append(best_of_random(number))
        for name, seconds in found.items():
            progress(f"round {number} of {options.rounds}, target {targets[-1]:.4f}: {name}")
            search = theirs if name == "optuna" else partial(ours, name)
            seconds.append(search(targets[-1], number))
    show(found)
    write_json(RESULTS / "search_quality.json", {**facts, "targets": targets, "seconds": found})


def best_of_random(seed: int) -> float:
    """The best validation accuracy of 256 full random trials."""
    reference = gf.search(space(seed), trials=TRIALS, strategy="random", confirm=0)
    assert reference.best_trial is not None
    return reference.best_trial.value


def show(found: Mapping[str, Sequence[float]]) -> None:
    """Print the seconds, and how many times longer the peer took, in each round and in all."""
    rows = [
        [
            *(name, f"{Spread.of(s).median:.1f}", Spread.of(s).span(1), f"{sum(s):.0f}"),
            f"{Spread.of([b / a for a, b in zip(s, found['optuna'], strict=True)]).median:.1f}",
            f"{sum(found['optuna']) / sum(s):.1f}",
        ]
        for name, s in found.items()
    ]
    heads = ["search", "median s", "min..max", "sum s", "optuna, times", "of sums"]
    print_table("seconds to the target", heads, rows)


if __name__ == "__main__":
    main()
