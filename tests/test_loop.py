"""The loop: against a plain one, its stops, and a resume at every step; and what feeds it."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.metrics import r2_score
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import goodfit as gf
from goodfit import loop
from goodfit.data.batches import LoaderBatches, LoaderPart, MemoryBatches, Part
from goodfit.engine import Noise, Problem, make_executor, make_population
from goodfit.loop import Course, Job, Row, accuracy, r2, train
from goodfit.nets import layout_of, with_counted_dropout
from goodfit.optim import rule_of

SEED = 4


@dataclass
class Watcher:
    """Collects rows and, where asked to, what a process that dies at each event would leave."""

    copies: bool = False
    rows: list[Row] = field(default_factory=list)
    left: list[tuple[Course, int]] = field(default_factory=list)

    def after_steps(self, course: Course) -> None:
        self._see(course)

    def after_look(self, course: Course, row: Row) -> None:
        self.rows.append(row)

    def while_evaluating(self, course: Course) -> None:
        self._see(course)

    def after_epoch(self, course: Course, rows: list[Row]) -> None:
        self.rows += rows
        self._see(course)

    def _see(self, course: Course) -> None:
        if self.copies:
            with torch.inference_mode(False):
                self.left.append((copy.deepcopy(course), len(self.rows)))


class Stop(Exception):
    """What an observer raises to end a run in the middle."""


@dataclass
class Stopper(Watcher):
    """Raises after some steps."""

    last_step: int = 0

    def after_steps(self, course: Course) -> None:
        if course.step >= self.last_step:
            raise Stop


def digits(num_rows: int = 120) -> tuple[Tensor, Tensor]:
    inputs, target = load_digits(return_X_y=True)
    return torch.tensor(inputs[:num_rows] / 16.0, dtype=torch.float32), torch.tensor(
        target[:num_rows]
    )


def dropping() -> nn.Module:
    """Everything that has state or noise."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(64, 12, bias=False),
        nn.BatchNorm1d(12),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(12, 10),
    )


def plain() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 12), nn.Tanh(), nn.Linear(12, 10))


def recipe_of(**changes: Any) -> gf.Recipe:
    base = {"data": "digits", "epochs": 3, "seed": SEED, "schedule": {"kind": "cosine"}}
    return gf.Recipe.model_validate({**base, **changes})


def make_job(
    net: nn.Module,
    recipe: gf.Recipe,
    *,
    mode: str = "traced",
    data: tuple[Tensor, Tensor] | None = None,
    batch_size: int = 8,
    validation: Any = None,
    loss_fn: Callable[[Tensor, Tensor], Tensor] = functional.cross_entropy,
    watcher: Watcher | None = None,
    course: Course | None = None,
) -> tuple[Job, Course]:
    """Return a job and its course, at the start or where another one stood."""
    trained = with_counted_dropout(copy.deepcopy(net)).train()
    rule = rule_of(recipe.optimizer)
    problem = Problem(trained, layout_of(trained), loss_fn, rule, 1, nn.Identity())
    data = data or digits()
    cut = len(data[0]) * 2 // 3
    batches = MemoryBatches(data, torch.arange(cut), batch_size, recipe.seed)
    course = course or loop.start(make_population([trained], rule), batches.steps_per_epoch)
    budget = loop.budget_of(recipe, batches)
    executor = make_executor(
        problem,
        course.population,
        data,
        Noise(problem, course.population, data, [recipe.seed]),
        coefficients=loop.coefficients(recipe, np.arange(1), budget)[0],
        batch=next(batches.epoch(0)),
        mode=mode,
        num_steps=budget.num_steps,
    )
    validation = validation or Part(data, torch.arange(cut, len(data[0])))
    watcher = watcher or Watcher()
    return Job(recipe, problem, executor, batches, validation, accuracy, watcher), course


def run(job: Job, course: Course) -> list[Row]:
    train(job, course)
    assert isinstance(job.observer, Watcher)
    return job.observer.rows


def tensors(course: Course) -> dict[str, Tensor]:
    best = {f"best.{name}": tensor for name, tensor in course.best.items()}
    return {**course.population.named(), **best, "probes": course.probes}


def check_same(found: Course, expected: Course) -> None:
    """Compare two courses to the last bit."""
    for name, tensor in tensors(expected).items():
        assert torch.equal(tensors(found)[name], tensor), name
    for name in ("step", "epoch", "best_epoch", "best_loss", "stopped"):
        assert getattr(found, name) == getattr(expected, name), name


# The loop against a plain one


def test_the_loop_is_the_plain_loop() -> None:
    """Same batches, ``torch.optim`` with torch's schedules by step, evaluation after each epoch."""
    recipe = recipe_of(optimizer={"kind": "adamw", "lr": 0.01}, schedule={"warmup": 0.2})
    job, course = make_job(plain(), recipe)
    rows = run(job, course)
    net, (x, y) = plain(), digits()
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.01)
    num_steps, losses = 3 * 10, []
    for epoch in range(3):
        for (index,) in MemoryBatches((x, y), torch.arange(80), 8, SEED).epoch(epoch):
            step = len(losses)
            done = (step - 6) / (num_steps - 6)
            share = (step + 1) / 6 if step < 6 else 0.5 * (1 + math.cos(math.pi * done))
            optimizer.param_groups[0]["lr"] = 0.01 * share
            optimizer.zero_grad()
            loss = functional.cross_entropy(net(x[index]), y[index])
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        with torch.no_grad():
            outputs = net.eval()(x[80:])
        row = rows[2 * epoch + 1]
        expected = float(functional.cross_entropy(outputs, y[80:]))
        assert row["validation_loss"] == pytest.approx(expected, rel=1e-4)
        assert row["metric"] == pytest.approx(float((outputs.argmax(1) == y[80:]).float().mean()))
        assert row["train_loss"] == pytest.approx(np.mean(losses[-10:]), rel=1e-4)
        assert rows[2 * epoch]["loss"] == pytest.approx(losses[-10:], rel=1e-3)
    found = torch.nn.utils.parameters_to_vector(net.parameters()).detach()
    assert float((course.population.w[0] - found).norm() / found.norm()) < 1e-5
    assert course.stopped == "budget"


def test_rows_of_the_history_count_steps_from_one() -> None:
    job, course = make_job(plain(), recipe_of())
    rows = run(job, course)
    assert [row["kind"] for row in rows] == ["steps", "epoch"] * 3
    steps = [step for row in rows[::2] for step in row["step"]]
    assert steps == list(range(1, 31))
    assert [row["epoch"] for row in rows[1::2]] == [1, 2, 3]
    assert [row["step"] for row in rows[1::2]] == [10, 20, 30]
    rates = [rate for row in rows[::2] for rate in row["lr"]]
    assert rates == pytest.approx(loop.rates_at(job.recipe, np.arange(30), job.budget).tolist())


def test_validation_leaves_the_network_in_training_mode_and_its_averages_alone() -> None:
    job, course = make_job(dropping(), recipe_of(epochs=1))
    before = {name: tensor.clone() for name, tensor in course.population.named().items()}
    loss, _ = loop.evaluate(job, course, job.validation)
    assert loss == loop.evaluate(job, course, job.validation)[0], "evaluation has noise in it"
    for name, tensor in course.population.named().items():
        assert torch.equal(tensor, before[name]), name
    assert job.problem.net.training


# How a run ends


class Script:
    """A validation part whose loss in each epoch is written down beforehand."""

    def __init__(self, losses: list[float]) -> None:
        self._losses = iter(losses)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        yield torch.zeros(1, 64), torch.full((1,), next(self._losses))


def its_target(outputs: Tensor, target: Tensor) -> Tensor:
    """A loss that is the target: no gradient, so that weights only decay, step by step."""
    return (0.0 * outputs).sum() + target.float().mean()


def scripted(losses: list[float], **stopping: Any) -> tuple[Course, Tensor, float]:
    """Run a scripted validation; return the course, the first weights, and their decay an epoch."""
    recipe = recipe_of(
        epochs=len(losses),
        optimizer={"kind": "adamw", "lr": 0.01, "weight_decay": 1.0},
        schedule={"kind": "constant"},
        early_stopping=stopping,
    )
    job, course = make_job(plain(), recipe, validation=Script(losses), loss_fn=its_target)
    first = course.population.w.clone()
    run(job, course)
    return course, first, (1.0 - 0.01) ** 10


LOSSES = [1.0, 0.8, 0.9, 0.85, 0.95, 0.7, 0.6]


@pytest.mark.parametrize(
    ("stopping", "epoch", "best", "stopped"),
    [
        ({"patience": 1}, 3, 2, "early-stopping"),
        ({"patience": 3}, 5, 2, "early-stopping"),
        ({"patience": 4}, 7, 7, "budget"),
        ({"patience": 1, "enabled": False}, 7, 7, "budget"),
        ({"patience": 2, "min_delta": 0.15}, 4, 2, "early-stopping"),
        ({"patience": 2, "min_delta": 0.25}, 3, 1, "early-stopping"),
    ],
)
def test_early_stopping_keeps_the_best_weights(
    stopping: dict[str, Any], epoch: int, best: int, stopped: str
) -> None:
    course, first, decay = scripted(LOSSES, **stopping)
    assert (course.epoch, course.best_epoch, course.stopped) == (epoch, best, stopped)
    assert course.best_loss == pytest.approx(LOSSES[best - 1])
    torch.testing.assert_close(course.best["w"], first * decay**best)
    torch.testing.assert_close(course.population.w, first * decay**epoch)


def test_the_metric_decides_where_it_is_monitored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of equal metrics the one with the lower loss is the best."""
    metrics = iter([0.5, 0.7, 0.6, 0.7, 0.7, 0.6, 0.9])
    losses = iter([0.3, 0.6, 0.2, 0.5, 0.55, 0.1, 0.1])
    monkeypatch.setattr(loop, "evaluate", lambda *_: (next(losses), next(metrics)))
    course, first, decay = scripted([0.0] * 7, patience=2, monitor="metric")
    assert (course.epoch, course.best_epoch, course.stopped) == (6, 4, "early-stopping")
    assert (course.best_loss, course.best_metric) == (0.5, 0.7)
    torch.testing.assert_close(course.best["w"], first * decay**4)


def test_an_equal_loss_is_no_progress() -> None:
    course, _, _ = scripted([0.5, 0.5, 0.5, 0.5], patience=2)
    assert (course.epoch, course.best_epoch) == (3, 1)


def test_a_validation_loss_that_is_not_a_number_is_no_progress() -> None:
    course, _, _ = scripted([0.5, math.nan, 0.4, math.nan, math.nan, 0.1], patience=2)
    assert (course.epoch, course.best_epoch, course.stopped) == (5, 3, "early-stopping")


def test_best_weights_include_the_averages_of_batch_norm() -> None:
    job, course = make_job(dropping(), recipe_of(epochs=2))
    run(job, course)
    names = set(course.best)
    assert {"w", "buffer.1.running_mean", "buffer.1.running_var"} <= names
    assert not any(name.startswith("slot.") for name in names)


def test_a_loss_that_is_not_finite_ends_the_run() -> None:
    recipe = recipe_of(
        epochs=5, optimizer={"kind": "adamw", "lr": 1e30}, schedule={"kind": "constant"}
    )
    job, course = make_job(plain(), recipe)
    rows = run(job, course)
    assert (course.stopped, course.epoch) == ("not-finite", 1)
    assert not math.isfinite(rows[1]["train_loss"])


# Resuming

SHORT = recipe_of(epochs=2)


def whole_run(mode: str, watcher: Watcher | None = None, *, batch_size: int = 14) -> Course:
    """Run two epochs of 80 rows to the end."""
    job, course = make_job(dropping(), SHORT, mode=mode, batch_size=batch_size, watcher=watcher)
    train(job, course)
    return course


@pytest.mark.parametrize(("mode", "size", "steps"), [("traced", 20, 4), ("eager", 14, 6)])
def test_a_run_that_dies_anywhere_goes_on_to_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, mode: str, size: int, steps: int
) -> None:
    """After every step, while evaluating, and between epochs; by a new executor."""
    monkeypatch.setattr(loop, "STEPS_PER_CALL", 1)
    watcher = Watcher(copies=True)
    whole = whole_run(mode, watcher, batch_size=size)
    assert whole.step == 2 * steps
    assert len(watcher.left) == 2 * (steps + 1 + 1)
    for left, num_rows in watcher.left[:-1]:
        job, course = make_job(dropping(), SHORT, mode=mode, batch_size=size, course=left)
        rows = run(job, course)
        check_same(course, whole)
        assert watcher.rows[:num_rows] + rows == watcher.rows


def test_an_observer_may_stop_a_run_by_raising() -> None:
    """Here with a last batch that is smaller, and so is traced apart."""
    job, course = make_job(dropping(), SHORT, batch_size=14, watcher=Stopper(last_step=6))
    with pytest.raises(Stop):
        train(job, course)
    assert (course.step, course.epoch) == (6, 0)
    job, course = make_job(dropping(), SHORT, batch_size=14, course=course)
    train(job, course)
    check_same(course, whole_run("traced"))


@pytest.mark.parametrize("mode", ["traced", "eager"])
def test_the_same_run_twice_gives_the_same_bits(mode: str) -> None:
    watchers = Watcher(), Watcher()
    one, two = (whole_run(mode, watcher) for watcher in watchers)
    check_same(two, one)
    assert watchers[0].rows == watchers[1].rows


def test_another_seed_gives_another_run() -> None:
    job, course = make_job(dropping(), recipe_of(seed=5, epochs=2), batch_size=14)
    run(job, course)
    assert not torch.equal(course.population.w, whole_run("traced").population.w)


# What feeds the loop


def order_of(batches: MemoryBatches, epoch: int) -> Tensor:
    return torch.cat([index for (index,) in batches.epoch(epoch)])


def memory(num_rows: int, batch_size: int, seed: int = 0) -> MemoryBatches:
    """Rows that are not 0 to N: a training part has gaps."""
    rows = torch.arange(num_rows) * 3 + 1
    return MemoryBatches((torch.zeros(3 * num_rows + 1),), rows, batch_size, seed)


def test_a_thousand_samples_in_batches_of_twenty_are_fifty_steps() -> None:
    assert memory(1000, 20).steps_per_epoch == 50
    assert len(list(memory(1000, 20).epoch(0))) == 50


@given(st.integers(1, 200), st.integers(1, 64), st.integers(0, 2**63 - 1), st.integers(0, 1000))
def test_an_epoch_has_every_row_once(num_rows: int, size: int, seed: int, epoch: int) -> None:
    batches = memory(num_rows, size, seed)
    sizes = [len(index) for (index,) in batches.epoch(epoch)]
    left_out = 1 if num_rows % size == 1 and num_rows > 1 and size > 1 else 0
    assert len(sizes) == batches.steps_per_epoch
    assert sum(sizes) == num_rows - left_out
    assert all(length == size for length in sizes[:-1])
    order = order_of(batches, epoch)
    assert len(order.unique()) == len(order)
    assert set(order.tolist()) <= set(batches.rows.tolist())


@pytest.mark.parametrize(("num_rows", "size", "last"), [(21, 10, 10), (22, 10, 2), (1, 10, 1)])
def test_a_last_batch_of_one_row_is_left_out(num_rows: int, size: int, last: int) -> None:
    sizes = [len(index) for (index,) in memory(num_rows, size).epoch(0)]
    assert sizes[-1] == last


def test_what_is_left_out_changes_with_the_epoch() -> None:
    batches = memory(21, 10)
    rows = set(batches.rows.tolist())
    left = {(rows - set(order_of(batches, epoch).tolist())).pop() for epoch in range(20)}
    assert len(left) > 5


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    first = order_of(memory(50, 8, seed=1), 2)
    torch.rand(3)
    assert torch.equal(order_of(memory(50, 8, seed=1), 2), first)
    assert torch.equal(order_of(memory(50, 16, seed=1), 2), first), "not on the batch size"
    assert not torch.equal(order_of(memory(50, 8, seed=1), 3), first)
    assert not torch.equal(order_of(memory(50, 8, seed=2), 2), first)


def test_rows_are_shuffled_evenly() -> None:
    """The mean place of each row over 400 epochs, within five standard errors of the middle."""
    batches = memory(20, 5)
    places = torch.stack([order_of(batches, epoch).argsort() for epoch in range(400)]).double()
    error = math.sqrt((20**2 - 1) / 12 / 400)
    assert float((places.mean(0) - 9.5).abs().max()) < 5 * error


@given(st.integers(1, 300), st.sampled_from([(3,), (2, 40), (4000,), (1, 300, 300)]))
def test_a_part_shows_its_rows_in_order(num_rows: int, shape: tuple[int, ...]) -> None:
    inputs = torch.arange(40.0).reshape(-1, *[1] * len(shape)).expand(40, *shape)
    rows = torch.arange(num_rows) * 7 % 40
    blocks = list(Part((inputs, torch.arange(40)), rows))
    assert torch.equal(torch.cat([y for _, y in blocks]), rows)
    assert all(torch.equal(x.flatten(1)[:, -1].long(), y) for x, y in blocks)


def test_a_loader_is_taken_as_it_comes() -> None:
    x, y = torch.randn(10, 3), torch.arange(10)
    batches = LoaderBatches(DataLoader(TensorDataset(x, y), batch_size=4))
    assert (batches.steps_per_epoch, batches.data) == (3, ())
    for epoch in range(2):
        found = list(batches.epoch(epoch))
        assert torch.equal(torch.cat([part for part, _ in found]), x)
        assert torch.equal(torch.cat([part for _, part in found]), y)


def test_a_loader_s_quantities_become_a_column() -> None:
    pairs = [(np.zeros((2, 3)), np.array([1.0, 2.0])), (torch.zeros(1, 3), torch.ones(1, 1))]
    targets = [y for _, y in LoaderBatches(pairs).epoch(0)]
    assert [tuple(y.shape) for y in targets] == [(2, 1), (1, 1)]
    assert all(y.dtype == torch.float32 for y in targets)
    classes = [y for _, y in LoaderPart([(torch.zeros(2, 3), torch.tensor([1, 2]).int())])]
    assert classes[0].dtype == torch.int64


@pytest.mark.parametrize(
    ("loader", "what"),
    [
        ([], "The loader yields no batch."),
        ([(torch.zeros(2),)], "A loader must yield pairs (x, y)."),
        ([torch.zeros(2, 2)], "A loader must yield pairs (x, y)."),
        (((torch.zeros(1, 2), torch.zeros(1)) for _ in range(3)), "can be read only once"),
    ],
)
def test_a_loader_that_cannot_feed_is_an_error_with_words(loader: Any, what: str) -> None:
    with pytest.raises(gf.DataError) as caught:
        LoaderBatches(loader)
    assert what in caught.value.what
    assert caught.value.do


# The metrics that are shown while training


def test_accuracy_is_the_share_of_right_classes() -> None:
    outputs = torch.tensor([[2.0, 1.0], [0.0, 1.0], [3.0, 4.0], [1.0, 0.0]])
    assert accuracy(outputs, torch.tensor([0, 1, 0, 0])) == 0.75


def test_r2_is_scikit_learn_s() -> None:
    generator = torch.Generator().manual_seed(0)
    target, outputs = torch.randn(2, 30, 1, generator=generator)
    assert r2(outputs, target) == pytest.approx(r2_score(target, outputs), rel=1e-5)
