"""KerasTuner on Keras's torch backend, with an oracle that gives the common values."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from bench.search_contenders import Found, Search
from bench.search_problems import DECAY, LR, Config, SearchProblem

# Keras reads its backend once, when it is imported.
os.environ["KERAS_BACKEND"] = "torch"
import keras
import keras_tuner


class Listed(keras_tuner.Oracle):
    """Gives a list's configurations one after the other."""

    def __init__(self, configs: list[Config]) -> None:
        objective = keras_tuner.Objective("val_accuracy", "max")
        super().__init__(objective=objective, max_trials=len(configs))
        self.configs = configs

    def populate_space(self, trial_id: str) -> dict:
        """The next configuration."""
        place = len(self.start_order)
        if place >= len(self.configs):
            return {"status": "STOPPED", "values": None}
        return {"status": "RUNNING", "values": vars(self.configs[place])}


def make_model(problem: SearchProblem, hp: keras_tuner.HyperParameters) -> keras.Model:
    """The dense network, compiled, with its own initial weights."""
    lr = hp.Float("lr", *LR, sampling="log")
    weight_decay = hp.Float("weight_decay", *DECAY, sampling="log")
    *hidden, outputs = problem.widths[1:]
    dense = [keras.layers.Dense(width, activation="relu") for width in hidden]
    model = keras.Sequential(
        [keras.Input((problem.widths[0],)), *dense, keras.layers.Dense(outputs)]
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(lr, weight_decay=weight_decay, epsilon=1e-8),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


class Tuner(keras_tuner.Tuner):
    """Keras Tuner's own tuner; keeps the accuracy after the last epoch of each trial."""

    def __init__(self, problem: SearchProblem, folder: str) -> None:
        self.last: list[float] = []
        super().__init__(
            Listed(problem.configs),
            lambda hp: make_model(problem, hp),
            directory=folder,
            overwrite=True,
        )

    def run_trial(self, trial: object, *data: object, **options: object) -> list:
        """Train, and note the last epoch."""
        histories = super().run_trial(trial, *data, **options)
        self.last.append(histories[0].history["val_accuracy"][-1])
        return histories


def search(problem: SearchProblem) -> Found:
    """Search by `Tuner.search`, which checkpoints each epoch in a folder."""
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        tuner = Tuner(problem, folder)
        tuner.search(
            problem.x.numpy(),
            problem.y.numpy(),
            batch_size=problem.batch_size,
            epochs=problem.epochs,
            validation_data=(problem.x_valid.numpy(), problem.y_valid.numpy()),
            verbose=0,
        )
    return Found(tuner.last)


@contextmanager
def ready(problem: SearchProblem) -> Iterator[Search]:
    """Warm up."""
    search(problem.shortened())
    yield lambda: search(problem)
