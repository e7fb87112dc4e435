"""One trial by Lightning with everything off that a trial can do without."""

import logging
import warnings

import lightning as L
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from bench.search_problems import BLOCK, Config, SearchProblem

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
# It asks for loader workers, which make a preloaded tensor slower.
warnings.filterwarnings("ignore", message=".*does not have many workers.*")
warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated.*")


class Classifier(L.LightningModule):
    """The problem's network; logs validation accuracy."""

    def __init__(self, problem: SearchProblem, config: Config) -> None:
        super().__init__()
        self.net, self.config = problem.make_net(), config

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Cross-entropy of one batch."""
        x, y = batch
        return cross_entropy(self.net(x), y)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log the share of right answers."""
        x, y = batch
        self.log("accuracy", (self.net(x).argmax(1) == y).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW as it comes."""
        config = self.config
        return torch.optim.AdamW(self.parameters(), lr=config.lr, weight_decay=config.weight_decay)


def train_one(problem: SearchProblem, config: Config) -> float:
    """Train by `Trainer.fit`, which validates after each epoch."""
    train = TensorDataset(problem.x, problem.y)
    valid = TensorDataset(problem.x_valid, problem.y_valid)
    trainer = L.Trainer(
        max_epochs=problem.epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(
        Classifier(problem, config),
        DataLoader(train, batch_size=problem.batch_size, shuffle=True),
        DataLoader(valid, batch_size=BLOCK),
    )
    return trainer.callback_metrics["accuracy"].item()
