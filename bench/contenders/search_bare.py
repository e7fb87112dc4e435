"""One trial by the loop that a tutorial writes, on tensors in memory."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from bench.search_problems import Config, SearchProblem


def train_one(
    problem: SearchProblem, config: Config, *, fused: bool = False, channels_last: bool = False
) -> float:
    """Train a network from the common weights on the common batches; gives its accuracy."""
    net: nn.Module = problem.make_net()
    if channels_last:
        net = net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=fused or None
    )
    for order in problem.orders:
        for batch in order.split(problem.batch_size):
            optimizer.zero_grad()
            loss = cross_entropy(net(problem.x[batch]), problem.y[batch])
            loss.backward()
            optimizer.step()
    return problem.accuracy(net)
