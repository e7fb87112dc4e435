"""What is searched: one network, one split, and a list of configurations drawn once for everybody.

The list is what `gf.search` draws by itself from the same seed, so nobody is handed other values.
"""

import gzip
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import goodfit as gf
from bench.idx import read_idx
from bench.problems import NUM_CLASSES, make_cnn, make_mlp
from goodfit.data.batches import MemoryBatches, Part
from goodfit.pipeline.begin import net_of
from goodfit.pipeline.material import Known, Material, material_of
from goodfit.recipe import write_space
from goodfit.studies.flow import Session, begin
from goodfit.studies.folder import Settings
from goodfit.studies.sampling import random_asker

LR, DECAY = (1e-4, 1e-1), (1e-5, 1e-1)
SEED = 0
IDX_UNSIGNED_BYTE = 0x08
BLOCK = 1024
CNN_CHANNELS = (16, 32)


@dataclass(frozen=True)
class Config:
    """One trial: AdamW's rate and its weight decay."""

    lr: float
    weight_decay: float


@dataclass(frozen=True)
class SearchProblem:
    """Prepared tensors, trials, and what makes runs comparable.

    `widths` are a dense network's, input to output; empty for the two-layer CNN. `initial` are
    its first weights and `orders` the rows of each epoch, for the loops that take them: whoever
    starts from the same weights and sees the same batches must end at the same accuracy.
    `space` is the same search as goodfit reads it, in TOML.
    """

    name: str
    x: Tensor
    y: Tensor
    x_valid: Tensor
    y_valid: Tensor
    widths: tuple[int, ...]
    batch_size: int
    initial: list[Tensor]
    orders: list[Tensor]
    configs: list[Config]
    space: str

    @property
    def epochs(self) -> int:
        """Epochs of each trial."""
        return len(self.orders)

    @property
    def steps(self) -> int:
        """Steps of each trial."""
        return sum(len(order.split(self.batch_size)) for order in self.orders)

    def make_net(self) -> nn.Sequential:
        """The network with the weights that everybody starts from."""
        net = make_mlp(*self.widths) if self.widths else make_cnn()
        with torch.no_grad():
            for parameter, value in zip(net.parameters(), self.initial, strict=True):
                parameter.copy_(value)
        return net

    def accuracy(self, net: nn.Module) -> float:
        """The share of the validation part that a network gets right."""
        with torch.inference_mode():
            right = sum(
                int((net(x).argmax(1) == y).sum())
                for x, y in zip(self.x_valid.split(BLOCK), self.y_valid.split(BLOCK), strict=True)
            )
        return right / len(self.y_valid)

    def shortened(self) -> "SearchProblem":
        """Two trials of one epoch on a few batches: what warms up, and is not timed."""
        num = 2 * self.batch_size
        fields = vars(self) | {
            "x": self.x[:num],
            "y": self.y[:num],
            "orders": [torch.arange(num)],
            "configs": self.configs[:2],
        }
        return SearchProblem(**fields)

    def save(self, path: Path) -> None:
        """Write it for the contenders' processes."""
        torch.save(asdict(self), path)

    @classmethod
    def load(cls, path: Path) -> "SearchProblem":
        """Read what `save` wrote."""
        fields = torch.load(path, weights_only=True)
        return cls(**fields | {"configs": [Config(**config) for config in fields["configs"]]})


def digits_space(*, epochs: int = 5, hidden: Sequence[int] = (64, 64)) -> gf.Space:
    """The MLP 64-64-64-10 on the digits, batches of 32."""
    net = gf.MLP(hidden=tuple(hidden))
    return space_of(gf.DataSource(path="digits"), net, batch_size=32, epochs=epochs)


def fashion_space(kind: str, folder: Path) -> gf.Space:
    """The MLP 784-256-128-10 or the two-layer CNN on Fashion-MNIST: 3 epochs, batches of 128."""
    nets = {"mlp": gf.MLP(hidden=(256, 128)), "cnn": gf.CNN(channels=CNN_CHANNELS, norm="none")}
    source = gf.DataSource(path="fashion-mnist", folder=str(folder))
    return space_of(source, nets[kind], batch_size=128, epochs=3)


def space_of(
    source: gf.DataSource, net: gf.MLP | gf.CNN, *, batch_size: int, epochs: int
) -> gf.Space:
    """AdamW at a constant rate, all epochs, rate and decay searched.

    Biases decay too, as in the loops that everybody else writes.
    """
    recipe = gf.Recipe(
        data=source,
        net=net,
        batch_size=batch_size,
        epochs=epochs,
        seed=SEED,
        optimizer=gf.AdamW(decay_on="all"),
        schedule=gf.Constant(),
        early_stopping=gf.EarlyStopping(enabled=False),
    )
    return recipe.vary(lr=gf.loguniform(*LR), weight_decay=gf.loguniform(*DECAY))


def settings_of(*, trials: int, workers: int | None) -> Settings:
    """The settings of a random search of goodfit's that confirms nothing."""
    return Settings(
        strategy="random",
        trials=trials,
        seed=SEED,
        at_once=16,
        confirm=0,
        confirm_seeds=1,
        workers=workers,
        rows=None,
        mode="auto",
        storage="",
        name="bench",
    )


def draw(space: gf.Space, num: int) -> list[Config]:
    """The first `num` configurations of a random search from the fixed seed."""
    asker = random_asker(SEED)
    values = [asker.ask(space) for _ in range(num)]
    return [Config(v["optimizer.lr"], v["optimizer.weight_decay"]) for v in values]


def make_problem(name: str, space: gf.Space, *, trials: int) -> SearchProblem:
    """Read, split and prepare as goodfit does, and lay it out for everybody else."""
    session = begin(space, settings_of(trials=trials, workers=1))
    recipe = session.plan.resolve(space.fixed_recipe())
    with tempfile.TemporaryDirectory() as folder:
        material = material_of_session(session, recipe, Path(folder))
    rows, validation = material.batches.rows, material.validation.rows
    parts = {"": rows, "_valid": validation}
    net = net_of(recipe, session.known, None)
    widths = widths_of(net, session.known)
    return SearchProblem(
        name=name,
        **{f"x{end}": prepared(material, part, flat=bool(widths)) for end, part in parts.items()},
        **{f"y{end}": material.batches.data[1][part] for end, part in parts.items()},
        widths=widths,
        batch_size=recipe.batch_size,
        initial=[parameter.detach() for parameter in net.parameters()],
        orders=[local_order(material.batches, epoch) for epoch in range(recipe.epochs)],
        configs=draw(space, trials),
        space=write_space(space),
    )


def material_of_session(session: Session, recipe: gf.Recipe, folder: Path) -> Material:
    """The data as goodfit's loop takes them, which on these problems lie in memory."""
    material = material_of(session.known, recipe, folder)
    assert isinstance(material.batches, MemoryBatches) and isinstance(material.validation, Part)
    return material


def prepared(material: Material, rows: Tensor, *, flat: bool) -> Tensor:
    """Standardised float32 inputs of some rows, as vectors for a dense network."""
    x = material.prepare(material.batches.data[0][rows])
    return (x.flatten(1) if flat else x).contiguous()


def widths_of(net: nn.Module, known: Known) -> tuple[int, ...]:
    """A dense network's widths; none for one with convolutions."""
    if any(isinstance(layer, nn.Conv2d) for layer in net.modules()):
        return ()
    dense = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
    assert dense[-1].out_features == len(known.card.classes) == NUM_CLASSES
    return (dense[0].in_features, *(layer.out_features for layer in dense))


def local_order(batches: MemoryBatches, epoch: int) -> Tensor:
    """An epoch's order as places in the training part; its rows are sorted."""
    return torch.cat([torch.searchsorted(batches.rows, index) for (index,) in batches.epoch(epoch)])


def write_share(source: Path, target: Path, share: float) -> Path:
    """Write the first part of Fashion-MNIST's four files, for everybody alike; gives its folder."""
    target.mkdir(parents=True, exist_ok=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        values = read_idx(source / f"{name}-ubyte.gz")
        write_idx(target / f"{name}-ubyte.gz", values[: round(share * len(values))])
    return target


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write unsigned bytes as a gzipped IDX file."""
    head = struct.pack(">HBB", 0, IDX_UNSIGNED_BYTE, values.ndim)
    head += struct.pack(f">{values.ndim}I", *values.shape)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head + values.tobytes())
