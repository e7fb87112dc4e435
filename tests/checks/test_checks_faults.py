"""Each check finds the fault that is planted for it, and names it first; its twin is healthy."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from checks_programs import (
    Around,
    Batches,
    Transformer,
    batches,
    changed,
    cnn,
    data,
    layers_of,
    mixed_up,
    mlp,
    parts,
    seeded,
    sorted_batches,
    with_weights,
)
from torch import Tensor, nn
from torch.nn import functional

from goodfit.checks import CHECKS, ORDER, check
from goodfit.checks.family import UNFINISHED

Loss = Callable[[Any, Any], Any]
cross_entropy = nn.CrossEntropyLoss()


@dataclass(frozen=True)
class Fault:
    """A program with one fault: a healthy network on data, and what is changed of it."""

    data: str = "digits"
    make: Callable[[], nn.Module] = lambda: mlp(64, 10)
    loss: Loss = cross_entropy
    change: Callable[[Batches], Batches] = list
    size: int = 32
    optimizer: Callable[[nn.Module], Any] | None = None
    overlap: float = 0.0


def inputs(change: Callable[[Tensor], Tensor]) -> Callable[[Batches], Batches]:
    return lambda given: changed(given, lambda x, y: (change(x), y))


def targets(change: Callable[[Tensor], Tensor]) -> Callable[[Batches], Batches]:
    return lambda given: changed(given, lambda x, y: (x, change(y)))


def one_value(value: float) -> Callable[[Batches], Batches]:
    def change(given: Batches) -> Batches:
        x = given[1][0].clone()
        x.view(len(x), -1)[3, 7] = value
        return [given[0], (x, given[1][1]), *given[2:]]

    return change


def imbalanced(given: Batches) -> Batches:
    x, y = torch.cat([x for x, _ in given]), torch.cat([y for _, y in given])
    kept = (y != 1) | (torch.cumsum(y == 1, 0) <= 2)
    return batches(x[kept], y[kept])


def ending(*layers: nn.Module) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(mlp(64, 10), *layers)


def regression(*layers: nn.Module) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(mlp(10, 1), *layers)


def around(forward: Callable[[nn.Module, Tensor], Any]) -> Callable[[], nn.Module]:
    return lambda: Around(mlp(64, 10), forward)


def weights(draw: Callable[[Tensor], Any], **options: Any) -> Callable[[], nn.Module]:
    return lambda: with_weights(mlp(64, 10, **options), draw)


def last_layer_times(factor: float, net: nn.Module) -> nn.Module:
    with torch.no_grad():
        list(layers_of(net))[-1].weight.mul_(factor)
    return net


def projections_times(factor: float, net: nn.Module) -> nn.Module:
    """Return a transformer whose queries, keys and values start larger."""
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None:
                module.in_proj_weight.mul_(factor)
    return net


def first_bias(value: float, net: nn.Module) -> nn.Module:
    bias = next(layers_of(net)).bias
    assert bias is not None
    nn.init.constant_(bias, value)
    return net


class Square(torch.autograd.Function):
    """Its backward forgets the 2, unless ``right``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.factor = factor
        return x * x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return gradients[0] * ctx.factor * ctx.saved_tensors[0], None


class StraightThrough(torch.autograd.Function):
    """Rounds, and lets the gradient through: wrong on purpose."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.sign(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return gradients[0]


class Unused(nn.Module):
    """Has layers that forward forgets."""

    def __init__(self, forgotten: nn.Module) -> None:
        super().__init__()
        self.net, self.forgotten = mlp(64, 10), forgotten

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class InAList(nn.Module):
    """Keeps its first layers where torch does not look for them, or in a ModuleList."""

    def __init__(self, hold: Callable[[list[nn.Module]], Any] = list) -> None:
        super().__init__()
        self.layers = hold([nn.Linear(64, 32), nn.Linear(32, 32)])
        self.last = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x).relu()
        return self.last(x)


def all_of_a_list(net: Any) -> torch.optim.Optimizer:
    hidden = [p for layer in net.layers for p in layer.parameters()]
    return torch.optim.Adam([*net.parameters(), *hidden])


def in_a_closure() -> nn.Module:
    hidden = nn.Linear(64, 64)
    return Around(mlp(64, 10), lambda net, x: net(hidden(x).relu()))


class Cut(nn.Module):
    """Cuts the gradient between its layers."""

    def __init__(self, cut: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.last, self.cut = nn.Linear(64, 32), nn.Linear(32, 10), cut

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.cut(self.first(x)))


def frozen_decay(net: nn.Module) -> torch.optim.Optimizer:
    first, *rest = net.parameters()
    first.requires_grad_(False)
    groups = [{"params": [first], "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups)


def of_a_copy(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam([p.detach().clone() for p in net.parameters()])


def images(*layers: nn.Module, batch_norm: bool = False) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(cnn(batch_norm=batch_norm), *layers)


def dropout_then_norm() -> nn.Module:
    layers = [nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.5), nn.BatchNorm1d(64)]
    return nn.Sequential(*layers, nn.Linear(64, 10))


mse, bce, nll = nn.MSELoss(), nn.BCEWithLogitsLoss(), nn.NLLLoss()
yes_or_no = targets(lambda y: y.float()[:, None])
flat = targets(lambda y: y.flatten())
FAULTS: dict[str, dict[str, Fault]] = {
    "input-not-finite": {
        "nan": Fault(change=one_value(math.nan)),
        "infinity": Fault("small-images", images(), change=one_value(-math.inf)),
    },
    "label-out-of-range": {
        "too-large": Fault(change=targets(lambda y: y + 1)),
        "negative": Fault(change=targets(lambda y: y - 1)),
        "nan": Fault(
            "diabetes", regression(), mse, change=targets(lambda y: torch.where(y > 2, math.nan, y))
        ),
        "two": Fault(
            "breast-cancer",
            lambda: mlp(30, 1),
            bce,
            change=targets(lambda y: 2 * y.float()[:, None]),
        ),
    },
    "split-overlap": {"all": Fault(overlap=1.0), "a-tenth": Fault(overlap=0.1)},
    "labels-sorted": {
        "classes": Fault(change=sorted_batches),
        "shares-of-classes": Fault(change=lambda given: mixed_up(sorted_batches(given), 10)),
        "quantity": Fault(
            "diabetes",
            regression(),
            mse,
            change=lambda given: [
                (x, y[:, None])
                for x, y in sorted_batches(changed(given, lambda x, y: (x, y.flatten())))
            ],
        ),
    },
    "input-out-of-scale": {
        "bytes": Fault(change=inputs(lambda x: 255 * x)),
        "tiny": Fault(change=inputs(lambda x: 1e-4 * x)),
        "shifted": Fault(change=inputs(lambda x: x + 30)),
        "huge-images": Fault("small-images", images(), change=inputs(lambda x: 1e4 * x)),
    },
    "class-imbalance": {
        "two-of-a-class": Fault(change=imbalanced),
        "weights-of-another-class": Fault(
            change=imbalanced, loss=nn.CrossEntropyLoss(weight=torch.tensor([9.0] + [1.0] * 9))
        ),
        "soft-targets": Fault(
            change=lambda given: changed(
                imbalanced(given), lambda x, y: (x, functional.one_hot(y, 10).float())
            )
        ),
    },
    "loss-broadcast": {
        "targets": Fault("diabetes", regression(), mse, change=flat),
        "outputs": Fault("diabetes", regression(nn.Flatten(0)), mse),
        "own-loss": Fault(
            "diabetes", regression(), lambda o, y: (o - y).square().mean(), change=flat
        ),
        "l1": Fault("diabetes", regression(), nn.L1Loss(), change=flat),
    },
    "softmax-wrong-axis": {
        "rows": Fault(make=ending(nn.Softmax(dim=0))),
        "rows-log": Fault(make=ending(nn.LogSoftmax(dim=0)), loss=nll),
        "one-class": Fault(
            "breast-cancer",
            lambda: nn.Sequential(mlp(30, 1), nn.Softmax(dim=1)),
            nn.BCELoss(),
            change=yes_or_no,
        ),
        "positions": Fault(
            "copies",
            lambda: nn.Sequential(Transformer(12, by_token=True), nn.LogSoftmax(dim=2)),
            nll,
        ),
    },
    "double-softmax": {
        "layer": Fault(make=ending(nn.Softmax(dim=1))),
        "function": Fault(make=around(lambda net, x: functional.softmax(net(x), dim=-1))),
        "by-hand": Fault(
            make=around(lambda net, x: net(x).exp() / net(x).exp().sum(1, keepdim=True))
        ),
        "images": Fault("small-images", images(nn.Softmax(dim=1), batch_norm=True)),
        "sigmoid": Fault(
            "breast-cancer",
            lambda: nn.Sequential(mlp(30, 1), nn.Sigmoid()),
            bce,
            change=yes_or_no,
        ),
    },
    "missing-softmax": {
        "scores": Fault(loss=nll),
        "no-logarithm": Fault(make=ending(nn.Softmax(dim=1)), loss=nll),
        "no-sigmoid": Fault("breast-cancer", lambda: mlp(30, 1), nn.BCELoss(), change=yes_or_no),
    },
    "loss-output-mismatch": {
        "relu": Fault(make=ending(nn.ReLU())),
        "sigmoid": Fault(make=ending(nn.Sigmoid())),
        "unreachable-sigmoid": Fault("diabetes", regression(nn.Sigmoid()), mse),
        "unreachable-relu": Fault("diabetes", regression(nn.ReLU()), mse),
        "unreachable-tanh": Fault("diabetes", regression(nn.Tanh()), mse),
        "classes-for-a-quantity": Fault("diabetes", regression(), cross_entropy),
        "yes-or-no-for-a-quantity": Fault("diabetes", regression(), bce),
        "class-numbers-as-quantities": Fault(
            make=lambda: mlp(64, 1), loss=lambda o, y: mse(o, y.float()[:, None])
        ),
        "many-numbers": Fault(loss=nn.CrossEntropyLoss(reduction="none")),
    },
    "loss-sum-reduction": {
        "classes": Fault(loss=nn.CrossEntropyLoss(reduction="sum")),
        "quantity": Fault("diabetes", regression(), nn.MSELoss(reduction="sum")),
    },
    "batch-mixing": {
        "view": Fault(make=around(lambda net, x: net(x.t().reshape(x.shape)))),
        "mean-over-rows": Fault(make=around(lambda net, x: net(x - x.mean(0)))),
        "attention": Fault("waves", lambda: Transformer(3, floats=6, batch_first=False)),
        "attention-tokens": Fault("tokens", lambda: Transformer(2, batch_first=False)),
    },
    "input-ignored": {
        "zero": Fault(make=around(lambda net, x: net(0 * x))),
        "most": Fault(make=around(lambda net, x: net(x * (torch.arange(64) < 12)))),
        "tokens": Fault("tokens", lambda: Around(Transformer(2), lambda net, x: net(0 * x))),
    },
    "gradient-wrong": {
        "half": Fault(make=around(lambda net, x: Square.apply(net(x), 1.0))),
        "sign": Fault(make=around(lambda net, x: Square.apply(net(x), -2.0))),
    },
    "no-gradient": {
        "unused": Fault(make=lambda: Unused(nn.Linear(64, 10))),
        "detached": Fault(make=lambda: Cut(Tensor.detach)),
        "detached-at-the-end": Fault(make=around(lambda net, x: net(x).detach())),
        "step": Fault(make=lambda: Cut(torch.sign)),
        "loss": Fault(loss=lambda o, y: (o.argmax(1) != y).float().mean()),
        "all-frozen": Fault(make=lambda: mlp(64, 10).requires_grad_(False)),
    },
    "not-in-optimizer": {
        "last-layer": Fault(optimizer=lambda net: torch.optim.Adam([*net.parameters()][:-2])),
        "copy": Fault(optimizer=of_a_copy),
        "plain-list": Fault(make=InAList, optimizer=lambda net: torch.optim.Adam(net.parameters())),
        "closure": Fault(
            make=in_a_closure, optimizer=lambda net: torch.optim.Adam(net.parameters())
        ),
    },
    "regularization-inert": {
        "unused-dropout": Fault(make=lambda: Unused(nn.Dropout(0.5))),
        "dropout-off": Fault(
            make=around(lambda net, x: net(functional.dropout(x, 0.5, training=False)))
        ),
        "decay-of-frozen": Fault(optimizer=frozen_decay),
    },
    "batch-norm-tiny-batch": {
        "two": Fault("small-images", images(batch_norm=True), size=2),
        "four": Fault(make=lambda: mlp(64, 10, norm=nn.BatchNorm1d), size=4),
        "one": Fault(make=lambda: mlp(64, 10, norm=nn.BatchNorm1d), size=1),
        "rest-of-one": Fault(
            make=lambda: mlp(64, 10, norm=nn.BatchNorm1d),
            change=lambda given: [*given, (given[0][0][:1], given[0][1][:1])],
        ),
    },
    "dropout-before-batch-norm": {"direct": Fault(make=dropout_then_norm)},
    "no-activation": {
        "dense": Fault(make=lambda: mlp(64, 10, activation="none")),
        "quantity": Fault("diabetes", lambda: mlp(10, 1, activation="none"), mse),
        "norms": Fault(make=lambda: mlp(64, 10, activation="none", norm=nn.BatchNorm1d)),
    },
    "symmetric-init": {
        "zeros": Fault(make=weights(nn.init.zeros_)),
        "constant": Fault(make=weights(lambda w: nn.init.constant_(w, 0.1))),
        "quantity": Fault(
            "diabetes",
            lambda: with_weights(mlp(10, 1), lambda w: nn.init.constant_(w, 0.1)),
            mse,
        ),
    },
    "dead-at-init": {
        "biases": Fault(make=lambda: first_bias(-30.0, mlp(64, 10))),
        "images": Fault("small-images", lambda: first_bias(-30.0, cnn())),
    },
    "init-too-large": {
        "relu": Fault(make=weights(lambda w: nn.init.normal_(w, std=1.0))),
        "tanh": Fault(make=weights(lambda w: nn.init.normal_(w, std=1.0), activation="tanh")),
        "images": Fault(
            "small-images", lambda: with_weights(cnn(), lambda w: nn.init.normal_(w, std=1.0))
        ),
        "attention": Fault("tokens", lambda: projections_times(10.0, Transformer(2))),
    },
    "init-too-small": {
        "shallow": Fault(make=weights(lambda w: nn.init.normal_(w, std=0.003))),
        "deep": Fault(make=weights(lambda w: nn.init.normal_(w, std=0.02), hidden=(64,) * 5)),
        "by-many-layers": Fault(make=lambda: mlp(64, 10, (64,) * 20)),
    },
    "initial-loss-off": {
        "sure": Fault(make=lambda: last_layer_times(100.0, mlp(64, 10))),
        "far": Fault("diabetes", lambda: last_layer_times(100.0, mlp(10, 1)), mse),
        "raw-targets": Fault("diabetes", regression(), mse, change=targets(lambda y: 77 * y + 152)),
    },
}


def by_hand(outputs: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy whose exp is taken of the scores as they are."""
    shares = outputs.exp() / outputs.exp().sum(1, keepdim=True)
    return -shares.gather(1, y[:, None]).log().mean()


def log_of_softmax(outputs: Tensor, y: Tensor) -> Tensor:
    return -outputs.softmax(1).gather(1, y[:, None]).log().mean()


def log_sum_exp(outputs: Tensor, y: Tensor) -> Tensor:
    return (outputs.logsumexp(1) - outputs.gather(1, y[:, None])[:, 0]).mean()


def with_floor(outputs: Tensor, y: Tensor) -> Tensor:
    return -outputs.softmax(1).gather(1, y[:, None]).clamp_min(1e-12).log().mean()


FAULTS["loss-not-finite"] = {
    "by-hand": Fault(loss=by_hand),
    "log-of-softmax": Fault("wine", lambda: mlp(13, 3), loss=log_of_softmax),
}
FAULTS["bias-not-from-prior"] = {
    "far-mean": Fault("diabetes", regression(), mse, change=targets(lambda y: y + 10))
}
ADVICE = {"bias-not-from-prior": Fault(change=imbalanced)}
SYMPTOM = {"cannot-overfit-tiny-batch": Fault(make=around(lambda net, x: net(0 * x)))}
CASES = [
    pytest.param(rule, fault, id=f"{rule}-{name}")
    for rule, faults in FAULTS.items()
    for name, fault in faults.items()
]


def checked(fault: Fault, seed: int = 0) -> Any:
    train, validation = parts(fault.data, seed, fault.size)
    train = fault.change(train)
    if fault.overlap:
        count = max(1, round(fault.overlap * len(validation)))
        rows = torch.cat([x for x, _ in train])[: 16 * count]
        validation = [*validation[count:], (rows, validation[0][1])]
    net = seeded(10 + seed, fault.make)
    optimizer = fault.optimizer(net) if fault.optimizer else None
    return check(net, fault.loss, train, optimizer=optimizer, validation=validation)


@pytest.mark.parametrize(("rule", "fault"), CASES)
def test_a_planted_fault_is_found_and_named_first(rule: str, fault: Fault) -> None:
    found = checked(fault)
    assert [finding.rule for finding in found if finding.severity != "info"][:1] == [rule]
    assert [v.because for v in found.verdicts if UNFINISHED in v.because] == []
    finding = found[0]
    assert finding.meaning and finding.remedy and finding.evidence
    assert "notes" in finding.source
    assert all(isinstance(value, int | float | str) for value in finding.evidence.values())


@pytest.mark.parametrize(("rule", "fault"), [*ADVICE.items(), *SYMPTOM.items()])
def test_advice_and_symptoms_come_after_causes(rule: str, fault: Fault) -> None:
    rules = [finding.rule for finding in checked(fault)]
    assert rule in rules[1:]


def test_the_tiny_batch_names_the_likely_cause() -> None:
    found = {finding.rule: finding for finding in checked(Fault(make=ending(nn.Softmax(dim=1))))}
    symptom = found["cannot-overfit-tiny-batch"]
    assert symptom.evidence["cause"] == "double-softmax"
    assert "double-softmax" in symptom.meaning


def test_several_faults_are_all_reported_in_order_of_cause() -> None:
    fault = Fault(
        make=ending(nn.Softmax(dim=1)),
        loss=nn.CrossEntropyLoss(reduction="sum"),
        change=lambda given: sorted_batches(one_value(math.nan)(given)),
    )
    rules = [finding.rule for finding in checked(fault)]
    wanted = ["input-not-finite", "labels-sorted", "double-softmax", "loss-sum-reduction"]
    assert [rule for rule in rules if rule in wanted] == wanted


class CausalAttention(nn.Module):
    """Attention by hand, each place on those before it: the first has all its weight on itself."""

    def __init__(self, num_outputs: int) -> None:
        super().__init__()
        self.embed, self.project = nn.Embedding(20, 32), nn.Linear(32, 96)
        self.head = nn.Linear(32, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.project(self.embed(x)).chunk(3, dim=2)
        later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        scores = (query @ key.transpose(1, 2) / 32**0.5).masked_fill(later, -math.inf)
        return self.head((scores.softmax(2) @ value).mean(1))


TWINS: dict[str, Fault] = {
    "log-sum-exp-by-hand": Fault(loss=log_sum_exp),
    "softmax-with-a-floor": Fault(loss=with_floor),
    "ignored-class": Fault(change=targets(lambda y: torch.where(y == 3, -100, y))),
    "shifted-in-the-loss": Fault(
        change=targets(lambda y: y + 1), loss=lambda o, y: functional.cross_entropy(o, y - 1)
    ),
    "norm-on-large-inputs": Fault(
        make=lambda: nn.Sequential(nn.BatchNorm1d(64), mlp(64, 10)),
        change=inputs(lambda x: 255 * x),
    ),
    "weighted-imbalance": Fault(
        change=imbalanced, loss=nn.CrossEntropyLoss(weight=torch.tensor([1.0, 9.0] + [1.0] * 8))
    ),
    "balanced-soft-targets": Fault(change=targets(lambda y: functional.one_hot(y, 10).float())),
    "shares-of-classes": Fault(change=lambda given: mixed_up(given, 10)),
    "attention-by-causal-mask": Fault("tokens", lambda: CausalAttention(2)),
    "module-list": Fault(
        make=lambda: InAList(nn.ModuleList),
        optimizer=lambda net: torch.optim.Adam(net.parameters()),
    ),
    "list-that-was-handed-over": Fault(
        make=InAList,
        optimizer=all_of_a_list,
    ),
    "mean-of-two-deviations": Fault("diabetes", regression(), mse, change=targets(lambda y: y + 2)),
    "softmax-and-logarithm": Fault(
        make=around(lambda net, x: functional.softmax(net(x), 1).clamp_min(1e-9).log()), loss=nll
    ),
    "reachable-sigmoid": Fault(
        "diabetes", regression(nn.Sigmoid()), mse, change=targets(lambda y: (y + 3) / 7)
    ),
    "right-gradient": Fault(make=around(lambda net, x: Square.apply(net(x), 2.0))),
    "straight-through": Fault(make=lambda: Cut(StraightThrough.apply)),
    "line-of-low-rank": Fault(make=lambda: mlp(64, 10, (5,), activation="none")),
    "norm-then-dropout": Fault(make=lambda: mlp(64, 10, norm=nn.BatchNorm1d, dropout=0.5)),
    "sum-divided": Fault(
        loss=lambda o, y: functional.cross_entropy(o, y, reduction="sum") / len(y)
    ),
    "penalty-in-the-loss": Fault(loss=lambda o, y: cross_entropy(o, y) + 1e-4 * o.square().mean()),
}


@pytest.mark.parametrize("name", TWINS)
def test_what_looks_like_a_fault_and_is_none_is_left_in_peace(name: str) -> None:
    found = checked(TWINS[name])
    assert [str(finding) for finding in found if finding.severity != "info"] == []


def test_frozen_layers_are_stated_as_a_choice() -> None:
    net = mlp(64, 10)
    next(net.parameters()).requires_grad_(False)
    found = checked(Fault(make=lambda: net))
    assert [(finding.rule, finding.severity) for finding in found] == [("no-gradient", "info")]


def test_parameters_without_gradient_are_named() -> None:
    finding = checked(FAULTS["no-gradient"]["detached"])[0]
    assert finding.where == "first.weight, first.bias"


def test_a_sum_is_only_stated_for_an_adaptive_optimizer() -> None:
    fault = Fault(
        loss=nn.CrossEntropyLoss(reduction="sum"),
        optimizer=lambda net: torch.optim.Adam(net.parameters()),
    )
    assert [finding.severity for finding in checked(fault)] == ["info"]


def test_targets_next_to_constant_among_others_are_no_far_mean() -> None:
    rows = torch.randn(256, 8)
    rows[:, 0] = 1.0 + 1e-4 * rows[:, 0]
    net, loss_fn = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8)), nn.MSELoss()
    for shift, said in ((0.0, False), (20.0, True)):
        batches = [(x, x + shift) for x in rows.split(32)]
        rules = {finding.rule for finding in check(net, loss_fn, batches).findings}
        assert ("bias-not-from-prior" in rules) == said


def test_every_check_is_in_the_order_and_has_a_planted_fault_and_a_docstring() -> None:
    names = [check.__name__.replace("_", "-") for check in CHECKS]
    assert names == list(ORDER)
    assert {*FAULTS, *ADVICE, *SYMPTOM} == set(names)
    for each in CHECKS:
        assert (inspect.getdoc(each) or "").startswith("Fires")


def test_every_check_is_in_the_family() -> None:
    """A function of a subject that gives a verdict, and is not listed, would be forgotten."""
    from_modules = {
        thing
        for each in CHECKS
        for thing in vars(inspect.getmodule(each)).values()
        if inspect.isfunction(thing)
        and not thing.__name__.startswith("_")
        and thing.__annotations__.get("return") == "Verdict"
        and list(inspect.signature(thing).parameters) == ["subject"]
    }
    assert from_modules == set(CHECKS)


def test_the_data_of_the_faults_is_healthy_itself() -> None:
    x, y = data("digits")
    assert bool(torch.isfinite(x).all()) and int(y.max()) == 9
