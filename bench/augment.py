"""What augmentation costs: each change of a batch, as a share of the step of a two-layer CNN.

    python -m bench.augment

A batch of 128 images of 1 x 28 x 28 bytes; the step is goodfit's traced one, of the two-layer CNN
of `bench.problems` (16 and 32 channels) under AdamW, without and with the usual sets. One thread,
processor time, rounds interleaved. Single changes are timed by themselves, outside of a graph, hue
and saturation on three channels. The goal for a whole set is at most 25 % of the step.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import goodfit as gf
from bench.problems import make_cnn
from bench.report import RESULTS, Spread, header, print_header, print_table, progress, write_json
from goodfit.data.augmenting import Augmentation, augmentation_of
from goodfit.engine import Noise, Problem, make_executor, make_population
from goodfit.loop import Budget, coefficients
from goodfit.nets import draw_noise, layout_of
from goodfit.optim import rule_for

BATCH, SHAPE, CLASSES = 128, (1, 28, 28), 10
SETS: dict[str, gf.Augment] = {
    "nothing": gf.Augment(),
    "flip and crop": gf.Augment(horizontal_flip=0.5, crop=2),
    "flip, crop, cutmix": gf.Augment(horizontal_flip=0.5, crop=2, mix="cutmix"),
    "flip, crop, mixup": gf.Augment(horizontal_flip=0.5, crop=2, mix="mixup"),
    "flip, crop, cowmix": gf.Augment(horizontal_flip=0.5, crop=2, mix="cowmix"),
    "flip, crop, light": gf.Augment(horizontal_flip=0.5, crop=2, brightness=0.2, contrast=0.2),
    "flip, crop, light, cutmix": gf.Augment(
        horizontal_flip=0.5, crop=2, brightness=0.2, contrast=0.2, mix="cutmix"
    ),
    "flip, affine, light, erase": gf.Augment(
        horizontal_flip=0.5, rotate=10.0, scale=0.1, brightness=0.2, contrast=0.2, erase=0.25
    ),
}
SINGLE: dict[str, gf.Augment] = {
    "horizontal flip": gf.Augment(horizontal_flip=0.5),
    "crop": gf.Augment(crop=2),
    "affine": gf.Augment(rotate=10.0, scale=0.1),
    "brightness": gf.Augment(brightness=0.2),
    "contrast": gf.Augment(contrast=0.2),
    "saturation": gf.Augment(saturation=0.2),
    "hue": gf.Augment(hue=0.1),
    "erase": gf.Augment(erase=0.25),
    "mixup": gf.Augment(mix="mixup"),
    "cutmix": gf.Augment(mix="cutmix"),
    "cowmix": gf.Augment(mix="cowmix"),
}


class ByteInput(nn.Module):
    """Bytes to about unit size, as a run's input module does it."""

    def forward(self, x: Tensor) -> Tensor:
        return (x.to(torch.float32) - 72.9) / 90.0


def augmentation(settings: gf.Augment, channels: int = 1) -> Augmentation | None:
    """What a recipe would make of these settings."""
    shape = (channels, *SHAPE[1:])
    return augmentation_of(
        settings, input_kind="image", shape=shape, num_classes=CLASSES, bounded=True
    )


def stepper(settings: gf.Augment) -> Callable[[int], None]:
    """A traced training step on batches by index."""
    torch.manual_seed(0)
    net = make_cnn().train()
    made = gf.Recipe(data="digits", batch_size=BATCH)
    rule = rule_for(made, net)
    problem = Problem(
        *(net, layout_of(net), functional.cross_entropy, rule, 1, ByteInput()),
        augment=augmentation(settings),
    )
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4 * BATCH, *SHAPE), dtype=torch.uint8, generator=generator)
    targets = torch.randint(0, CLASSES, (4 * BATCH,), generator=generator)
    population, data = make_population([net], rule), (images, targets)
    batch = (torch.arange(BATCH),)
    numbers = coefficients(made, np.arange(1), Budget(100, 1))
    noise = Noise(problem, population, data, [0])
    executor = make_executor(
        *(problem, population, data, noise),
        coefficients=numbers[0],
        batch=batch,
        mode="traced",
        num_steps=100,
    )
    assert executor.kind == "traced", executor.reason

    def run(step: int) -> None:
        executor.run(step, numbers, [batch])

    return run


def single(settings: gf.Augment) -> Callable[[int], None]:
    """One change of a batch, with its draws."""
    channels = 3 if settings.hue or settings.saturation else 1
    change = augmentation(settings, channels)
    assert change is not None
    x = torch.randint(0, 256, (BATCH, channels, *SHAPE[1:]), dtype=torch.uint8)
    y = torch.randint(0, CLASSES, (BATCH,))

    def run(step: int) -> None:
        shapes = change.noise_shapes(x.shape)
        noise = [draw_noise(s, seed=0, step=step, layer=n) for n, s in enumerate(shapes)]
        change(x, y, noise)

    return run


def timed(run: Callable[[int], None], steps: int) -> float:
    """Processor milliseconds a step."""
    began = time.process_time()
    for step in range(steps):
        run(step)
    return 1e3 * (time.process_time() - began) / steps


def measure(runs: dict[str, Callable[[int], None]], *, rounds: int, steps: int) -> dict:
    """Milliseconds of each by round, interleaved; another one is first in each round."""
    for run in runs.values():
        timed(run, 3)
    found: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        begin = number % len(runs)
        order = [*runs.items()][begin:] + [*runs.items()][:begin]
        for name, run in order:
            progress(f"round {number + 1} of {rounds}: {name}")
            found[name].append(timed(run, steps))
    return found


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench.augment", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    facts = header("bench.augment", vars(options), ("goodfit", "torch"))
    print_header(facts)
    times = {"rounds": options.rounds, "steps": options.steps}
    with torch.no_grad():
        steps = measure({name: stepper(s) for name, s in SETS.items()}, **times)
        changes = measure({name: single(s) for name, s in SINGLE.items()}, **times)
    nothing = steps["nothing"]
    plain = Spread.of(nothing).median
    rows = [
        [name, f"{Spread.of(ms).median:.2f}", Spread.of(ms).span(2), f"{_more(ms, nothing):+.0%}"]
        for name, ms in steps.items()
    ]
    print_table("whole steps", ["augmentation", "cpu ms", "min..max", "of the step"], rows)
    rows = [
        [
            n,
            f"{Spread.of(ms).median:.2f}",
            Spread.of(ms).span(2),
            f"{Spread.of(ms).median / plain:.1%}",
        ]
        for n, ms in changes.items()
    ]
    print_table("changes alone", ["change", "cpu ms", "min..max", "of the step"], rows)
    write_json(RESULTS / "augment.json", {**facts, "steps_ms": steps, "changes_ms": changes})


def _more(ms: list[float], plain: list[float]) -> float:
    """Compare within each round, then take the median."""
    return Spread.of([one / other for one, other in zip(ms, plain, strict=True)]).median - 1.0


if __name__ == "__main__":
    main()
