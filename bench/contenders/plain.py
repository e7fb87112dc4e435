"""The loop that a tutorial writes, on data that lie in memory as tensors."""

import torch
from torch.nn.functional import cross_entropy

from bench.problems import WEIGHT_DECAY, Problem


def run_loop(problem: Problem, *, epochs: int, seed: int, **optimizer_options: bool) -> float:
    """Train by hand; `optimizer_options` go to `torch.optim.AdamW`."""
    torch.manual_seed(seed)
    net = problem.make_net()
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=problem.lr, weight_decay=WEIGHT_DECAY, **optimizer_options
    )
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(problem.x)).split(problem.batch_size):
            optimizer.zero_grad()
            loss = cross_entropy(net(problem.x[batch]), problem.y[batch])
            loss.backward()
            optimizer.step()
            total += loss.item()
    return total / problem.steps_per_epoch


def train(problem: Problem, *, epochs: int, seed: int) -> float:
    """Train with AdamW as it comes."""
    return run_loop(problem, epochs=epochs, seed=seed)
