"""A replayed graph gives the very bits of the graph as torch interprets it, for many networks."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import psutil
import pytest
import torch
from engine_teams import TABLE, MakeNet, Row, coefficients_of, index_of, make_problem, same_bits
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from goodfit.engine import Batch, Noise, make_step
from goodfit.engine.executor import flat_step
from goodfit.engine.replay import build_replay
from goodfit.engine.step import gathered
from goodfit.engine.trace import trace
from goodfit.nets import ACTIVATIONS, Dropout, build_net
from goodfit.recipe import CNN, MLP, Momentum, RMSProp

VIEWS = {"view", "t", "transpose", "permute", "select", "slice", "split", "split_with_sizes"}
VIEWS |= {"expand", "unsqueeze", "squeeze", "alias", "detach", "_unsafe_view", "unbind"}


class Setup:
    """One traced step, run twice over: by torch's interpreter, and replayed in place."""

    def __init__(self, make: MakeNet, rows: Sequence[Row], data: Batch) -> None:
        self.problem, self.population = make_problem(make, rows)
        self.data, self.table = data, coefficients_of(rows)
        self.noise = Noise(self.problem, self.population, data, [rows[0].seed])
        self.size = 16
        self.prepare()

    def prepare(self) -> None:
        """Trace for batches of the present size."""
        self.coefficients = self.table[0].clone()
        moved = self.population.tensors()
        kept = [*moved, self.coefficients, *self.data]
        args = [*kept, *self.fed(0)]
        flat = flat_step(gathered(make_step(self.problem)), self.population, len(self.data) + 1)
        self.module: fx.GraphModule = trace(flat, args)
        self.replay = build_replay(
            self.module,
            args,
            static=[i < len(kept) for i in range(len(args))],
            donated={i: i for i in range(len(moved))},
        )

    def fed(self, step: int) -> list[Tensor]:
        """Return what is new at a step: index and noise."""
        index = index_of(5, step, self.size, len(self.data[0]))
        return [index, *self.noise.draw(step, (index,))]

    def check(self, steps: range) -> None:
        """Run steps both ways from here, and compare every bit after each."""
        state = self.population.clone().tensors()
        for step in steps:
            self.coefficients.copy_(self.table[step])
            fed = self.fed(step)
            with torch.no_grad():
                *state, expected = self.module(*state, self.table[step], *self.data, *fed)
            with torch.inference_mode():
                (found,) = self.replay(*fed)
            assert same_bits(found, expected), step
            named = self.population.named()
            for (name, tensor), reference in zip(named.items(), state, strict=True):
                assert same_bits(tensor, reference), (step, name)

    def operations(self) -> list[str]:
        """Return the names of the operations that a replay calls, in order."""
        space = self.replay.__globals__
        lines = self.replay.source.splitlines()[1:-1]  # pyright: ignore[reportFunctionMemberAccess]
        called = [line.split("(")[0].split("= ")[-1].strip() for line in lines]
        return [_name_of(space[name]) for name in called if name in space]


def _name_of(function: object) -> str:
    if isinstance(function, torch._ops.OpOverload):
        return function._schema.name.partition("::")[2]
    return getattr(function, "__name__", "")


def mlp(activation: str = "relu", norm: str = "none") -> MakeNet:
    recipe = MLP.model_validate({"hidden": (24, 16), "activation": activation, "norm": norm})
    return lambda: build_net(recipe, input_shape=(64,), num_outputs=10, seed=1)


def cnn(norm: str, activation: str = "relu") -> MakeNet:
    recipe = CNN.model_validate({"channels": (4, 6), "norm": norm, "activation": activation})
    layers = lambda: build_net(recipe, input_shape=(1, 8, 8), num_outputs=10, seed=1)  # noqa: E731
    return lambda: nn.Sequential(nn.Unflatten(1, (1, 8, 8)), layers())


def frozen() -> nn.Module:
    net = mlp()()
    next(iter(net.parameters())).requires_grad_(False)
    return net


class Tied(nn.Module):
    """The same matrix on the way in and on the way out."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, 10, bias=False), nn.Linear(64, 10, bias=False)
        self.last.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.last(functional.softplus(self.first(x)) @ self.first.weight)


class Words(nn.Module):
    """An embedding of eight codes a row."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.linear = nn.Embedding(17, 6, padding_idx=0), nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        codes = x[:, ::8].mul(16.0).long()
        return self.linear(self.embedding(codes).flatten(1))


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    return nn.Sequential(nn.Unflatten(1, (8, 8)), layer, nn.Flatten(), nn.Linear(64, 10))


class Recurrent(nn.Module):
    def __init__(self, kind: Callable[..., nn.Module] = nn.GRU) -> None:
        super().__init__()
        self.recurrent = kind(16, 7, batch_first=True)
        self.linear = nn.Linear(7, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.recurrent(x.unflatten(1, (4, 16)))[0][:, -1])


class Growing(nn.Module):
    """Each layer sees all before it, rectified where they are joined."""

    def __init__(self, *, inplace: bool = False) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=inplace)
        self.a, self.b, self.c = nn.Linear(64, 8), nn.Linear(72, 8), nn.Linear(80, 10)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        b = self.b(self.relu(torch.cat([x, a], 1)))
        return self.c(self.relu(torch.cat([x, a, b], -1)))


class UsedTwice(nn.Module):
    """The joined values go on as they are, and their parts rectified."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(64, 8), nn.Linear(24, 10), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        joined = torch.cat([a, a, a.relu()], 1)
        return self.b(joined) + self.c(a.relu()) + self.c(functional.gelu(a))


class Reshaped(nn.Module):
    """Turns what it computed in place, as recurrent layers of torch do."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(64, 16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        turned = self.a(x).view(-1, 4, 4)
        turned.transpose_(1, 2)
        turned.unsqueeze_(1)
        return self.b(turned.flatten(1) * torch.ones(4, 4).tril_().flatten())


class Averages(nn.Module):
    """A buffer that it moves by itself, and one that it only reads."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(64))
        self.register_buffer("scale", torch.full((64,), 0.5))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.mean.mul_(0.9).add_(0.1 * x.mean(0))  # pyright: ignore[reportCallIssue]
        return self.linear((x - self.mean) * self.scale)  # pyright: ignore[reportOperatorIssue]


def activations() -> nn.Module:
    """One layer with each activation, one after the other."""
    layers: list[nn.Module] = []
    for name, make in ACTIVATIONS.items():
        layers += [nn.Linear(64, 128 if name == "maxout" else 64), make()]
    return nn.Sequential(*layers, nn.Linear(64, 10))


def several(*layers: Callable[[], nn.Module]) -> MakeNet:
    return lambda: nn.Sequential(*(layer() for layer in layers))


def linear() -> nn.Module:
    return nn.Linear(64, 64)


def head() -> nn.Module:
    return nn.Linear(64, 10)


NETS: dict[str, MakeNet] = {
    "mlp": mlp(),
    "activations": activations,
    "batch-norm": mlp("gelu", "batch"),
    "layer-norm": mlp("silu", "layer"),
    "group-norm": several(linear, lambda: nn.GroupNorm(4, 64), head),
    "weight-norm": several(lambda: parametrizations.weight_norm(nn.Linear(64, 64)), nn.ReLU, head),
    "spectral-norm": several(lambda: parametrizations.spectral_norm(nn.Linear(64, 64)), head),
    "convolution": cnn("none"),
    "convolution-batch-norm": cnn("batch", "silu"),
    "dropout": several(linear, nn.ReLU, lambda: Dropout(0.4), head, lambda: Dropout(0.1)),
    "relu-in-place": several(linear, lambda: nn.ReLU(inplace=True), head),
    "relu-twice": several(linear, nn.ReLU, nn.ReLU, head),
    "prelu": several(linear, nn.PReLU, head),
    "softmax-inside": several(linear, lambda: nn.Softmax(1), head),
    "frozen": frozen,
    "tied": Tied,
    "embedding": Words,
    "encoder": encoder,
    "gru": Recurrent,
    "lstm": lambda: Recurrent(nn.LSTM),
    "growing": Growing,
    "growing-in-place": lambda: Growing(inplace=True),
    "used-twice": UsedTwice,
    "reshaped-in-place": Reshaped,
    "own-averages": Averages,
    "bilinear-attention": several(
        lambda: nn.Unflatten(1, (8, 8)), lambda: Attends(), nn.Flatten, head
    ),
}


class Attends(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        weights = torch.where(x @ x.mT > 1.0, 1.0, x @ x.mT).softmax(-1)
        return weights @ x + x.pow(2) - x.abs().sqrt() + x.clamp(0.1, 0.7)


@pytest.mark.parametrize("make", NETS.values(), ids=list(NETS))
def test_a_replay_gives_the_graph_s_own_bits(make: MakeNet) -> None:
    Setup(make, [Row()], TABLE).check(range(6))


ROWS = [
    Row(net_seed=k, config=Row().config.model_copy(update={"lr": 1e-3 * 2**k})) for k in range(3)
]
# Torch has no batching rule for the steps of these, and warns.
UNBATCHED = ("lstm", "encoder", "spectral-norm", "weight-norm")
SEVERAL = [name for name in NETS if name not in UNBATCHED]


@pytest.mark.parametrize("name", SEVERAL)
def test_a_replay_of_several_rows_gives_the_graph_s_own_bits(name: str) -> None:
    Setup(NETS[name], ROWS, TABLE).check(range(3))


@pytest.mark.parametrize("config", [Momentum(lr=0.05), RMSProp()])
def test_a_replay_of_other_rules_gives_the_graph_s_own_bits(config: Momentum | RMSProp) -> None:
    Setup(mlp(), [Row(config)], TABLE).check(range(6))


def test_batch_sizes_may_alternate() -> None:
    """Two graphs move one population."""
    one = Setup(mlp(norm="batch"), [Row()], TABLE)
    two = Setup.__new__(Setup)
    two.__dict__.update(one.__dict__, size=7)
    two.prepare()
    for first in range(0, 6, 2):
        one.check(range(first, first + 1))
        two.check(range(first + 1, first + 2))


def test_what_moves_stays_where_it_is() -> None:
    setup = Setup(mlp(norm="batch"), ROWS, TABLE)
    places = [tensor.data_ptr() for tensor in setup.population.tensors()]
    setup.check(range(4))
    assert [tensor.data_ptr() for tensor in setup.population.tensors()] == places


def test_what_does_not_move_keeps_its_value() -> None:
    setup = Setup(frozen, [Row()], TABLE)
    data, name = [tensor.clone() for tensor in TABLE], "0.weight"
    weight = setup.population.buffers[name].clone()
    setup.check(range(4))
    assert same_bits(setup.population.buffers[name], weight)
    assert all(torch.equal(a, b) for a, b in zip(data, TABLE, strict=True))


def test_a_plain_network_s_replay_makes_no_views_and_few_calls() -> None:
    """Views of what stays in place are made once; the step is its arithmetic."""
    setup = Setup(mlp(), [Row()], TABLE)
    operations = setup.operations()
    assert not VIEWS & set(operations)
    graph = [node for node in setup.module.graph.nodes if node.op == "call_function"]
    assert len(operations) < 0.6 * len(graph)
    assert operations.count("relu_") == 2
    assert operations.count("mm") + operations.count("addmm") == 8
    assert "cat" not in operations, "the gradient is written where it belongs"
    assert "copy_" not in operations


def test_what_is_printed_is_what_runs() -> None:
    """The source is kept, so that a wrong number can be traced to a line."""
    setup = Setup(mlp(), [Row()], TABLE)
    source = setup.replay.source  # pyright: ignore[reportFunctionMemberAccess]
    assert source.startswith("def replay(a0):")
    assert source.splitlines()[-1].strip().startswith("return (")


@pytest.mark.parametrize("make", [mlp(norm="batch"), cnn("batch")])
def test_many_steps_take_no_more_memory_than_a_few(make: MakeNet) -> None:
    setup = Setup(make, [Row()], TABLE)
    fed = setup.fed(0)
    process = psutil.Process(os.getpid())

    def run(num_steps: int) -> int:
        with torch.inference_mode():
            for _ in range(num_steps):
                setup.replay(*fed)
        return process.memory_info().rss

    before = run(100)
    # One kilobyte a step that is not given back would be 600 KB.
    assert run(600) - before < 300_000


def test_setup_compares_something() -> None:
    """The harness above finds a replay that is off by one bit."""
    setup = Setup(mlp(), [Row()], TABLE)
    right = setup.replay

    def wrong(*fed: Tensor) -> tuple[Tensor, ...]:
        (probes,) = right(*fed)
        return (torch.nextafter(probes, probes + 1.0),)

    setup.replay = wrong
    with pytest.raises(AssertionError):
        setup.check(range(1))
