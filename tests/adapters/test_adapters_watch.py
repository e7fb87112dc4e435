"""What a watch writes down: losses, looks, epochs, setting, in loops of every manner."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from adapter_loops import BATCH, CLASSES, FEATURES, Loop, data, mlp, tally
from sklearn.datasets import make_friedman1
from torch import nn

from goodfit.adapters import watch
from goodfit.adapters.words import SURE
from goodfit.diagnosis import RULES, findings
from goodfit.errors import RunError
from goodfit.records import History


def by_function(loop: Loop, *, late: bool = False, epochs: int = 3) -> History:
    """Train with a loss that is a plain function, told before or after its step."""
    x, y = data()
    with watch(loop.net, loop.optimizer, say=None, budget=1.0) as eye:
        for _ in range(epochs):
            loop.net.train()
            for part in torch.randperm(256).split(BATCH):
                loop.optimizer.zero_grad()
                loss = F.cross_entropy(loop.net(x[part]), y[part])
                if not late:
                    eye.loss(loss)
                loss.backward()
                loop.optimizer.step()
                if late:
                    eye.loss(loss)
            eye.validation(1.0)
    return eye.history


def test_every_loss_and_rate_is_written_down() -> None:
    loop = Loop()
    with watch(loop.net, loop.optimizer, loop.loss_fn, say=None) as eye:
        losses = loop.run(eye)
    steps = eye.history.steps
    assert list(steps.loss) == losses
    assert steps.step == tuple(range(1, 49))
    assert set(steps.lr) == {0.05}


def test_an_evaluation_that_keeps_gradients_is_no_training() -> None:
    loop = Loop()
    x, y = data()
    with watch(loop.net, loop.optimizer, loop.loss_fn, say=None) as eye:
        losses = loop.run()
        loop.net.eval()
        for part in torch.arange(256).split(BATCH):
            loop.loss_fn(loop.net(x[part]), y[part])
        losses += loop.run()
    assert list(eye.history.steps.loss) == losses


@pytest.mark.parametrize("late", [False, True])
def test_a_loss_that_is_a_function_is_told(late: bool) -> None:
    history = by_function(Loop(), late=late)
    assert len(history.steps.loss) == 24
    assert not any(map(math.isnan, history.steps.loss))
    assert history.setting.loss_kind == ("" if late else "cross-entropy")
    if not late:
        assert history.looks.batch_metric[-1] > 0.6
        assert 0.0 < history.epochs.clean_loss[-1] < 1.0


def test_a_loss_may_be_told_as_a_number() -> None:
    loop = Loop()
    x, y = data()
    with watch(loop.net, loop.optimizer, say=None) as eye:
        for part in torch.arange(256).split(BATCH):
            eye.loss(loop.batch(x[part], y[part], 0))
    assert len(eye.history.steps.loss) == 8
    assert all(0 < loss < 5 for loss in eye.history.steps.loss)


def test_looks_agree_with_torch() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(FEATURES, 8), nn.Tanh(), nn.Linear(8, CLASSES))
    optimizer, loss_fn = torch.optim.SGD(net.parameters(), lr=0.1), nn.CrossEntropyLoss()
    x, y = data()
    expected = []
    with watch(net, optimizer, loss_fn, say=None, budget=1.0) as eye:
        for part in (slice(0, 32), slice(32, 64)):
            optimizer.zero_grad()
            outputs = net(x[part])
            loss_fn(outputs, y[part]).backward()
            g = torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])
            optimizer.step()
            expected.append((g, outputs.detach()))
    looks, layer = eye.history.looks, eye.history.looks.layers[2]
    (first, _), (second, outputs) = expected
    assert looks.step == (1, 2)
    assert looks.grad_norm[1] == pytest.approx(float(second.norm()), rel=1e-5)
    assert looks.update_norm[1] == pytest.approx(0.1 * float(second.norm()), rel=1e-4)
    assert looks.descent[1] == pytest.approx(-0.1 * float(second @ second), rel=1e-4)
    cosine = float(first @ second / first.norm() / second.norm())
    assert looks.turn[1] == pytest.approx(cosine, rel=1e-4)
    assert math.isnan(looks.turn[0])
    assert looks.batch_metric[1] == pytest.approx(
        float((outputs.argmax(1) == y[32:64]).float().mean())
    )
    assert layer.name == "2"
    assert layer.output_mean[1] == pytest.approx(float(outputs.mean()), abs=1e-6)
    assert layer.output_std[1] == pytest.approx(float(outputs.std(correction=0)), rel=1e-5)
    own = next(net[2].parameters()).grad
    assert own is not None
    assert layer.grad_norm[1] == pytest.approx(float(own.norm()), rel=1e-5)
    assert eye.history.steps.grad_norm[1] == looks.grad_norm[1]


@pytest.mark.parametrize("late", [False, True], ids=["from the start", "while training"])
def test_no_rule_speaks_of_what_takes_no_gradient(late: bool) -> None:
    net = mlp(nn.Linear(24, 24), nn.ReLU())
    loop = Loop(net=net)
    with watch(net, loop.optimizer, loop.loss_fn, say=None, budget=1.0) as eye:
        if late:
            loop.run(eye)
        net[:2].requires_grad_(False)
        loop.run(eye)
    history = eye.history
    first = next(layer for layer in history.looks.layers if layer.name == "0")
    assert math.isnan(first.update_norm[-1])
    assert all(norm > 0.0 for norm in first.update_norm if norm == norm)
    told = {"update-ratio-low", "no-gradient", "not-in-optimizer", "weights-unchanged"}
    assert not {f.rule for f in findings(history)} & {*told, "gradient-vanishing"}


def test_the_setting_is_read_from_loss_optimizer_and_targets() -> None:
    setting = Loop(epochs=10).watched().setting
    assert (setting.task, setting.loss_kind) == ("classification", "cross-entropy")
    assert setting.num_classes == CLASSES
    assert setting.chance_loss == pytest.approx(math.log(3), abs=0.05)
    assert setting.floor_loss == 0.0
    assert (setting.optimizer, setting.momentum, setting.weight_decay) == ("sgd", 0.9, 0.0)
    assert setting.batch_size == BATCH


def test_label_smoothing_moves_floor_and_chance() -> None:
    loop = Loop()
    loop.loss_fn = nn.CrossEntropyLoss(label_smoothing=0.3)
    setting = loop.watched().setting
    best = torch.full((1, 3), 0.1).log()
    best[0, 0] = math.log(0.8)
    floor = F.cross_entropy(best, torch.tensor([0]), label_smoothing=0.3)
    assert setting.floor_loss == pytest.approx(float(floor), rel=1e-4)
    assert setting.chance_loss == pytest.approx(math.log(3), abs=0.05)


def test_soft_targets_are_mixed_and_have_a_floor() -> None:
    net = mlp()
    optimizer, loss_fn = torch.optim.SGD(net.parameters(), lr=0.01), nn.CrossEntropyLoss()
    with watch(net, optimizer, loss_fn, say=None) as eye:
        for _ in range(4):
            optimizer.zero_grad()
            target = torch.tensor([[0.7, 0.3, 0.0]]).expand(16, 3)
            loss_fn(net(torch.randn(16, FEATURES)), target).backward()
            optimizer.step()
    setting = eye.history.setting
    assert setting.mixed_targets
    assert setting.floor_loss == pytest.approx(-0.7 * math.log(0.7) - 0.3 * math.log(0.3), rel=1e-4)


def test_a_regression_knows_the_variance_of_its_targets() -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer, loss_fn = torch.optim.Adam(net.parameters()), nn.MSELoss()
    with watch(net, optimizer, loss_fn, say=None, budget=1.0) as eye:
        for _ in range(20):
            optimizer.zero_grad()
            x = torch.randn(64, 4)
            loss_fn(net(x), 3.0 * x[:, :1]).backward()
            optimizer.step()
    setting = eye.history.setting
    assert (setting.task, setting.loss_kind) == ("regression", "mse")
    assert setting.chance_loss == pytest.approx(9.0, rel=0.15)


def test_several_optimizers_make_one_step_together() -> None:
    net = mlp()
    first = torch.optim.SGD(list(net.parameters())[:4], lr=0.1)
    second = torch.optim.Adam(list(net.parameters())[4:], lr=0.01)
    loss_fn = nn.CrossEntropyLoss()
    x, y = data()
    with watch(net, [first, second], loss_fn, say=None, budget=1.0) as eye:
        for part in torch.arange(256).split(BATCH):
            first.zero_grad()
            second.zero_grad()
            loss_fn(net(x[part]), y[part]).backward()
            first.step()
            second.step()
    history = eye.history
    assert len(history.steps.step) == 8
    assert history.looks.step == tuple(range(1, 9))
    assert all(layer.update_norm[-1] > 0 for layer in history.looks.layers if layer.num_weights)
    assert tally(history, "foreign-parameters").happened == 0


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.LBFGS])
def test_closures(kind: Callable[..., torch.optim.Optimizer]) -> None:
    net = nn.Linear(FEATURES, CLASSES)
    optimizer, loss_fn = kind(net.parameters(), lr=0.1), nn.CrossEntropyLoss()
    x, y = data()

    def closure() -> float:
        optimizer.zero_grad()
        loss = loss_fn(net(x), y)
        loss.backward()
        return loss.item()

    with watch(net, optimizer, loss_fn, say=None, budget=1.0) as eye:
        for _ in range(5):
            optimizer.step(closure)
    history = eye.history
    assert len(history.steps.step) == 5
    assert history.steps.loss[-1] < history.steps.loss[0]
    assert history.looks.descent[0] < 0
    assert tally(history, "old-gradients").happened == 0
    blamed = {f.rule for f in eye.findings if f.severity != "info"}
    assert "weights-unchanged" not in blamed
    assert kind is torch.optim.SGD or "same-batch-every-step" not in blamed


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_backward_from_the_negated_loss_is_seen(sign: float) -> None:
    net, loss_fn = mlp(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    x, y = data()
    with watch(net, optimizer, loss_fn, say=None, budget=1.0) as eye:
        for _ in range(10):
            optimizer.zero_grad()
            (sign * loss_fn(net(x), y)).backward()
            optimizer.step()
    assert tally(eye.history, "loss-negated").share == (sign < 0)
    assert any(f.rule == "gradient-ascent" for f in eye.findings) == (sign < 0)


def test_a_look_between_two_optimizers_waits_for_the_first() -> None:
    net, loss_fn = mlp(), nn.CrossEntropyLoss()
    first = torch.optim.SGD(list(net.parameters())[:2], lr=0.1)
    second = torch.optim.SGD(list(net.parameters())[2:], lr=0.1)
    x, y = data()
    with watch(net, [first, second], loss_fn, say=None, budget=1.0) as eye:
        for step in range(12):
            if step == 5:
                eye.eyes.lookout.disarm()
                eye.eyes.pulse.looking, eye.eyes.pulse.arm_at = False, 6
            loss_fn(net(x), y).backward()
            first.step()
            second.step()
            net.zero_grad()
    looks = eye.history.looks
    assert len(looks.step) >= 8
    assert all(min(lay.update_norm) > 0 for lay in looks.layers if lay.num_weights)


def test_bfloat16_is_watched_like_any_other() -> None:
    loop = Loop(around=lambda: torch.autocast("cpu", torch.bfloat16))
    history = loop.watched()
    assert history.looks.batch_metric[-1] > 0.6
    assert all(0 < norm < 10 for norm in history.looks.grad_norm)


def test_lazy_layers_are_met_once_they_know_their_size() -> None:
    net = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(CLASSES))
    x, y = data()
    optimizer, loss_fn = torch.optim.SGD(net.parameters(), lr=0.1), nn.CrossEntropyLoss()
    with watch(net, optimizer, loss_fn, say=None, budget=1.0) as eye:
        for part in torch.arange(256).split(BATCH):
            optimizer.zero_grad()
            loss_fn(net(x[part]), y[part]).backward()
            optimizer.step()
    layers = {layer.name: layer for layer in eye.history.looks.layers}
    assert layers["0"].num_weights == 8 * FEATURES
    assert layers["0"].grad_norm[-1] > 0


def test_a_history_survives_the_file(tmp_path: Path) -> None:
    loop = Loop()
    with watch(loop.net, loop.optimizer, loop.loss_fn, say=None) as eye:
        loop.run(eye)
    eye.save(tmp_path / "history.json")
    loaded = History.from_json(json.loads((tmp_path / "history.json").read_text()))
    # As text, in which NaN equals NaN.
    assert json.dumps(loaded.to_json()) == json.dumps(eye.history.to_json())


def test_an_early_word_is_said_once_for_each_fault() -> None:
    said: list[str] = []
    loop = Loop(same_batch=True, epochs=12)
    with watch(loop.net, loop.optimizer, loop.loss_fn, budget=1.0, say=said.append):
        loop.run()
    rules = [line.split()[3] for line in said]
    assert "same-batch-every-step:" in rules
    assert len(rules) == len(set(rules))


def test_looks_get_rarer_and_stay_within_the_budget() -> None:
    loop = Loop(epochs=120, evaluate=False)
    with watch(loop.net, loop.optimizer, loop.loss_fn, say=None, budget=0.02) as eye:
        loop.run()
    steps, schedule = eye.history.looks.step, eye.schedule
    assert steps[:3] == (1, 2, 3)
    assert 3 < len(steps) < 100
    gaps = [b - a for a, b in pairwise(steps)]
    assert sum(gaps[-3:]) > sum(gaps[:3])
    assert schedule.num_looks == len(steps)


def friedman_net(width: int, *, classes: bool = False, weight: bool = False) -> History:
    """Train on 512 rows of Friedman's first function, or on whether it is above its mean."""
    x, y = (torch.from_numpy(part).float() for part in make_friedman1(1024, random_state=0))
    y = ((y - y.mean()) / y.std())[:, None]
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(10, width), nn.Tanh(), nn.Linear(width, 2 if classes else 1))
    loss_fn: nn.Module = nn.MSELoss()
    if classes:
        y = (y[:, 0] > 0).long()
        loss_fn = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 9.0]) if weight else None)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    with watch(net, optimizer, loss_fn, say=None, budget=1.0) as eye:
        for _ in range(40):
            for part in torch.randperm(512).split(32):
                optimizer.zero_grad()
                loss_fn(net(x[part]), y[part]).backward()
                optimizer.step()
            with torch.no_grad():
                loss = float(loss_fn(net(x[512:]), y[512:]))
            eye.validation(loss)
            assert eye.history.setting.baseline is None
    return eye.history


@pytest.mark.parametrize(("width", "fires"), [(1, True), (32, False)])
def test_a_network_that_is_no_better_than_lines_is_told(width: int, fires: bool) -> None:
    history = friedman_net(width)
    simple = history.setting.baseline
    assert simple is not None
    assert 0.65 < simple.linear < 0.85 < simple.curved
    assert ("underfitting" in [f.rule for f in findings(history)]) == fires


@pytest.mark.parametrize("weight", [False, True])
def test_accuracy_is_not_compared_where_classes_weigh_differently(weight: bool) -> None:
    simple = friedman_net(8, classes=True, weight=weight).setting.baseline
    assert (simple is None) == weight


def test_what_is_sure_early_is_the_name_of_a_rule() -> None:
    assert set(SURE) <= {rule.__name__.replace("_", "-") for rule in RULES}


@pytest.mark.parametrize(
    ("mistake", "named"),
    [("no-step", "weights-unchanged"), ("rate", "lr-too-high"), ("none", "")],
)
def test_a_short_run_hears_of_errors_early(mistake: str, named: str) -> None:
    """The first judgement does not wait until the budget has earned it."""
    torch.manual_seed(0)
    net, loss_fn = (
        nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 5)),
        nn.CrossEntropyLoss(),
    )
    optimizer = torch.optim.SGD(net.parameters(), lr=300.0 if mistake == "rate" else 0.1)
    said: list[str] = []
    with watch(net, optimizer, loss_fn, say=said.append):
        for _ in range(300):
            x = torch.randn(32, 20)
            optimizer.zero_grad()
            loss_fn(net(x), x[:, :5].argmax(1)).backward()
            if mistake != "no-step":
                optimizer.step()
    assert bool(said) == bool(named)
    assert all(named in words for words in said[:1])


def test_a_history_is_saved_whole_in_folders_that_are_made(tmp_path: Path) -> None:
    net = nn.Linear(2, 1)
    watching = watch(net, torch.optim.SGD(net.parameters()), say=None)
    watching.save(tmp_path / "made" / "history.json")
    assert History.from_json(json.loads((tmp_path / "made" / "history.json").read_text()))
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is a file, not a folder"):
        watching.save(tmp_path / "file" / "history.json")
