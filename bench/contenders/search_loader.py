"""One trial by a loop over a shuffling DataLoader."""

import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from bench.search_problems import Config, SearchProblem


def train_one(problem: SearchProblem, config: Config) -> float:
    """Train a network from the common weights, its batches drawn by the loader."""
    net = problem.make_net()
    optimizer = torch.optim.AdamW(net.parameters(), lr=config.lr, weight_decay=config.weight_decay)
    data = TensorDataset(problem.x, problem.y)
    loader = DataLoader(data, batch_size=problem.batch_size, shuffle=True)
    for _ in range(problem.epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss = cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
    return problem.accuracy(net)
