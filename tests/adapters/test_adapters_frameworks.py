"""The same result in other frameworks' loops, where these are installed."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from adapter_loops import CLASSES, FEATURES, data
from torch import nn

from goodfit.adapters.framed import Framed
from goodfit.errors import GoodfitError

pytestmark = pytest.mark.filterwarnings("ignore")
EPOCHS, STEPS = 3, 7  # of 192 training rows in batches of 32 come 6 steps; of 200 come 7


def network() -> nn.Sequential:
    """Return a small network."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(FEATURES, 24), nn.ReLU(), nn.Linear(24, CLASSES))


def check(callback: Framed, num_steps: int, kind: str, metric: str) -> None:
    """Check what is the same everywhere: losses, looks, tallies, setting, validations."""
    history = callback.history
    assert len(history.steps.loss) == num_steps
    assert history.steps.loss[-1] < history.steps.loss[0]
    assert history.looks.step[:3] == (1, 2, 3)
    assert history.setting.loss_kind == kind
    assert history.setting.num_classes == CLASSES
    assert [layer.num_weights for layer in history.looks.layers if layer.num_weights] == [288, 72]
    assert all(layer.grad_norm[0] > 0 for layer in history.looks.layers if layer.num_weights)
    assert history.looks.descent[0] < 0
    assert len(history.epochs.validation_loss) == EPOCHS
    assert history.metric == metric
    blamed = ("old-gradients", "still-weights", "foreign-parameters", "same-batch", "one-class")
    assert all(history.tallies[name].happened == 0 for name in blamed)
    assert history.tallies.get("train-evaluating", history.tallies["same-batch"]).happened == 0
    assert history.autopsy is None


def split() -> tuple[torch.utils.data.Dataset, torch.utils.data.Dataset]:
    """Return 200 rows to train on and 56 others."""
    x, y = data()
    dataset = torch.utils.data.TensorDataset
    return dataset(x[:200], y[:200]), dataset(x[200:], y[200:])


@pytest.mark.parametrize("loss_kind", ["function", "module"])
def test_lightning(loss_kind: str, tmp_path: Path) -> None:
    lightning: Any = pytest.importorskip("lightning")
    from goodfit.adapters.lightning import GoodfitCallback  # noqa: PLC0415

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()
            if loss_kind == "module":
                self.loss = nn.CrossEntropyLoss()
            else:
                self.loss = nn.functional.cross_entropy

        def training_step(self, batch: Any, number: int) -> torch.Tensor:
            return self.loss(self.net(batch[0]), batch[1])

        def validation_step(self, batch: Any, number: int) -> None:
            outputs = self.net(batch[0])
            self.log("val_loss", nn.functional.cross_entropy(outputs, batch[1]))
            self.log("val_accuracy", (outputs.argmax(1) == batch[1]).float().mean())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), 0.01)

    callback = GoodfitCallback(budget=1.0, say=None)
    train, held = split()
    trainer = lightning.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        gradient_clip_val=1000.0,
        default_root_dir=tmp_path,
        callbacks=[callback],
    )
    loader = torch.utils.data.DataLoader
    trainer.fit(Module(), loader(train, 32, shuffle=True), loader(held, 56))
    check(callback, EPOCHS * STEPS, "cross-entropy", "accuracy")
    history = callback.history
    assert history.steps_per_epoch == STEPS
    assert history.setting.num_steps == EPOCHS * STEPS
    assert history.setting.max_grad_norm == 1000.0
    assert history.tallies["clipped"].happened == 0
    assert 0.0 < history.epochs.clean_loss[-1] < 1.2


def test_hugging_face(tmp_path: Path) -> None:
    transformers: Any = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    from goodfit.adapters.huggingface import GoodfitCallback  # noqa: PLC0415

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def forward(self, x: Any = None, labels: Any = None) -> dict[str, torch.Tensor]:
            outputs = self.net(x)
            return {"loss": nn.functional.cross_entropy(outputs, labels), "logits": outputs}

    x, y = data()
    rows = [{"x": a, "labels": b} for a, b in zip(x, y, strict=True)]
    callback = GoodfitCallback(budget=1.0, say=None)
    arguments = transformers.TrainingArguments(
        str(tmp_path),
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=32,
        learning_rate=0.01,
        report_to=[],
        save_strategy="no",
        eval_strategy="epoch",
        logging_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
    )
    transformers.Trainer(
        Model(),
        arguments,
        train_dataset=rows[:200],
        eval_dataset=rows[200:],
        compute_metrics=lambda p: {"accuracy": (p.predictions.argmax(1) == p.label_ids).mean()},
        callbacks=[callback],
    ).train()
    check(callback, EPOCHS * STEPS, "cross-entropy", "accuracy")
    assert callback.history.setting.max_grad_norm == 1.0
    assert callback.history.setting.num_steps == EPOCHS * STEPS
    assert 0.0 < callback.history.epochs.clean_loss[-1] < 1.2


def test_skorch() -> None:
    skorch: Any = pytest.importorskip("skorch")
    from goodfit.adapters.skorch import GoodfitCallback  # noqa: PLC0415

    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.softmax(self.net(x), 1)

    x, y = data()
    callback = GoodfitCallback(budget=1.0, say=None)
    net = skorch.NeuralNetClassifier(
        Module,
        max_epochs=EPOCHS,
        lr=0.01,
        batch_size=32,
        optimizer=torch.optim.Adam,
        iterator_train__shuffle=True,
        callbacks=[("goodfit", callback)],
        verbose=0,
    )
    net.fit(x.numpy(), y.numpy())
    check(callback, EPOCHS * STEPS, "nll", "accuracy")
    # The logarithm that skorch takes before the loss is taken in the clean evaluation too.
    assert 0.0 < callback.history.epochs.clean_loss[-1] < 1.2


def test_keras() -> None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras: Any = pytest.importorskip("keras")
    from goodfit.adapters.keras import GoodfitCallback  # noqa: PLC0415

    x, y = data()
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(24, activation="relu"),
            keras.layers.Dense(CLASSES),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    callback = GoodfitCallback(budget=1.0, say=None)
    rows = {"validation_data": (x[200:].numpy(), y[200:].numpy()), "verbose": 0}
    model.fit(
        x[:200].numpy(), y[:200].numpy(), batch_size=32, epochs=EPOCHS, callbacks=[callback], **rows
    )
    check(callback, EPOCHS * STEPS, "cross-entropy", "accuracy")
    assert callback.history.setting.optimizer == "adam"
    assert "dense_1.input" in "".join(layer.name for layer in callback.history.looks.layers)
    assert "apply" not in vars(model.optimizer)
    assert "compute_loss" not in vars(model)


def test_a_callback_that_saw_no_training_says_so() -> None:
    with pytest.raises(GoodfitError, match="Nothing was trained yet"):
        _ = Framed().history
