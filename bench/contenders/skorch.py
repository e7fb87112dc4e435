"""skorch without a validation split and without printing."""

import torch
from skorch import NeuralNetClassifier
from torch import nn

from bench.problems import WEIGHT_DECAY, Problem


def train(problem: Problem, *, epochs: int, seed: int) -> float:
    """Train by `NeuralNetClassifier.fit` on NumPy arrays."""
    torch.manual_seed(seed)
    model = NeuralNetClassifier(
        problem.make_net,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=WEIGHT_DECAY,
        lr=problem.lr,
        max_epochs=epochs,
        batch_size=problem.batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    model.fit(problem.x.numpy(), problem.y.numpy())
    return model.history[-1, "train_loss"]
