"""A program: everything that a user's training script fixes, and its plain loop.

Nothing in the loop is Goodfit's but ``watch.loss`` and ``watch.validation``, which the issue
gives to users; :data:`NOBODY` stands there where nobody watches.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR
from torch.utils.data import DataLoader, TensorDataset

from bench.faults.data import Parts, Rows, Task

LossFn = Callable[[Tensor, Tensor], Tensor]
Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True, kw_only=True)
class Optim:
    """The optimiser; ``extra`` are further options of torch's class."""

    kind: Literal["sgd", "adam", "adamw"]
    lr: float
    weight_decay: float = 0.0
    momentum: float = 0.9
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Loop:
    """What the loop does at each step; a healthy one leaves all as it is."""

    zero_grad: bool = True
    take_step: bool = True
    shuffle: bool = True
    same_batch: bool = False
    train_mode: bool = True
    eval_mode: bool = True
    max_grad_norm: float | None = None
    autocast: bool = False
    with_loader: bool = False
    epochs_run: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Program:
    """A training script. ``groups`` gives the optimiser its parameters; ``warp`` maps step and
    number of steps to a factor on the rate; ``rewire`` is done to the net after the optimiser
    got its parameters; ``traits`` say which faults can be planted."""

    name: str
    task: Task
    load: Callable[[], Parts]
    make_net: Callable[..., nn.Module]
    net_options: Mapping[str, Any] = field(default_factory=dict)
    make_loss: Callable[[], LossFn] = nn.CrossEntropyLoss
    optim: Optim
    schedule: Literal["constant", "cosine", "one-cycle"] = "constant"
    schedule_share: float = 1.0
    warp: Callable[[int, int], float] | None = None
    alter: Callable[[Tensor, Tensor], Batch] | None = None
    decide: Callable[[Tensor], Tensor] | None = None
    groups: Callable[[nn.Module, float], Iterable[Any]] | None = None
    rewire: Callable[[nn.Module], nn.Module] | None = None
    batch_size: int = 32
    epochs: int = 12
    loop: Loop = field(default_factory=Loop)
    traits: frozenset[str] = frozenset()

    def with_loop(self, **changes: Any) -> "Program":
        """The same program with another loop."""
        return replace(self, loop=replace(self.loop, **changes))

    def with_optim(self, **changes: Any) -> "Program":
        """The same program with other settings of the optimiser."""
        return replace(self, optim=replace(self.optim, **changes))

    def with_net(self, change: Callable[[nn.Module], nn.Module]) -> "Program":
        """The same program, its network changed right after it was made."""
        make = self.make_net
        return replace(self, make_net=lambda **options: change(make(**options)))

    def with_data(self, change: Callable[[Parts], Parts]) -> "Program":
        """The same program on changed data."""
        load = self.load
        return replace(self, load=lambda: change(load()))


class Watching(Protocol):
    """What the loop itself calls."""

    def loss(self, loss: Tensor) -> object: ...
    def validation(self, loss: float, **metrics: float) -> object: ...


class Nobody:
    """Watches nothing."""

    def loss(self, loss: Tensor) -> None:
        """Look away."""

    def validation(self, loss: float, **metrics: float) -> None:
        """Look away."""


NOBODY = Nobody()


@dataclass
class Script:
    """A program at the start of one run: everything made, nothing trained yet."""

    program: Program
    parts: Parts
    net: nn.Module
    loss_fn: LossFn
    optimizer: Optimizer
    scheduler: Any
    batches: Iterable[Batch]
    num_steps: int


class Slices:
    """Batches as slices of tensors, in another order at each pass."""

    def __init__(self, rows: Rows, batch_size: int, shuffle: bool) -> None:
        self.rows, self.batch_size, self.shuffle = rows, batch_size, shuffle

    def __len__(self) -> int:
        return max(1, len(self.rows) // self.batch_size)

    def __iter__(self):
        order = torch.randperm(len(self.rows)) if self.shuffle else torch.arange(len(self.rows))
        for place in range(len(self)):
            index = order[place * self.batch_size : (place + 1) * self.batch_size]
            yield self.rows.x[index], self.rows.y[index]


class Altered:
    """Batches, each changed by augmentation or mixing."""

    def __init__(self, batches: Iterable[Batch], alter: Callable[[Tensor, Tensor], Batch]) -> None:
        self.batches, self.alter = batches, alter

    def __iter__(self):
        return (self.alter(x, y) for x, y in self.batches)


def make_batches(program: Program, rows: Rows) -> Iterable[Batch]:
    """The training batches as the program's user made them."""
    size = min(program.batch_size, len(rows))
    batches: Any = Slices(rows, size, program.loop.shuffle)
    if program.loop.with_loader:
        batches = DataLoader(
            TensorDataset(rows.x, rows.y),
            batch_size=size,
            shuffle=program.loop.shuffle,
            drop_last=True,
        )
    return Altered(batches, program.alter) if program.alter else batches


def make_optimizer(program: Program, net: nn.Module) -> Optimizer:
    """The optimiser over the parameters that the program gives it."""
    o = program.optim
    groups = program.groups(net, o.lr) if program.groups else net.parameters()
    if o.kind == "sgd":
        return SGD(groups, lr=o.lr, momentum=o.momentum, weight_decay=o.weight_decay, **o.extra)
    kind = Adam if o.kind == "adam" else AdamW
    return kind(groups, lr=o.lr, weight_decay=o.weight_decay, **o.extra)


def make_scheduler(program: Program, optimizer: Optimizer, num_steps: int) -> Any:
    """A scheduler to be stepped after each step, or None."""
    over = max(1, round(program.schedule_share * num_steps))
    if program.warp is not None:
        warp = program.warp
        return LambdaLR(optimizer, lambda step: warp(step, num_steps))
    if program.schedule == "cosine":
        return LambdaLR(
            optimizer,
            lambda step: 0.5 + 0.5 * float(torch.tensor(min(step / over, 1.0) * torch.pi).cos()),
        )
    if program.schedule == "one-cycle":
        rates = [group["lr"] for group in optimizer.param_groups]
        return OneCycleLR(optimizer, rates, total_steps=num_steps + 1)
    return None


def start(program: Program, seed: int) -> Script:
    """Make everything that the script makes before its loop."""
    torch.manual_seed(seed)
    parts = program.load()
    net = program.make_net(**program.net_options)
    optimizer = make_optimizer(program, net)
    if program.rewire:
        net = program.rewire(net)
    per_epoch = max(1, len(parts.train) // program.batch_size)
    num_steps = max(2, round(program.epochs * program.loop.epochs_run * per_epoch))
    return Script(
        program,
        parts,
        net,
        program.make_loss(),
        optimizer,
        make_scheduler(program, optimizer, num_steps),
        make_batches(program, parts.train),
        num_steps,
    )


def precision(program: Program) -> AbstractContextManager[Any]:
    """bfloat16 where the program asks for it."""
    if program.loop.autocast:
        return torch.autocast("cpu", dtype=torch.bfloat16)
    return nullcontext()


def train(script: Script, watch: Watching = NOBODY, tap: Callable[[int], object] = int) -> None:
    """The training loop; ``tap`` gets each step's number after the step (and gives nothing)."""
    program, step = script.program, 0
    fixed = next(iter(script.batches)) if program.loop.same_batch else None
    script.net.train()
    while step < script.num_steps:
        if program.loop.train_mode:
            script.net.train()
        for batch in script.batches:
            train_step(script, watch, fixed or batch)
            step += 1
            tap(step)
            if step == script.num_steps:
                break
        validate(script, watch)


def train_step(script: Script, watch: Watching, batch: Batch) -> None:
    """One step, as tutorials write it."""
    loop, (x, y) = script.program.loop, batch
    if loop.zero_grad:
        script.optimizer.zero_grad()
    with precision(script.program):
        loss = script.loss_fn(script.net(x), y)
    if not isinstance(script.loss_fn, nn.Module):
        watch.loss(loss)
    loss.backward()
    if loop.max_grad_norm is not None:
        nn.utils.clip_grad_norm_(script.net.parameters(), loop.max_grad_norm)
    if loop.take_step:
        script.optimizer.step()
    if script.scheduler is not None:
        script.scheduler.step()


def validate(script: Script, watch: Watching) -> None:
    """The pass over the validation part at the end of an epoch."""
    rows = script.parts.validation
    outputs = answer(script, rows.x)
    with torch.no_grad():
        loss = float(script.loss_fn(outputs, rows.y))
    name = "r2" if script.program.task == "regression" else "accuracy"
    watch.validation(loss, **{name: plain_score(script, outputs, rows.y)})


def answer(script: Script, x: Tensor) -> Tensor:
    """Outputs ``[N, C]``, evaluated as the program does it."""
    if script.program.loop.eval_mode:
        script.net.eval()
    with torch.no_grad(), precision(script.program):
        return script.net(x).float()


def decisions(program: Program, outputs: Tensor) -> Tensor:
    """Classes ``[N]`` from outputs."""
    if program.decide is not None:
        return program.decide(outputs)
    if program.task == "binary":
        return (outputs[:, 0] > 0).long()
    return outputs.argmax(1)


def r2(outputs: Tensor, y: Tensor) -> float:
    """Share of the target's variance that is explained; may be far below 0."""
    return float(1 - (outputs - y).square().mean() / y.var(unbiased=False))


def plain_score(script: Script, outputs: Tensor, y: Tensor) -> float:
    """What the user's script prints: accuracy, or R2."""
    if script.program.task == "regression":
        return r2(outputs.reshape(len(outputs), -1), y.reshape(len(y), -1))
    return float((decisions(script.program, outputs) == y.flatten()).float().mean())
