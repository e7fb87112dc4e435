"""Lightning with everything off that a training run can do without."""

import logging
import warnings

import lightning as L
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from bench.problems import WEIGHT_DECAY, Problem

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
# It asks for loader workers, which make a preloaded tensor slower.
warnings.filterwarnings("ignore", message=".*does not have many workers.*")
warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated.*")


class Classifier(L.LightningModule):
    """The problem's network; keeps the losses of the running epoch, detached."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.net = problem.make_net()
        self.lr = problem.lr
        self.losses: list[Tensor] = []

    def on_train_epoch_start(self) -> None:
        """Forget the losses of the epoch before."""
        self.losses.clear()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Cross-entropy of one batch."""
        x, y = batch
        loss = cross_entropy(self.net(x), y)
        self.losses.append(loss.detach())
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW as it comes."""
        return torch.optim.AdamW(self.parameters(), lr=self.lr, weight_decay=WEIGHT_DECAY)


def make_trainer(epochs: int) -> L.Trainer:
    """A trainer that writes and shows nothing."""
    return L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def train(problem: Problem, *, epochs: int, seed: int) -> float:
    """Train by `Trainer.fit`."""
    torch.manual_seed(seed)
    model = Classifier(problem)
    loader = DataLoader(
        TensorDataset(problem.x, problem.y), batch_size=problem.batch_size, shuffle=True
    )
    make_trainer(epochs).fit(model, loader)
    return torch.stack(model.losses).mean().item()
