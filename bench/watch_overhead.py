"""What watching costs a training loop: `goodfit`'s watch, and other packages, against none.

python -m bench.watch_overhead
"""

import argparse
import contextlib
import gc
import importlib
import io
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.report import RESULTS, Spread, header, print_header, print_table, progress, write_json
from bench.timing import rotated
from bench.watch_models import MODELS, Model

Step = Callable[[Tensor, Tensor], None]
WATCHERS = ("none", "goodfit", "arc-training", "traintools", "trainpulse")
PACKAGES = {"arc-training": "arc", "traintools": "traintools", "trainpulse": "trainpulse"}
# A block is about this long: shorter than what changes on a machine, longer than a look.
BLOCK_S = 0.1
HEADS = ("watched by", "cpu ms/step", "cpu x none", "min..max", "wall x none", "min..max", "looks")


@dataclass
class Loop:
    """A plain loop: network, optimiser, loss."""

    net: nn.Module
    optimizer: torch.optim.Optimizer
    loss_fn: nn.Module

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Zero the gradients, and take loss and gradients of one batch."""
        self.optimizer.zero_grad()
        loss = self.loss_fn(self.net(x), y)
        loss.backward()
        return loss

    def step(self, x: Tensor, y: Tensor) -> None:
        """Train on one batch."""
        self.forward(x, y)
        self.optimizer.step()


def guarded_by_arc(loop: Loop) -> Step:
    """A step as arc-training's guide has it: its controller is asked before the optimiser."""
    arc = importlib.import_module("arc")
    logging.disable(logging.CRITICAL)
    with contextlib.redirect_stdout(io.StringIO()):
        controller = arc.Controller(loop.net, loop.optimizer)

    def step(x: Tensor, y: Tensor) -> None:
        if not controller.step(loop.forward(x, y)).should_skip:
            loop.optimizer.step()

    return step


def inspected_by_traintools(loop: Loop) -> Step:
    """A step as traintools' quick start has it: batch and gradients inspected at each step."""
    traintools = importlib.import_module("traintools")
    batches = traintools.BatchInspector(expected_num_classes=10)
    gradients = traintools.GradientHealthMonitor(max_grad_norm=1.0)
    number = iter(range(1 << 40))

    def step(x: Tensor, y: Tensor) -> None:
        now = next(number)
        batches.inspect(x, y, step=now)
        loop.forward(x, y)
        gradients.inspect(loop.net, step=now, lr=loop.optimizer.param_groups[0]["lr"])
        loop.optimizer.step()

    return step


def logged_by_trainpulse(loop: Loop) -> Step:
    """A step that logs loss, gradient norm and rate, which trainpulse's monitor judges."""
    monitor = importlib.import_module("trainpulse").Monitor()
    number = iter(range(1 << 40))

    def step(x: Tensor, y: Tensor) -> None:
        now, loss = next(number), loop.forward(x, y)
        gradients = [p.grad for p in loop.net.parameters() if p.grad is not None]
        monitor.log("loss", now, loss.item())
        monitor.log("grad_norm", now, float(nn.utils.get_total_norm(gradients)))
        monitor.log("learning_rate", now, loop.optimizer.param_groups[0]["lr"])
        loop.optimizer.step()

    return step


OTHERS: dict[str, Callable[[Loop], Step]] = {
    "arc-training": guarded_by_arc,
    "traintools": inspected_by_traintools,
    "trainpulse": logged_by_trainpulse,
}


def unheard(text: str) -> None:
    """An early word that is judged for, and not printed."""


@dataclass
class Sample:
    """One training: seconds of processor and wall for all its steps, and looks where counted."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    looks: int = 0


class Run:
    """One training that is run block by block, its watcher alive all the while."""

    def __init__(self, model: Model, watcher: str, seed: int) -> None:
        torch.manual_seed(seed)
        net = model.net()
        self.loop = Loop(net, torch.optim.AdamW(net.parameters(), 1e-3), nn.CrossEntropyLoss())
        self.batches = [model.batch() for _ in range(20)]
        self.watcher, self.sample, self.eye = watcher, Sample(), None
        # Imported for this loop alone: its memory counts as the watch's.
        watch = importlib.import_module("goodfit").watch if watcher == "goodfit" else None
        self.ended_s = time.perf_counter()
        with self.timed():
            if watch is not None:
                self.eye = watch(
                    net, self.loop.optimizer, self.loop.loss_fn, say=unheard
                ).__enter__()
            self.step = OTHERS[watcher](self.loop) if watcher in OTHERS else self.loop.step

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Add what happens inside to the sample."""
        wall, cpu = time.perf_counter(), time.process_time()
        if self.eye is not None:
            # The others' blocks are no time of this loop: a watch earns nothing by them.
            self.eye.schedule.began_s += wall - self.ended_s
        yield
        self.ended_s = time.perf_counter()
        self.sample.cpu_s += time.process_time() - cpu
        self.sample.wall_s += self.ended_s - wall

    def block(self, num_steps: int) -> None:
        """Train so many steps, on the batches in a drawn order."""
        order = torch.randint(len(self.batches), (num_steps,)).tolist()
        with self.timed():
            for number in order:
                self.step(*self.batches[number])

    def close(self) -> Sample:
        """Take the watch down; returns what it all took."""
        if self.eye is not None:
            with self.timed():
                self.eye.__exit__(None, None, None)
            self.sample.looks = len(self.eye.history.looks.step)
        return self.sample


def run_round(
    model: Model, names: list[str], seed: int, blocks: int, steps: int
) -> dict[str, Sample]:
    """All watchers side by side, block by block: what else the machine does weighs on all."""
    gc.collect()
    runs = {name: Run(model, name, seed) for name in names}
    for number in range(blocks):
        for name in rotated(names, number):
            runs[name].block(steps)
    return {name: run.close() for name, run in runs.items()}


def run_model(model: Model, names: list[str], repeats: int, seconds: float) -> dict:
    """All watchers on one model; ratios within a round."""
    step_s = model.step_s()
    total = max(model.min_steps, int(seconds / step_s))
    steps = max(1, min(total, int(BLOCK_S / step_s)))
    blocks = -(-total // steps)
    run_round(model, names, 0, 1, 4)
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(repeats):
        progress(f"{model.name}: round {number + 1} of {repeats}, {blocks} blocks of {steps} steps")
        for name, sample in run_round(model, names, number, blocks, steps).items():
            samples[name].append(sample)
    done, base = blocks * steps, samples["none"]
    return {"steps": done, "results": {n: summarise(s, base, done) for n, s in samples.items()}}


def summarise(samples: list[Sample], base: list[Sample], steps: int) -> dict:
    """Medians and spreads."""
    pairs = list(zip(samples, base, strict=True))
    columns = {
        "cpu_ms_per_step": [s.cpu_s / steps * 1e3 for s in samples],
        "wall_ms_per_step": [s.wall_s / steps * 1e3 for s in samples],
        "cpu_ratio": [s.cpu_s / b.cpu_s for s, b in pairs],
        "wall_ratio": [s.wall_s / b.wall_s for s, b in pairs],
        "looks": [float(s.looks) for s in samples],
    }
    return {name: asdict(Spread.of(values)) for name, values in columns.items()}


def row(name: str, result: dict) -> list[str]:
    """One line of a model's table."""
    cells = [name, f"{result['cpu_ms_per_step']['median']:.3f}"]
    for kind in ("cpu_ratio", "wall_ratio"):
        spread = result[kind]
        cells += [f"{spread['median']:.3f}", f"{spread['low']:.3f}..{spread['high']:.3f}"]
    return [*cells, f"{result['looks']['median']:.0f}"]


def peak_mb() -> float:
    """The peak of this process's resident memory (Linux), of this program alone."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def peak(name: str, watcher: str, steps: int) -> float:
    """Peak resident memory of a training, in a process of its own, in MB."""
    torch.set_num_threads(1)
    run = Run(next(model for model in MODELS if model.name == name), watcher, 0)
    run.block(steps)
    run.close()
    return peak_mb()


def memory(name: str, steps: int, repeats: int = 3) -> dict[str, float]:
    """Median peak of fresh processes with and without the watch, and their ratio."""
    found = {}
    for watcher in ("none", "goodfit"):
        peaks = []
        for _ in range(repeats):
            with get_context("spawn").Pool(1) as pool:
                peaks.append(pool.apply(peak, (name, watcher, steps)))
        found[watcher] = Spread.of(peaks).median
    return {**found, "ratio": found["goodfit"] / found["none"]}


def importable(name: str) -> bool:
    """Whether a watcher can take part."""
    try:
        importlib.import_module(PACKAGES.get(name, "goodfit"))
    except ImportError:
        return False
    return True


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.watch_overhead", description=__doc__)
    names = [model.name for model in MODELS]
    parser.add_argument("--repeats", type=int, default=7, help="rounds; medians are reported")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each training, about")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--models", nargs="+", choices=names, default=names)
    parser.add_argument("--watchers", nargs="+", choices=WATCHERS, default=list(WATCHERS))
    parser.add_argument("--output", type=Path, default=RESULTS / "watch_overhead.json")
    return parser.parse_args()


def main() -> None:
    """Run, print and write."""
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    content = header("bench.watch_overhead", vars(options), ["goodfit", "torch", *PACKAGES])
    print_header(content)
    names = [name for name in dict.fromkeys(["none", *options.watchers]) if importable(name)]
    content |= {"n": options.repeats, "threads": options.threads, "models": {}}
    for model in [model for model in MODELS if model.name in options.models]:
        found = run_model(model, names, options.repeats, options.seconds)
        found["memory_mb"] = memory(model.name, min(found["steps"], 100))
        content["models"][model.name] = found
        ratio = found["memory_mb"]["ratio"]
        title = f"{model.name}: {found['steps']} steps, n = {options.repeats}; peak memory"
        rows = [row(name, result) for name, result in found["results"].items()]
        print_table(f"{title} {ratio:.3f} of none", HEADS, rows)
    for name in set(options.watchers) - set(names):
        print(f"skipped: {name} (not installed)")
    write_json(options.output, content)


if __name__ == "__main__":
    main()
