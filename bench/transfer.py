"""Transfer learning on Fashion-MNIST: five classes learned, then the other five by few images.

    python -m bench.transfer --fashion-mnist DIR

Each seed draws which five classes are the source. A network learns them on
`--source` images a class; then the same network learns the other five on 50 images a class (and 20
a class to choose the epoch by), once from scratch and once from those weights, output layer drawn
anew, with the same recipe otherwise. Scores are those of a sealed test part, the 1,000 images a
class of the file of test images, opened once by each run. Differences are taken within a seed.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import torch

import goodfit as gf
from bench.data_folder import fashion_mnist_folder
from bench.idx import fashion_mnist
from bench.report import RESULTS, header, print_header, print_table, progress, write_json
from goodfit.nets import build_net

TRAIN, VALIDATION, TEST = 50, 20, 1000
Images = tuple[np.ndarray, np.ndarray]
SCRATCH = "from scratch"
Draw = np.random.Generator
# Of the names of the network's layers, all but the output's are taken over.
Layers = tuple[str, ...]
WAYS: dict[str, Callable[[Layers], dict[str, object]]] = {
    "all layers train": lambda body: {},
    "body at a tenth of the rate": lambda body: {"lr_scale": dict.fromkeys(body, 0.1)},
    "body frozen": lambda body: {"freeze": body},
    "body frozen, trained from epoch 10 on": lambda body: {"freeze": body, "unfreeze_epoch": 10},
}
NETS: dict[str, gf.CNN | gf.ResNet] = {
    "cnn": gf.CNN(),
    "resnet": gf.ResNet(blocks=(1, 1, 1), channels=(16, 32, 64)),
}


def pick(labels: np.ndarray, classes: np.ndarray, each: int, draw: Draw) -> np.ndarray:
    """Rows of `each` images of every class, drawn."""
    rows = [draw.choice(np.flatnonzero(labels == one), each, replace=False) for one in classes]
    return np.concatenate(rows)


def part(all_images: Images, rows: np.ndarray, classes: np.ndarray) -> Images:
    """Images `[n, 1, 28, 28]` as bytes, and their labels as 0 to 4."""
    images, labels = all_images
    return images[rows][:, None], np.searchsorted(classes, labels[rows])


def score(recipe: gf.Recipe, data: gf.Arrays, path: Path) -> float:
    """Train, open the sealed part, and return its accuracy."""
    gf.train(recipe, data=data, out=path)
    scores = gf.test(path, data=data).test_scores
    assert scores is not None
    return scores.values["accuracy"]


def body_of(net: gf.CNN | gf.ResNet) -> Layers:
    """The names of all layers but the output's."""
    built = build_net(net, input_shape=(1, 28, 28), num_outputs=5, seed=0)
    names = [name.split(".")[0] for name, _ in built.named_parameters()]
    return tuple(dict.fromkeys(name for name in names if name != names[-1]))


def target_of(train: Images, test: Images, classes: np.ndarray, draw: Draw) -> gf.Arrays:
    """The new classes: few images that train, then those that validate, then all that test."""
    few = pick(train[1], classes, TRAIN + VALIDATION, draw).reshape(len(classes), -1)
    rows = np.concatenate([few[:, :TRAIN].ravel(), few[:, TRAIN:].ravel()])
    sealed = np.flatnonzero(np.isin(test[1], classes))
    both = zip(part(train, rows, classes), part(test, sealed, classes), strict=True)
    x, y = (np.concatenate(parts) for parts in both)
    return gf.Arrays(x, y, times=np.arange(len(y)))


def one_seed(
    train: Images, test: Images, seed: int, *, source: int, epochs: int, net: str
) -> dict[str, float]:
    """Accuracy of each way on the five classes that the source has not seen."""
    body = body_of(NETS[net])
    draw = np.random.default_rng(seed)
    order = draw.permutation(10)
    known, new = np.sort(order[:5]), np.sort(order[5:])
    shared = {"net": NETS[net], "seed": seed, "early_stopping": {"enabled": False}}
    small = {"split": {"validation": VALIDATION * 5, "test": TEST * 5}, "epochs": epochs}
    first = gf.Recipe.model_validate(shared | {"data": "source", "batch_size": 128, "epochs": 6})
    second = gf.Recipe.model_validate(shared | small | {"data": "target", "batch_size": 16})
    target, found = target_of(train, test, new, draw), {}
    with tempfile.TemporaryDirectory() as folder:
        progress(f"seed {seed}: source")
        rows = pick(train[1], known, source, draw)
        gf.train(first, data=part(train, rows, known), out=Path(folder) / "source")
        transfers: dict[str, gf.Transfer | None] = {SCRATCH: None}
        for name, make in WAYS.items():
            known_by = {"source": f"{folder}/source", "layers": body}
            transfers[name] = gf.Transfer.model_validate(known_by | make(body))
        for name, transfer in transfers.items():
            progress(f"seed {seed}: {name}")
            recipe = second.model_copy(update={"transfer": transfer})
            found[name] = score(recipe, target, Path(folder) / name.replace(" ", "-"))
    return found


def told(values: list[float]) -> str:
    """Mean and standard error."""
    if len(values) < 2:
        return f"{mean(values):.4f}"
    return f"{mean(values):.4f} ± {stdev(values) / len(values) ** 0.5:.4f}"


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench.transfer", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--out", default="transfer", help="name of the file of results")
    parser.add_argument("--net", choices=NETS, default="resnet")
    parser.add_argument("--source", type=int, default=6000, help="images a class of the source")
    parser.add_argument("--epochs", type=int, default=30, help="of the five new classes")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fashion-mnist", type=Path, help="folder of the four .gz files")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    facts = header("bench.transfer", vars(options), ("goodfit", "torch", "numpy"))
    print_header(facts)
    folder = fashion_mnist_folder(options.fashion_mnist)
    train, test = fashion_mnist(folder), fashion_mnist(folder, file="t10k")
    began, scores = time.perf_counter(), {name: [] for name in (SCRATCH, *WAYS)}
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        sizes = {"source": options.source, "epochs": options.epochs}
        found = one_seed(train, test, seed, net=options.net, **sizes)
        for name, value in found.items():
            scores[name].append(value)
    scratch = scores[SCRATCH]
    rows = [
        [name, told(values), told([a - b for a, b in zip(values, scratch, strict=True)])]
        for name, values in scores.items()
    ]
    title = f"test accuracy on five new classes, {TRAIN} images each, n = {options.seeds}"
    print_table(title, ["start", "accuracy", "above scratch"], rows)
    seconds = time.perf_counter() - began
    write_json(RESULTS / f"{options.out}.json", {**facts, "seconds": seconds, "accuracy": scores})


if __name__ == "__main__":
    main()
