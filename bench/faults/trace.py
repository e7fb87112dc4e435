"""What the published rules of other tools read, taken from a run that nobody else watches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from bench.faults.program import Script

# The tools save tensors at intervals (500 steps by default, too few for runs of 400): every 10.
EVERY = 10
BOUNDED = (nn.Tanh, nn.Sigmoid)


@dataclass
class Saved:
    """Statistics of one saved step; gradients and weights by parameter, outputs by module."""

    step: int
    loss: float
    gradients: Mapping[str, Mapping[str, float]]
    weights: Mapping[str, Mapping[str, float]]
    unchanged: Mapping[str, bool]
    relu_inactive: Mapping[str, float]
    relu_zero: Mapping[str, float]
    relu_input_variance: Mapping[str, float]
    bounded: Mapping[str, Mapping[str, float]]


@dataclass
class Trace:
    """A whole run: the loss of each step, saved steps, and what was told after each epoch."""

    losses: list[float] = field(default_factory=list)
    saved: list[Saved] = field(default_factory=list)
    epoch_steps: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    class_counts: list[int] = field(default_factory=list)
    class_missed: list[float] = field(default_factory=list)
    output_range: float = 0.0
    target_range: float = 0.0
    num_steps: int = 0


def gradient_facts(gradient: Tensor) -> dict[str, float]:
    """Mean absolute value, norm, share of zeros, range from 5th to 95th percentile, NaN."""
    size, flat = gradient.abs(), gradient.flatten()[:100_000].float()
    low, high = torch.quantile(flat.nan_to_num(), torch.tensor([0.05, 0.95]))
    return {
        "mean_abs": float(size.mean()),
        "norm": float(gradient.norm()),
        "zero": float((gradient == 0).float().mean()),
        "range": float(high - low),
        "bad": float((~torch.isfinite(gradient)).float().mean()),
    }


class Spy:
    """Hooks on loss, network and activations of a script; its ``trace`` grows with the run."""

    def __init__(self, script: Script) -> None:
        self.script, self.trace = script, Trace(num_steps=script.num_steps)
        self.outputs: dict[str, tuple[nn.Module, Tensor, Tensor]] = {}
        self.x: Tensor | None = None
        self.y: Tensor | None = None
        self.hits: list[float] = []
        self.before: dict[str, Tensor] = {}
        self.started = 0
        self._hang()

    def _hang(self) -> None:
        loss_fn, net = self.script.loss_fn, self.script.net

        def heard(outputs: Tensor, y: Tensor) -> Tensor:
            self.y = y
            loss = loss_fn(outputs, y)
            if torch.is_grad_enabled():
                self.trace.losses.append(float(loss.detach()))
                self._count_hits(outputs.detach(), y)
            return loss

        def keep_input(module: nn.Module, args: Any) -> None:
            self.x = args[0]

        self.script.loss_fn = heard
        net.register_forward_pre_hook(keep_input)
        for name, module in net.named_modules():
            if isinstance(module, (nn.ReLU, *BOUNDED)):
                module.register_forward_hook(self._keep(name))

    def _keep(self, name: str) -> Any:
        def keep(module: nn.Module, args: Any, output: Tensor) -> None:
            if torch.is_grad_enabled():
                self.outputs[name] = (module, args[0].detach(), output.detach())

        return keep

    def _count_hits(self, outputs: Tensor, y: Tensor) -> None:
        if self.script.program.task == "classification" and y.ndim == 1 and outputs.shape[-1] > 1:
            self.hits.append(float((outputs.argmax(-1) == y).float().mean()))

    # -- what the loop calls -------------------------------------------------------------------

    def loss(self, loss: Tensor) -> None:
        """The loss was heard already."""

    def step(self, number: int) -> None:
        """After each step: save, if this is a step that is saved."""
        if number == 1 or number % EVERY == 0:
            self.trace.saved.append(self._saved(number))

    def validation(self, loss: float, **metrics: float) -> None:
        """After each epoch."""
        trace, since = self.trace, self.trace.losses[self.started :]
        self.started = len(trace.losses)
        trace.epoch_steps.append(len(trace.losses))
        trace.train_loss.append(sum(since) / max(1, len(since)))
        trace.validation_loss.append(loss)
        trace.validation_accuracy.append(metrics.get("accuracy", float("nan")))
        hits, self.hits = self.hits, []
        trace.train_accuracy.append(sum(hits) / len(hits) if hits else float("nan"))

    def _saved(self, number: int) -> Saved:
        named = list(self.script.net.named_parameters())
        gradients = {n: gradient_facts(p.grad) for n, p in named if p.grad is not None}
        weights = {n: self._weight_facts(n, p.detach()) for n, p in named}
        unchanged = {
            n: n in self.before and torch.allclose(p, self.before[n], rtol=1e-5, atol=1e-8)
            for n, p in named
        }
        self.before = {n: p.detach().clone() for n, p in named}
        relus = {n: v for n, v in self.outputs.items() if isinstance(v[0], nn.ReLU)}
        return Saved(
            number,
            self.trace.losses[-1] if self.trace.losses else float("nan"),
            gradients,
            weights,
            unchanged,
            {n: inactive_share(out) for n, (_, _, out) in relus.items()},
            {n: float((out <= 0).float().mean()) for n, (_, _, out) in relus.items()},
            {n: float(x.var()) for n, (_, x, _) in relus.items()},
            {n: bounded_facts(*v) for n, v in self.outputs.items() if isinstance(v[0], BOUNDED)},
        )

    def _weight_facts(self, name: str, p: Tensor) -> dict[str, float]:
        moved = (p - self.before[name]) if name in self.before else None
        ratio = float(moved.abs().mean() / (p.abs().mean() + 1e-9)) if moved is not None else 1e-3
        return {"variance": float(p.float().var()) if p.numel() > 1 else 0.0, "update": ratio}

    def finish(self) -> Trace:
        """Add what is read off the data: class counts, share of each class that is missed."""
        parts, program = self.script.parts, self.script.program
        y = parts.train.y.flatten()
        self.trace.target_range = float(y.float().max() - y.float().min())
        with torch.no_grad():
            outputs = self.script.net.eval()(parts.validation.x).float()
        self.trace.output_range = float(outputs.max() - outputs.min())
        if program.task != "regression":
            classes, counts = y.unique(return_counts=True)
            self.trace.class_counts = [int(c) for c in counts]
            told = outputs.argmax(1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0).long()
            truth = parts.validation.y.flatten()
            self.trace.class_missed = [
                float((told[truth == k] != k).float().mean()) for k in classes if (truth == k).any()
            ]
        return self.trace


def inactive_share(output: Tensor) -> float:
    """Share of units (last dimension, or channels) that fire for under 1 % of the batch."""
    dim = 1 if output.ndim == 4 else output.ndim - 1
    firing = (output > 0).float().movedim(dim, 0).flatten(1).mean(1)
    return float((firing < 0.01).float().mean())


def bounded_facts(module: nn.Module, x: Tensor, output: Tensor) -> dict[str, float]:
    """Shares of inputs in the flat ends, by the two tools' bounds."""
    low, high = (-9.4999, 9.4999) if isinstance(module, nn.Tanh) else (-23.0, 16.99999)
    return {
        "wide": float(((x < low) | (x > high)).float().mean()),
        "five": float((x.abs() >= 5).float().mean()),
    }
