"""Each check finds the fault that is planted for it, and stays silent on the healthy twin."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_digits
from torch import Tensor, nn
from torch.nn import functional

import goodfit as gf
from goodfit.checks import CHECKS, Subject, run_checks
from goodfit.nets import Dropout, build_net
from goodfit.records import Verdict


def digits(net: nn.Module | None = None, *, seed: int = 0) -> Subject:
    """Return a healthy network and a batch of standardised digits."""
    inputs, target = load_digits(return_X_y=True)
    x = torch.tensor((inputs[:128] - inputs.mean()) / inputs.std(), dtype=torch.float32)
    recipe = gf.MLP(hidden=(32, 16))
    net = net or build_net(recipe, input_shape=(64,), num_outputs=10, seed=seed)
    y, counts = torch.tensor(target[:128]), (180,) * 10
    return Subject(
        net, nn.Identity(), functional.cross_entropy, x, y, "classification", class_counts=counts
    )


def diabetes(net: nn.Module | None = None) -> Subject:
    """Return a healthy network and a batch of a standardised quantity."""
    inputs, target = (np.asarray(part) for part in load_diabetes(return_X_y=True))
    x = torch.tensor(inputs[:128] / inputs.std(), dtype=torch.float32)
    y = torch.tensor((target[:128] - target.mean()) / target.std(), dtype=torch.float32)[:, None]
    net = net or build_net(gf.MLP(hidden=(32,)), input_shape=(10,), num_outputs=1, seed=0)
    return Subject(net, nn.Identity(), functional.mse_loss, x, y, "regression")


def verdict(subject: Subject, check: str) -> Verdict:
    found = {each.check: each for each in run_checks(subject)}
    return found[check]


def with_input(subject: Subject, change: Callable[[Tensor], Tensor]) -> Subject:
    return replace(subject, x=change(subject.x.clone()))


def with_net(subject: Subject, change: Callable[[nn.Module], None]) -> Subject:
    net = copy.deepcopy(subject.net)
    with torch.no_grad():
        change(net)
    return replace(subject, net=net)


def set_value(value: float) -> Callable[[Tensor], Tensor]:
    def change(x: Tensor) -> Tensor:
        x[3, 7] = value
        return x

    return change


def sure_and_wrong(net: nn.Module) -> None:
    last = [layer for layer in net.modules() if isinstance(layer, nn.Linear)][-1]
    last.weight.mul_(100.0)


def off_by_far(net: nn.Module) -> None:
    last = [layer for layer in net.modules() if isinstance(layer, nn.Linear)][-1]
    last.bias.fill_(30.0)


def broken_weights(net: nn.Module) -> None:
    next(net.parameters()).fill_(math.nan)


def all_dead(net: nn.Module) -> None:
    next(layer for layer in net.modules() if isinstance(layer, nn.Linear)).bias.fill_(-1000.0)


class Unused(nn.Module):
    """Has a layer that forward forgets."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.forgotten = nn.Linear(64, 10), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x)


class Cut(nn.Module):
    """Cuts the gradient before its first layer, or after its last."""

    def __init__(self, *, at_the_end: bool) -> None:
        super().__init__()
        self.first, self.last, self.at_the_end = nn.Linear(64, 32), nn.Linear(32, 10), at_the_end

    def forward(self, x: Tensor) -> Tensor:
        output = self.last(self.first(x).relu() if self.at_the_end else self.first(x).detach())
        return output.detach() if self.at_the_end else output


class IgnoresItsInput(nn.Module):
    def __init__(self, num_inputs: int, num_outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(num_inputs, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(0.0 * x)


def rare(subject: Subject) -> Subject:
    return replace(subject, class_counts=(960, 40))


FAULTS: dict[str, list[tuple[str, Subject]]] = {
    "input-not-finite": [
        ("nan", with_input(digits(), set_value(math.nan))),
        ("infinity", with_input(digits(), set_value(-math.inf))),
    ],
    "input-out-of-scale": [
        ("large", with_input(digits(), lambda x: 255.0 * x)),
        ("small", with_input(digits(), lambda x: 1e-3 * x)),
        ("shifted", with_input(diabetes(), lambda x: x + 50.0)),
    ],
    "class-imbalance": [("rare", rare(digits()))],
    "initial-loss-off": [
        ("sure", with_net(digits(), sure_and_wrong)),
        ("far", with_net(diabetes(), off_by_far)),
        ("nan", with_net(digits(), broken_weights)),
    ],
    "no-gradient": [
        ("unused", digits(Unused())),
        ("cut", digits(Cut(at_the_end=False))),
        ("cut-at-the-end", digits(Cut(at_the_end=True))),
        ("dead", with_net(digits(), all_dead)),
    ],
    "cannot-overfit-tiny-batch": [
        ("blind", digits(IgnoresItsInput(64, 10))),
        ("blind-quantity", diabetes(IgnoresItsInput(10, 1))),
        ("dead", with_net(digits(), all_dead)),
        ("cut-at-the-end", digits(Cut(at_the_end=True))),
        ("nan", with_net(digits(), broken_weights)),
    ],
}
CASES = [
    pytest.param(check, subject, id=f"{check}-{name}")
    for check, cases in FAULTS.items()
    for name, subject in cases
]


@pytest.mark.parametrize(("check", "subject"), CASES)
def test_a_planted_fault_is_found(check: str, subject: Subject) -> None:
    found = verdict(subject, check)
    assert found.outcome == "found"
    assert found.finding is not None
    assert found.finding.rule == check
    assert found.finding.meaning
    assert found.finding.remedy
    assert "notes" in found.finding.source
    assert all(isinstance(value, int | float) for value in found.finding.evidence.values())


class NormsAndDrops(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Linear(64, 32),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            Dropout(0.5),
            nn.Linear(32, 32),
            nn.LayerNorm(32),
            nn.GELU(),
            nn.Dropout(0.5),
            nn.Linear(32, 10),
        )


class Noisy(nn.Module):
    """Draws noise of its own from torch's generator."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x + 0.01 * torch.randn(x.shape))


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make()


HEALTHY = {
    **{f"mlp-{seed}": digits(seed=seed) for seed in range(5)},
    "regression": diabetes(),
    "norms-and-dropout": digits(seeded(NormsAndDrops)),
    "noisy": digits(seeded(Noisy)),
    "linear": digits(seeded(lambda: nn.Linear(64, 10))),
}


@pytest.mark.parametrize("subject", HEALTHY.values(), ids=list(HEALTHY))
def test_a_healthy_network_is_left_in_peace(subject: Subject) -> None:
    outcomes = {found.check: found.outcome for found in run_checks(subject)}
    expected = dict.fromkeys(outcomes, "passed")
    if subject.task == "regression":
        expected["class-imbalance"] = "not-judged"
    assert outcomes == expected


@pytest.mark.parametrize("data", ["digits", "wine", "diabetes"])
def test_defaults_on_real_data_have_no_findings(data: str) -> None:
    run = gf.train(gf.Recipe.model_validate({"data": data, "epochs": 1}))
    assert run.findings == ()
    outcomes = [found.outcome for found in run.verdicts]
    assert len(outcomes) == len(CHECKS)
    assert outcomes.count("not-judged") == (1 if data == "diabetes" else 0)


def frozen(net: nn.Module) -> None:
    net.requires_grad_(False)


NOT_JUDGED = [
    ("class-imbalance", diabetes(), "a quantity"),
    ("no-gradient", with_net(digits(), frozen), "no parameters"),
    ("cannot-overfit-tiny-batch", with_net(digits(), frozen), "no parameters"),
    ("cannot-overfit-tiny-batch", replace(digits(), x=digits().x[:3], y=digits().y[:3]), "too few"),
    ("cannot-overfit-tiny-batch", with_input(digits(), lambda x: x[[5] * 128]), "too few"),
]


@pytest.mark.parametrize(("check", "subject", "words"), NOT_JUDGED)
def test_what_cannot_be_judged_is_said(check: str, subject: Subject, words: str) -> None:
    found = verdict(subject, check)
    assert found.outcome == "not-judged"
    assert words in found.because
    assert found.finding is None


def test_evidence_counts_what_is_not_finite() -> None:
    def spoil(x: Tensor) -> Tensor:
        x[0, :3], x[1, 5] = math.nan, math.inf
        return x

    finding = verdict(with_input(digits(), spoil), "input-not-finite").finding
    assert finding is not None
    assert finding.severity == "error"
    assert finding.evidence == {"num_bad": 4, "share": pytest.approx(4 / (128 * 64))}


def test_evidence_of_the_first_loss_has_the_closed_form_of_chance() -> None:
    for subject, chance in (
        (with_net(digits(), sure_and_wrong), math.log(10)),
        (with_net(diabetes(), off_by_far), float(diabetes().y.square().mean())),
    ):
        finding = verdict(subject, "initial-loss-off").finding
        assert finding is not None
        assert finding.evidence["chance"] == pytest.approx(chance)
        assert float(finding.evidence["loss"]) > 2 * chance + 0.5


def test_parameters_without_gradient_are_named() -> None:
    finding = verdict(digits(Unused()), "no-gradient").finding
    assert finding is not None
    assert finding.where == "forgotten.weight, forgotten.bias"
    finding = verdict(digits(Cut(at_the_end=False)), "no-gradient").finding
    assert finding is not None
    assert finding.where == "first.weight, first.bias"


@pytest.mark.parametrize(("counts", "outcome"), [((900, 100), "passed"), ((901, 99), "found")])
def test_a_class_is_rare_under_a_fifth_of_an_equal_share(
    counts: tuple[int, ...], outcome: str
) -> None:
    found = verdict(replace(digits(), class_counts=counts), "class-imbalance")
    assert found.outcome == outcome
    if found.finding:
        assert found.finding.evidence["majority_accuracy"] == pytest.approx(0.901)


def test_inputs_are_judged_as_the_network_gets_them() -> None:
    class Scale(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x / 255.0

    raw = with_input(digits(), lambda x: 255.0 * x)
    assert verdict(raw, "input-out-of-scale").outcome == "found"
    assert verdict(replace(raw, prepare=Scale()), "input-out-of-scale").outcome == "passed"


def test_looking_changes_neither_the_network_nor_torch_s_generator() -> None:
    subject = digits(seeded(NormsAndDrops).eval())
    before = copy.deepcopy(subject.net.state_dict())
    x, state = subject.x.clone(), torch.get_rng_state()
    run_checks(subject)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(subject.net.state_dict()[name], t) for name, t in before.items())
    assert torch.equal(subject.x, x)
    assert not subject.net.training
    assert all(p.grad is None for p in subject.net.parameters())


def test_looking_twice_gives_the_same_verdicts() -> None:
    subject = digits(seeded(Noisy))
    torch.manual_seed(1)
    first = run_checks(subject)
    torch.manual_seed(2)
    assert run_checks(subject) == first


def test_every_check_has_a_planted_fault_and_a_docstring_with_its_source() -> None:
    names = [check.__name__.replace("_", "-") for check in CHECKS]
    assert [found.check for found in run_checks(digits())] == names
    assert set(FAULTS) == set(names)
    for check in CHECKS:
        assert (inspect.getdoc(check) or "").startswith("Fires when")


def test_every_check_is_in_the_family() -> None:
    """A function of a subject that gives a verdict, and is not listed, would be forgotten."""
    from_modules = {
        thing
        for check in CHECKS
        for thing in vars(inspect.getmodule(check)).values()
        if inspect.isfunction(thing)
        and thing.__annotations__.get("return") == "Verdict"
        and list(inspect.signature(thing).parameters) == ["subject"]
    }
    assert from_modules == set(CHECKS)
