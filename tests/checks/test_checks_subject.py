"""The checks on the subject that our own runs build: recipe, preparation, counts of classes."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from checks_programs import data, mlp, seeded
from torch import Tensor, nn
from torch.nn import functional

import goodfit as gf
from goodfit.checks import CHECKS, Subject, run_checks
from goodfit.data.checks import DATA_CHECKS
from goodfit.nets import Dropout
from goodfit.records import Verdict


def digits(net: nn.Module | None = None) -> Subject:
    """Return a healthy network and a batch of standardised digits."""
    x, y = data("digits")
    net = net or seeded(0, lambda: mlp(64, 10, (32, 16)))
    loss = functional.cross_entropy
    return Subject(net, nn.Identity(), loss, x[:128], y[:128], "classification", (180,) * 10)


def diabetes() -> Subject:
    """Return a healthy network and a batch of a standardised quantity."""
    x, y = data("diabetes")
    net = seeded(0, lambda: mlp(10, 1, (32,)))
    return Subject(net, nn.Identity(), functional.mse_loss, x[:128], y[:128], "regression")


def verdict(subject: Subject, check: str) -> Verdict:
    return {each.check: each for each in run_checks(subject)}[check]


def with_input(subject: Subject, change: Callable[[Tensor], Tensor]) -> Subject:
    assert isinstance(subject.x, Tensor)
    return replace(subject, x=change(subject.x.clone()))


@pytest.mark.parametrize("subject", [digits(), diabetes()], ids=["digits", "diabetes"])
def test_one_batch_is_judged_by_all_that_need_no_more(subject: Subject) -> None:
    outcomes = {found.check: found.outcome for found in run_checks(subject)}
    unjudged = {"split-overlap", "labels-sorted", "not-in-optimizer", "regularization-inert"}
    if subject.task == "regression":
        unjudged |= {"class-imbalance", "loss-not-finite"}
    assert {name for name, outcome in outcomes.items() if outcome != "passed"} == unjudged


@pytest.mark.parametrize("name", ["digits", "wine", "diabetes"])
def test_defaults_on_real_data_have_no_findings(name: str) -> None:
    run = gf.train(gf.Recipe.model_validate({"data": name, "epochs": 1}))
    assert [verdict.check for verdict in run.verdicts if verdict.finding] == []
    assert len(run.verdicts) == len(DATA_CHECKS) + len(CHECKS)


def test_our_own_dropout_acts() -> None:
    net = seeded(0, lambda: nn.Sequential(nn.Linear(64, 64), nn.ReLU(), Dropout(0.5), mlp(64, 10)))
    assert verdict(digits(net), "regularization-inert").outcome == "passed"


def test_our_own_dropout_before_batch_norm_is_found() -> None:
    layers = [nn.Linear(64, 64), Dropout(0.5), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10)]
    net = seeded(0, lambda: nn.Sequential(*layers))
    assert verdict(digits(net), "dropout-before-batch-norm").outcome == "found"


def test_inputs_are_judged_as_the_network_gets_them() -> None:
    class Scale(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x / 255.0

    raw = with_input(digits(), lambda x: 255.0 * x)
    assert verdict(raw, "input-out-of-scale").outcome == "found"
    assert verdict(replace(raw, prepare=Scale()), "input-out-of-scale").outcome == "passed"


def test_one_large_feature_is_found_behind_a_norm_that_divides_all_by_one_number() -> None:
    def spoil(x: Tensor) -> Tensor:
        x[:, 20] *= 1e4
        return x

    def by_all() -> nn.Module:
        return nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10))

    def by_each() -> nn.Module:
        return nn.Sequential(nn.BatchNorm1d(64), mlp(64, 10))

    def outcome(make: Callable[[], nn.Module], change: Callable[[Tensor], Tensor]) -> str:
        return verdict(with_input(digits(seeded(0, make)), change), "input-out-of-scale").outcome

    assert outcome(by_all, spoil) == "found"
    assert outcome(by_each, spoil) == "passed"
    assert outcome(by_all, lambda x: 255.0 * x) == "passed"


def test_what_is_not_finite_is_counted_and_left_out_of_the_rest() -> None:
    def spoil(x: Tensor) -> Tensor:
        x[0, :3], x[1, 5] = math.nan, math.inf
        return x

    found = run_checks(with_input(digits(), spoil))
    first, *rest = [each.finding for each in found if each.finding]
    assert first is not None and first.rule == "input-not-finite"
    assert first.evidence == {"num_bad": 4, "share": pytest.approx(4 / (128 * 64))}
    assert rest == []


@pytest.mark.parametrize(("counts", "outcome"), [((840, 160), "passed"), ((930, 70), "found")])
def test_a_class_is_rare_under_three_tenths_of_an_equal_share(
    counts: tuple[int, ...], outcome: str
) -> None:
    found = verdict(replace(digits(), class_counts=counts), "class-imbalance")
    assert found.outcome == outcome
    if found.finding:
        assert found.finding.evidence["majority_accuracy"] == pytest.approx(0.93)


NOT_JUDGED = [
    ("class-imbalance", diabetes(), "a quantity"),
    ("cannot-overfit-tiny-batch", digits(mlp(64, 10).requires_grad_(False)), "no parameters"),
    ("cannot-overfit-tiny-batch", with_input(digits(), lambda x: x[[5] * 128]), "too few"),
    ("split-overlap", digits(), "no validation part"),
    ("not-in-optimizer", digits(), "no optimiser"),
    ("init-too-small", digits(nn.Linear(64, 10)), "no hidden"),
]


@pytest.mark.parametrize(("check", "subject", "words"), NOT_JUDGED)
def test_what_cannot_be_judged_is_said(check: str, subject: Subject, words: str) -> None:
    found = verdict(subject, check)
    assert found.outcome == "not-judged"
    assert words in found.because
    assert found.finding is None


def test_the_first_loss_is_held_against_the_closed_form_of_chance() -> None:
    net = seeded(0, lambda: mlp(64, 10))
    with torch.no_grad():
        net.get_parameter("5.weight").mul_(100.0)
    finding = verdict(digits(net), "initial-loss-off").finding
    assert finding is not None
    assert finding.evidence["chance"] == pytest.approx(math.log(10))
    far = diabetes()
    with torch.no_grad():
        far.net.get_parameter("3.bias").fill_(30.0)
    finding = verdict(far, "initial-loss-off").finding
    assert finding is not None
    assert finding.evidence["chance"] == pytest.approx(float(far.y.var(correction=0)), rel=1e-4)


def test_looking_changes_neither_the_network_nor_torch_s_generator() -> None:
    subject = digits(seeded(0, lambda: mlp(64, 10, norm=nn.BatchNorm1d, dropout=0.5)).eval())
    before, state = copy.deepcopy(subject.net.state_dict()), torch.get_rng_state()
    assert run_checks(subject) == run_checks(subject)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(subject.net.state_dict()[name], t) for name, t in before.items())
    assert not subject.net.training
    assert all(p.grad is None for p in subject.net.parameters())


def inert(recipe: gf.Recipe) -> Verdict:
    return {each.check: each for each in gf.check_recipe(recipe).verdicts}["regularization-inert"]


@pytest.mark.parametrize(
    ("penalty", "decay", "told"),
    [
        (gf.L2(), 0.0, "1 decays act: l2 penalty"),
        (gf.L1(), 0.0, "1 decays act: l1 penalty"),
        (gf.Elastic(alpha=0.0), 0.0, "1 decays act: elastic penalty"),
        (gf.Decoupled(), 0.1, "2 decays act: weight decay, decoupled penalty"),
        (gf.NoPenalty(), 0.1, "1 decays act: weight decay"),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_a_recipes_penalty_and_decay_are_known(penalty, decay, told) -> None:
    optimizer = gf.SGD(weight_decay=decay)
    recipe = gf.Recipe(data="iris", net=gf.MLP(hidden=(4,)), optimizer=optimizer, penalty=penalty)
    found = inert(recipe)
    assert found.outcome == "passed" and found.because.endswith(told)


@pytest.mark.parametrize("penalty", [gf.NoPenalty(), gf.L2(strength=0.0)], ids=["none", "zero"])
def test_no_penalty_and_no_decay_are_not_judged(penalty) -> None:
    recipe = gf.Recipe(data="iris", net=gf.MLP(hidden=(4,)), optimizer=gf.SGD(), penalty=penalty)
    found = inert(recipe)
    assert found.outcome == "not-judged" and "no penalty can be seen" in found.because


def test_a_penalty_of_weights_that_are_not_trained_is_found() -> None:
    net = nn.Sequential(nn.Linear(4, 3))
    net[0].weight.requires_grad_(False)
    recipe = gf.Recipe(data="iris", optimizer=gf.SGD(), penalty=gf.L2())
    checked = gf.check_recipe(recipe, net=net)
    (finding,) = (each for each in checked if each.rule == "regularization-inert")
    assert finding.evidence == {"decay": "l2 penalty"} and "is trained" in finding.meaning
