"""Keras on its torch backend, from the problem's layers and initial weights."""

import os
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from bench.problems import WEIGHT_DECAY, Problem

# Keras reads its backend once, when it is imported.
os.environ["KERAS_BACKEND"] = "torch"
import keras


def make_layer(layer: nn.Module, activation: str | None) -> keras.Layer:
    """The Keras layer that computes what a torch layer does; images stay channels-first."""
    match layer:
        case nn.Linear():
            return keras.layers.Dense(layer.out_features, activation=activation)
        case nn.Conv2d():
            return keras.layers.Conv2D(
                layer.out_channels,
                layer.kernel_size,
                padding="same",
                activation=activation,
                data_format="channels_first",
            )
        case nn.MaxPool2d():
            return keras.layers.MaxPooling2D(layer.kernel_size, data_format="channels_first")
        case nn.Flatten():
            return keras.layers.Flatten()
    raise TypeError(f"no Keras layer for {layer!r}")


def make_layers(net: nn.Sequential) -> Iterator[keras.Layer]:
    """Keras layers in order; a ReLU goes into the layer before it, as Keras users write it."""
    for layer, follower in pairwise([*net, nn.Identity()]):
        if not isinstance(layer, nn.ReLU):
            yield make_layer(layer, "relu" if isinstance(follower, nn.ReLU) else None)


def weights_of(layer: nn.Module) -> list[np.ndarray]:
    """Kernel and bias in Keras's order of axes."""
    order = (1, 0) if isinstance(layer, nn.Linear) else (2, 3, 1, 0)
    return [layer.weight.detach().permute(order).numpy(), layer.bias.detach().numpy()]


def make_model(problem: Problem) -> keras.Sequential:
    """The problem's network, compiled, with torch's initial weights."""
    net = problem.make_net()
    model = keras.Sequential([keras.Input(tuple(problem.x.shape[1:])), *make_layers(net)])
    model.set_weights([w for layer in net if hasattr(layer, "weight") for w in weights_of(layer)])
    model.compile(
        optimizer=keras.optimizers.AdamW(problem.lr, weight_decay=WEIGHT_DECAY, epsilon=1e-8),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def train(problem: Problem, *, epochs: int, seed: int) -> float:
    """Train by `Model.fit` on NumPy arrays."""
    keras.utils.set_random_seed(seed)
    torch.manual_seed(seed)
    history = make_model(problem).fit(
        problem.x.numpy(),
        problem.y.numpy(),
        batch_size=problem.batch_size,
        epochs=epochs,
        verbose=0,
    )
    return history.history["loss"][-1]
