"""The child processes of `memory.py`: train one epoch, print the peak memory as JSON.

python -m bench.memory_cases CASE PROBLEM FOLDER
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.contenders import plain
from bench.idx import fashion_mnist
from bench.problems import (
    FASHION_BATCH_SIZE,
    FASHION_MEAN,
    FASHION_STD,
    FASHION_TASKS,
    Problem,
    fashion_problem,
    whole_batches,
)


class Standardise(nn.Module):
    """Images of bytes to standardised float32, as the first layer of a network."""

    def forward(self, images: Tensor) -> Tensor:
        """Pixels 0..255 to mean 0 and variance 1 over the training set."""
        return images.float().div_(255).sub_(FASHION_MEAN).div_(FASHION_STD)


def imports(name: str, folder: Path) -> None:
    """Build the network and the optimiser and stop."""
    torch.optim.AdamW(FASHION_TASKS[name].make_net().parameters())


def plain_uint8(name: str, folder: Path) -> float:
    """The tutorial loop on bytes."""
    task = FASHION_TASKS[name]
    images, labels = map(torch.from_numpy, fashion_mnist(folder))
    data = whole_batches(images.reshape(-1, *task.sample_shape), labels.long(), FASHION_BATCH_SIZE)
    problem = Problem(
        name,
        **data,
        make_net=lambda: nn.Sequential(Standardise(), *task.make_net()),
        batch_size=FASHION_BATCH_SIZE,
        epochs=1,
    )
    return plain.train(problem, epochs=1, seed=0)


def plain_float32(name: str, folder: Path) -> float:
    """The tutorial loop on standardised float32."""
    return plain.train(fashion_problem(name, folder, limit=None), epochs=1, seed=0)


def goodfit(name: str, folder: Path) -> float:
    """One epoch of `gf.train` on the 60,000 images as bytes, from the IDX files to the report."""
    import goodfit as gf  # noqa: PLC0415 - the other cases must not pay for it
    from bench.contenders.goodfit import net_of  # noqa: PLC0415

    shape = FASHION_TASKS[name].sample_shape
    nothing = torch.zeros(0, *shape), torch.zeros(0)
    problem = Problem(name, *nothing, FASHION_TASKS[name].make_net, FASHION_BATCH_SIZE, epochs=1)
    recipe = gf.Recipe(
        data=gf.DataSource(path="fashion-mnist", folder=str(folder)),
        batch_size=FASHION_BATCH_SIZE,
        epochs=1,
        net=net_of(problem),
        engine=gf.Engine(threads=torch.get_num_threads()),
    )
    return gf.train(recipe).history.epochs.train_loss[-1]


RUN: dict[str, Callable[[str, Path], float | None]] = {
    "imports": imports,
    "plain_uint8": plain_uint8,
    "plain_float32": plain_float32,
    "goodfit": goodfit,
}


def main() -> None:
    """Run one case and print its result, or why it cannot run."""
    case, problem, folder = sys.argv[1:]
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    try:
        loss = RUN[case](problem, Path(folder))
    except (ImportError, NotImplementedError) as error:
        print(json.dumps({"skipped": f"{type(error).__name__}: {error}"}))
        return
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"peak_mib": peak_kib / 1024, "loss": loss}))


if __name__ == "__main__":
    main()
