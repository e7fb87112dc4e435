"""Faults of the network and of its loss."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.faults import networks
from bench.faults.networks import two_parts
from bench.faults.plant_data import Plant
from bench.faults.program import Program

ACTIVATIONS = (nn.ReLU, nn.GELU, nn.Tanh)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)


class Do(nn.Module):
    """A line of somebody's ``forward``."""

    def __init__(self, line: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.line = line

    def forward(self, x: Tensor) -> Tensor:
        """Run the line."""
        return self.line(x)


def between(line: Callable[[Tensor], Tensor]) -> Plant:
    """Put a line between body and head."""

    def change(net: nn.Module) -> nn.Module:
        return two_parts(nn.Sequential(net.body, Do(line)), net.head)  # pyright: ignore

    return lambda program: program.with_net(change)


def before(line: Callable[[Tensor], Tensor]) -> Plant:
    """Put a line before the network."""

    def change(net: nn.Module) -> nn.Module:
        return two_parts(nn.Sequential(Do(line), net.body), net.head)  # pyright: ignore

    return lambda program: program.with_net(change)


def behind(last: Callable[[], nn.Module], **fields: object) -> Plant:
    """Put a module behind the network, and change fields of the program."""

    def change(net: nn.Module) -> nn.Module:
        return two_parts(net.body, nn.Sequential(net.head, last()))  # pyright: ignore

    return lambda program: replace(program.with_net(change), **fields)  # pyright: ignore


def with_fields(**fields: object) -> Plant:
    """Change fields of the program."""
    return lambda program: replace(program, **fields)  # pyright: ignore


def net_option(**options: object) -> Plant:
    """Make the network with other options."""
    return lambda program: replace(program, net_options={**program.net_options, **options})


def squared_class_number(program: Program) -> Program:
    """Squared error against the class's number, as if it were a quantity."""

    def change(net: nn.Module) -> nn.Module:
        return two_parts(net.body, nn.Linear(net.head.in_features, 1))  # pyright: ignore

    def loss(outputs: Tensor, y: Tensor) -> Tensor:
        return F.mse_loss(outputs[:, 0], y.float())

    def decide(outputs: Tensor) -> Tensor:
        return outputs[:, 0].round().long()

    changed = program.with_net(change)
    return replace(changed, make_loss=lambda: loss, decide=decide, alter=None)


def flat_target(program: Program) -> Program:
    """Targets ``[N]`` beside outputs ``[N, 1]``: the loss compares all pairs."""
    names = ("train", "validation", "sealed")

    def flatten(rows):
        return type(rows)(rows.x, rows.y[:, 0])

    return program.with_data(lambda parts: parts.over(*names, change=flatten))


def weights_of(net: nn.Module) -> Iterator[nn.Parameter]:
    """All weights of two or more dimensions, but no embeddings."""
    for module in net.modules():
        if not isinstance(module, nn.Embedding):
            yield from (p for p in module.parameters(recurse=False) if p.ndim > 1)


def _in_place(change: Callable[[nn.Module], None]) -> Plant:
    def changed(net: nn.Module) -> nn.Module:
        with torch.no_grad():
            change(net)
        return net

    return lambda program: program.with_net(changed)


def scaled_init(factor: float, *, head_only: bool = False) -> Plant:
    """Multiply the initial weights of all layers, or of the head."""

    def scale(net: nn.Module) -> None:
        for p in weights_of(net.head if head_only else net):  # pyright: ignore
            p.mul_(factor)

    return _in_place(scale)


def constant_init(value: float) -> Plant:
    """Give all weights the same value, and no bias."""

    def fill(net: nn.Module) -> None:
        for p in weights_of(net):
            p.fill_(value)
        for module in net.modules():
            if isinstance(module, nn.Linear | nn.Conv2d) and module.bias is not None:
                module.bias.zero_()

    return _in_place(fill)


def head_bias(value: float) -> Plant:
    """Start the head with a large bias towards the first output."""
    return _in_place(lambda net: net.head.bias[:1].add_(value))  # pyright: ignore


def negative_biases(value: float) -> Plant:
    """Start what stands before each activation with a bias far below 0."""

    def fill(net: nn.Module) -> None:
        layers = [
            m for m in net.modules() if isinstance(m, (nn.Linear, nn.Conv2d, nn.ReLU, *NORMS))
        ]
        for first, second in pairwise(layers):
            if isinstance(second, nn.ReLU) and getattr(first, "bias", None) is not None:
                first.bias.fill_(value)  # pyright: ignore

    return _in_place(fill)


def swap(kinds: tuple[type[nn.Module], ...], make: Callable[[nn.Module], nn.Module]) -> Plant:
    """Replace each module of certain kinds."""

    def change(net: nn.Module) -> nn.Module:
        for parent in list(net.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, kinds):
                    setattr(parent, name, make(child))
        return net

    return lambda program: program.with_net(change)


class _Wrong(torch.autograd.Function):
    """ReLU with somebody's own backward."""

    @staticmethod
    def forward(ctx, x: Tensor, mistake: str) -> Tensor:  # pyright: ignore
        ctx.save_for_backward(x)
        ctx.mistake = mistake
        return x.clamp_min(0)

    @staticmethod
    def backward(ctx, grad: Tensor):  # pyright: ignore
        (x,) = ctx.saved_tensors
        right = grad * (x > 0)
        wrong = {"sign": -right, "mask": grad * (x < 0), "lost": right * 1e-3, "value": grad * x}
        return wrong[ctx.mistake], None


def wrong_backward(mistake: str) -> Plant:
    """Use a hand-written ReLU whose backward is wrong."""
    return swap((nn.ReLU,), lambda _: Do(lambda x: _Wrong.apply(x, mistake)))  # pyright: ignore


def saturating(scale: float, kind: Callable[[], nn.Module]) -> Plant:
    """Bounded activations, and weights so large that they sit in the flat ends."""
    swapped, scaled = swap(ACTIVATIONS, lambda _: kind()), scaled_init(scale)
    return lambda program: scaled(swapped(program))


def deep(depth: int, width: int, activation: Callable[[], nn.Module], gain: float) -> Plant:
    """A deep plain network in place of the base's own, its weights scaled by ``gain``."""

    def change(net: nn.Module) -> nn.Module:
        num_in, num_out = next(weights_of(net)).shape[1], len(net.head.weight)  # pyright: ignore
        return networks.mlp(num_in, num_out, hidden=(width,) * depth, activation=activation)

    scaled = scaled_init(gain)
    return lambda program: scaled(replace(program, net_options={}).with_net(change))


def rooted() -> Plant:
    """The length of a difference that is 0 in the first row, where a root's slope is infinite."""
    return between(lambda h: h * (1 + (h - h[:1]).square().sum(1, keepdim=True).sqrt()))


def logarithm() -> Plant:
    """A logarithm of what may be 0."""
    return between(lambda h: h.relu().log())


def unit_spread() -> Plant:
    """Somebody's own group norm, without an epsilon: four silent units have a spread of 0."""

    def line(h: Tensor) -> Tensor:
        groups = h.unflatten(1, (-1, 4))
        return ((groups - groups.mean(2, keepdim=True)) / groups.std(2, keepdim=True)).flatten(1)

    return between(line)


class HandWritten(nn.Module):
    """Cross-entropy by hand: the logarithm of a softmax that can come out as 0."""

    def forward(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Mean of ``-log p`` without the shift that keeps it finite."""
        p = outputs.exp() / outputs.exp().sum(1, keepdim=True)
        return -p.gather(1, y[:, None]).log().mean()


def no_gradient_body(net: nn.Module) -> nn.Module:
    """The body runs under ``no_grad``."""
    body = net.body

    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = body

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                return self.inner(x)  # pyright: ignore

    return two_parts(Frozen(), net.head)  # pyright: ignore


def hidden_in_list(net: nn.Module) -> nn.Module:
    """The layers of the body stand in a plain list, so the network does not know of them."""
    layers = list(net.body)  # pyright: ignore

    def forward(x: Tensor) -> Tensor:
        for layer in layers:
            x = layer(x)
        return x

    return two_parts(Do(forward), net.head)  # pyright: ignore


def with_change(change: Callable[[nn.Module], nn.Module]) -> Plant:
    """Change the network after it was made."""
    return lambda program: program.with_net(change)


def replaced_after(program: Program) -> Program:
    """Copy the network after the optimiser got its parameters: the copy is trained by nobody."""
    return replace(program, rewire=copy.deepcopy)


def dropout_before_norm(rate: float) -> Plant:
    """Put dropout before each batch norm."""
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d)
    return swap(kinds, lambda norm: nn.Sequential(nn.Dropout(rate), norm))


def slow_statistics(momentum: float) -> Plant:
    """Running statistics that hardly follow."""

    def slow(net: nn.Module) -> None:
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = momentum

    return _in_place(slow)
