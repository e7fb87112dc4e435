"""Clipping by value, norm and measured percentile: against torch and numpy, row by row."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from optim_references import Task, row_of
from torch import Tensor, nn

from goodfit.engine import make_population
from goodfit.optim import CLIPS, coefficients_of, rule_for
from goodfit.optim.clipping import FEWEST, WINDOW
from goodfit.recipe import (
    SGD,
    Adam,
    Clip,
    ClipNorm,
    ClipPercentile,
    ClipValue,
    NoPenalty,
    Optimizer,
    Recipe,
)

STEPS, TOLERANCE = 320, 1e-5


@pytest.fixture(scope="module")
def task() -> Task:
    return Task()


def ours(task: Task, optimizer: Optimizer, clips: list[Clip], *, fused: bool) -> tuple:
    """Return weights ``[K, P]`` and counts of cut steps of rows with clips of their own."""
    recipes = [Recipe(data="digits", optimizer=optimizer, clip=clip) for clip in clips]
    rule = rule_for(recipes[0], task.net)
    rates, steps = np.full(STEPS, optimizer.lr), np.arange(float(STEPS))
    tables = [coefficients_of(optimizer, NoPenalty(), clip, rates, steps) for clip in clips]
    table = torch.from_numpy(np.stack(tables, axis=2))
    population = make_population([task.net] * len(clips), rule)
    w, slots = population.w, population.slots
    for numbers, index in zip(table, task.batches(STEPS), strict=True):
        g = torch.stack([task.gradient(row, index) for row in w])
        if fused:
            assert rule.fused is not None
            for k, own in enumerate(numbers.T.tolist()):
                rule.fused(w[k], g[k], tuple(slot[k] for slot in slots), own)
        elif len(clips) == 1:
            w, slots = rule.update(w, g, slots, *(number[0] for number in numbers))
        else:
            w, slots = rule.update(w, g, slots, *numbers.unsqueeze(-1))
    return w, slots[-1][:, 0].tolist()


def plain(task: Task, optimizer: Optimizer, clip: Clip) -> tuple[Tensor, int]:
    """Return weights and the count after a plain loop with torch's own clipping."""
    net, count, norms = copy.deepcopy(task.net), 0, []
    make = torch.optim.Adam if isinstance(optimizer, Adam) else torch.optim.SGD
    stepper = make(net.parameters(), lr=optimizer.lr)
    for index in task.batches(STEPS):
        stepper.zero_grad()
        task.loss(net, index).backward()
        grads = [p.grad for p in net.parameters() if p.grad is not None]
        if isinstance(clip, ClipValue):
            count += any(bool((g.abs() > clip.limit).any()) for g in grads)
            nn.utils.clip_grad_value_(net.parameters(), clip.limit)
        else:
            limit = clip.limit if isinstance(clip, ClipNorm) else _limit(norms, clip)
            norms.append(float(nn.utils.clip_grad_norm_(net.parameters(), limit)))
            count += norms[-1] > limit
        stepper.step()
    return row_of(net), count


def _limit(norms: list[float], clip: Clip) -> float:
    assert isinstance(clip, ClipPercentile)
    past = norms[-WINDOW:]
    return float(np.percentile(past, 100.0 * clip.share)) if len(past) >= FEWEST else float("inf")


ROWS: dict[str, list[Clip]] = {
    "value": [ClipValue(limit=0.02), ClipValue(limit=0.1), ClipValue(limit=10.0)],
    "norm": [ClipNorm(limit=0.5), ClipNorm(limit=1.2), ClipNorm(limit=100.0)],
    "percentile": [ClipPercentile(share=0.5), ClipPercentile(), ClipPercentile(share=0.01)],
}


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("fused", [False, True])
def test_each_row_is_cut_as_torch_cuts_it(task: Task, kind: str, fused: bool) -> None:
    optimizer = Adam() if fused else SGD(lr=0.2)
    rows, counts = ours(task, optimizer, ROWS[kind], fused=fused)
    for row, count, clip in zip(rows, counts, ROWS[kind], strict=True):
        expected, times = plain(task, optimizer, clip)
        assert float((row - expected).norm() / expected.norm()) < TOLERANCE, clip
        assert count == times, clip
    assert counts[0] > 0, "nothing was cut"


@pytest.mark.parametrize("kind", ROWS)
def test_a_row_alone_is_the_row_of_a_population(task: Task, kind: str) -> None:
    rows, counts = ours(task, SGD(lr=0.2), ROWS[kind], fused=False)
    row, count = ours(task, SGD(lr=0.2), ROWS[kind][:1], fused=False)
    assert torch.allclose(row[0], rows[0], rtol=1e-5, atol=1e-7) and count == counts[:1]


def test_a_long_gradient_of_one_row_is_no_other_s(task: Task) -> None:
    clip = ClipNorm(limit=1.0)
    rule = rule_for(Recipe(data="digits", optimizer=SGD(), clip=clip), nn.Linear(2, 1, bias=False))
    table = coefficients_of(SGD(), NoPenalty(), clip, np.ones(1), np.zeros(1))[0]
    numbers = torch.from_numpy(table).reshape(-1, 1, 1).expand(-1, 2, 1)
    g = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    w, (count,) = rule.update(torch.zeros(2, 2), g, (torch.zeros(2, 1),), *numbers)
    assert torch.allclose(w, -torch.tensor([[0.6, 0.8], [0.3, 0.4]]), atol=1e-6)
    assert count.flatten().tolist() == [1.0, 0.0]


def test_every_clip_of_a_recipe_is_known_and_says_its_formula() -> None:
    assert set(CLIPS) == {"none", *ROWS}
    for name, cut in CLIPS.items():
        text = cut.__doc__ or ""
        assert "``g <- " in text and (name == "none" or "torch" in text or "AutoClip" in text)
