"""goodfit as its users call it: a whole `gf.train`, with the step replayed from its trace."""

import numpy as np
import torch
from torch import nn

import goodfit as gf
from bench.problems import WEIGHT_DECAY, Problem

HELD_OUT = 64


def net_of(problem: Problem) -> gf.MLP | gf.CNN:
    """The problem's network as a line of a recipe."""
    layers = list(problem.make_net())
    channels = tuple(layer.out_channels for layer in layers if isinstance(layer, nn.Conv2d))
    if channels:
        return gf.CNN(channels=channels, norm="none")
    widths = tuple(layer.out_features for layer in layers if isinstance(layer, nn.Linear))
    return gf.MLP(hidden=widths[:-1])


def recipe_of(problem: Problem, *, epochs: int, seed: int, mode: str) -> gf.Recipe:
    """The same training as a recipe: AdamW, one rate, no early stopping, nothing prepared.

    goodfit always validates and always seals a test part: 64 rows more are given for each.
    """
    num_rows = len(problem.x) + 2 * HELD_OUT
    share = HELD_OUT / num_rows
    return gf.Recipe(
        data=problem.name,
        batch_size=problem.batch_size,
        epochs=epochs,
        seed=seed,
        split=gf.Split(validation=share, test=share, stratify=False),
        prepare=gf.Prepare(scale="none"),
        net=net_of(problem),
        optimizer=gf.AdamW(lr=problem.lr, weight_decay=WEIGHT_DECAY),
        schedule=gf.Constant(),
        early_stopping=gf.EarlyStopping(enabled=False),
        engine=gf.Engine(mode=mode, threads=torch.get_num_threads()),
    )


def rows_of(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """All rows of the problem and, for the held-out parts, some of them again."""
    x, y = problem.x.numpy(), problem.y.numpy()
    extra = slice(0, 2 * HELD_OUT)
    return np.concatenate([x, x[extra]]), np.concatenate([y, y[extra]])


def train(problem: Problem, *, epochs: int, seed: int) -> float:
    """Train by `gf.train`: load, split, check, train, validate, checkpoint, score, report."""
    recipe = recipe_of(problem, epochs=epochs, seed=seed, mode="traced")
    run = gf.train(recipe, data=rows_of(problem))
    return run.history.epochs.train_loss[-1]
