"""fastai's Learner on its own DataLoaders, without its log (its basics bring no progress bar)."""

from functools import partial
from statistics import fmean

import torch
from fastai.basics import Adam, DataLoader, DataLoaders, Learner
from torch import nn
from torch.utils.data import TensorDataset

from bench.problems import WEIGHT_DECAY, Problem


def make_learner(problem: Problem) -> Learner:
    """A learner with torch's AdamW settings; its validation loader is empty: nobody validates."""
    data = TensorDataset(problem.x, problem.y)
    loader = DataLoader(data, bs=problem.batch_size, shuffle=True, drop_last=True)
    learner = Learner(
        DataLoaders(loader, []),
        problem.make_net(),
        loss_func=nn.CrossEntropyLoss(),
        opt_func=partial(Adam, sqr_mom=0.999, eps=1e-8, decouple_wd=True),
        wd_bn_bias=True,
    )
    # The recorder keeps smoothed losses; without smoothing they are the losses of the steps.
    learner.recorder.smooth_loss.beta = 0.0
    return learner


def train(problem: Problem, *, epochs: int, seed: int) -> float:
    """Train by `Learner.fit`."""
    torch.manual_seed(seed)
    learner = make_learner(problem)
    with learner.no_logging():
        learner.fit(epochs, problem.lr, wd=WEIGHT_DECAY)
    return fmean(map(float, learner.recorder.losses[-problem.steps_per_epoch :]))
