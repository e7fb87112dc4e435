"""The course of a run, as it was measured: columns, no tensors, no raw activations.

Rules read nothing else. So whoever fills in a history is diagnosed alike: our own loop, a watched
loop of another framework, or a table of losses. What was not measured is empty, or NaN at one
place of a column; a rule that needs it abstains and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .base import Record, Task
from .signals import Signal

Stopped = Literal["", "budget", "early-stopping", "interrupted", "not-finite"]


@dataclass(frozen=True, kw_only=True)
class StepColumns(Record):
    """What was measured at training steps, one entry per recorded step."""

    step: tuple[int, ...] = ()
    loss: tuple[float, ...] = ()
    grad_norm: tuple[float, ...] = ()
    lr: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EpochColumns(Record):
    """What was measured at the end of epochs (or at each validation), one entry per epoch.

    ``train_loss`` is the mean of the epoch's batch losses, in training mode; ``validation_loss``
    and ``metric`` are taken in evaluation mode on the whole part. ``clean_loss`` and
    ``clean_metric`` are loss and metric in evaluation mode on training rows as they are, without
    dropout and augmentation: the gap of overfitting is between them and the validation part.
    """

    epoch: tuple[int, ...] = ()
    step: tuple[int, ...] = ()
    train_loss: tuple[float, ...] = ()
    validation_loss: tuple[float, ...] = ()
    metric: tuple[float, ...] = ()
    clean_loss: tuple[float, ...] = ()
    clean_metric: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Layer(Record):
    """One layer, looked at again and again: one entry per look, NaN where there is nothing.

    ``kind`` is the module's class. ``weight_norm``, ``grad_norm`` and ``update_norm`` are L2
    norms over the layer's own weights (parameters of two or more dimensions), of their gradient
    as the optimiser got it, and of their change by the step. ``num_weights`` counts them; 0 for an
    activation. ``output_mean`` and ``output_std`` are over all elements of the output.

    Units are features of the last dimension, or channels. ``dead_share`` is the share of units
    that came out the same for every sample of the latest looks (512 samples or more, from batches
    that differ; NaN while there are fewer). ``saturated_share``
    is the share of the output's elements in the flat ends of a bounded activation.
    ``signal`` is how the first batch passed a layer with weights, before its first step.
    ``norm_gap`` is, for a batch norm, how far running from batch statistics are, in running
    standard deviations.
    """

    name: str
    kind: str
    num_weights: int = 0
    signal: Signal | None = None
    weight_norm: tuple[float, ...] = ()
    grad_norm: tuple[float, ...] = ()
    update_norm: tuple[float, ...] = ()
    output_mean: tuple[float, ...] = ()
    output_std: tuple[float, ...] = ()
    dead_share: tuple[float, ...] = ()
    saturated_share: tuple[float, ...] = ()
    norm_gap: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Looks(Record):
    """What was measured at some steps only, one entry per look.

    ``step`` counts from 1, as in :class:`StepColumns`. ``descent`` is the sum over all parameters
    of gradient times update: the change of the loss that the step promised, to first order;
    negative is downhill. ``turn`` is the cosine between this gradient and that of the look before
    it where that was the step before, NaN otherwise. ``batch_metric`` is the training batch's own
    metric in training mode. ``wrong_and_sure`` is the share of the batch's rows whose target got
    under a tenth of an equal share of probability. ``mistaken`` is the share of the batch's rows
    whose target is not the class with the highest score, ``misplaced`` the sum of their targets'
    places among the other classes (0 for the next best, 1 for the last) over all rows of the batch:
    misplaced over mistaken is 0.5 where targets are drawn at random, and next to 0 where a few
    classes are confused. ``far_agreement`` is for quantities: of the eighth of the batch's rows
    that lie farthest from what was predicted, the mean product of target and prediction, each from
    its mean, over the targets' variance. Noise that is added leaves it above 0, however large;
    targets that belong to other rows make it negative. ``layers`` are in the order in which data
    flows through them.
    """

    step: tuple[int, ...] = ()
    grad_norm: tuple[float, ...] = ()
    weight_norm: tuple[float, ...] = ()
    update_norm: tuple[float, ...] = ()
    descent: tuple[float, ...] = ()
    turn: tuple[float, ...] = ()
    batch_metric: tuple[float, ...] = ()
    wrong_and_sure: tuple[float, ...] = ()
    mistaken: tuple[float, ...] = ()
    misplaced: tuple[float, ...] = ()
    far_agreement: tuple[float, ...] = ()
    layers: tuple[Layer, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tally(Record):
    """How often something ``happened``, of how many times it was looked for."""

    happened: int = 0
    of: int = 0

    @property
    def share(self) -> float:
        """The share; 0 where it was never looked for."""
        return self.happened / self.of if self.of else 0.0


TALLIES: Mapping[str, str] = {
    "old-gradients": "first backward passes after a step that began on gradients left from before",
    "still-weights": "optimiser steps after which no watched weight had changed",
    "foreign-parameters": "trainable parameters of the network that no watched optimiser has",
    "frozen-weights": "weights of the network that ask for no gradient",
    "unreached-parameters": "trainable parameters that no gradient has reached yet",
    "eval-training": "training passes in evaluation mode of a network for which modes differ",
    "train-evaluating": "passes without gradient in training mode, where modes differ",
    "same-batch": "training batches with the inputs of the batch before",
    "same-order": "training batches that stood at the same place in the epoch before",
    "carried-state": "passes that were given a tensor which the pass before had returned",
    "one-class": "training batches of four rows or more that hold a single class",
    "clipped": "optimiser steps whose gradient had been cut to a maximal norm",
    "skipped": "backward passes that no optimiser step followed, as under loss scaling",
    "backward-per-step": "backward passes beyond the first of an optimiser step",
    "own-losses": "steps of one of several optimisers on a loss of its own, after another's step",
    "spread-shapes": "looks whose outputs and targets were spread against each other: [N, 1], [N]",
    "shares-as-scores": "looks whose loss took probabilities for scores: softmax or sigmoid twice",
    "scores-as-shares": "looks whose loss took scores for logarithms of probabilities",
    "softmax-over-rows": "looks whose outputs were a softmax over the rows of the batch",
    "cut-outputs": "looks whose outputs were cut by a last operation that cannot give the targets",
    "alike-units": "weights whose units all began alike, and would learn the same",
    "straight-layers": "weights in a row that together make one straight line, with no use",
    "loss-negated": "backward passes that began with the loss turned around, as (-loss).backward()",
}


@dataclass(frozen=True, kw_only=True)
class Baseline(Record):
    """What simple fits of some training rows reach on rows left out: accuracy, or R2.

    ``linear`` is ridge regression by straight lines, ``curved`` one that has squares and products
    of two inputs too; ``num_rows`` says of how many rows.
    """

    linear: float
    curved: float
    num_rows: int


@dataclass(frozen=True, kw_only=True)
class Setting(Record):
    """What a rule has to know beside the numbers; empty, None or 0 where it was not seen.

    ``loss_kind`` is the field's name: "cross-entropy", "binary-cross-entropy", "nll", "mse",
    "l1", "huber", or "". ``chance_loss`` is the loss of the best constant answer: the entropy of
    the class prior, the variance of the target. ``floor_loss`` is what a perfect answer still
    costs: above 0 with label smoothing or mixed targets. ``majority_share`` is the accuracy of
    the best constant answer. ``optimizer`` is the class's name in lower case.
    ``dropout`` is the highest rate of all dropout layers. ``baseline`` is what simple fits reach,
    where inputs are numbers. ``loss_reduction`` is "mean", "sum" or "none".
    """

    task: Task | None = None
    loss_kind: str = ""
    loss_reduction: str = ""
    chance_loss: float | None = None
    floor_loss: float | None = None
    num_classes: int = 0
    majority_share: float | None = None
    mixed_targets: bool = False
    batch_size: int = 0
    num_train: int = 0
    num_steps: int = 0
    optimizer: str = ""
    weight_decay: float | None = None
    momentum: float | None = None
    max_grad_norm: float | None = None
    num_parameters: int = 0
    dropout: float = 0.0
    baseline: Baseline | None = None


@dataclass(frozen=True, kw_only=True)
class Autopsy(Record):
    """How a number that is not finite came about: the first module and operation that made it.

    ``culprit`` is what was not finite first. ``inputs`` describes what went into the operation:
    smallest and largest value, counts of zeros, of negatives, of numbers that are not finite.
    """

    step: int
    culprit: Literal["input", "target", "weights", "forward", "loss", "gradient"]
    module: str
    operation: str
    because: str
    inputs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class History(Record):
    """The course of one run.

    ``metric`` names the column ``epochs.metric`` ("accuracy" or "r2"; "" where there is none);
    ``metric_up`` says that more is better. ``best_epoch`` is the epoch whose weights the run
    keeps. ``stopped`` says why training ended; "" while it runs, or where that is not known.
    ``unseen`` says what could not be measured, and why.
    """

    metric: str
    metric_up: bool = True
    steps: StepColumns = field(default_factory=StepColumns)
    epochs: EpochColumns = field(default_factory=EpochColumns)
    looks: Looks = field(default_factory=Looks)
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    setting: Setting = field(default_factory=Setting)
    autopsy: Autopsy | None = None
    steps_per_epoch: int = 0
    best_epoch: int | None = None
    stopped: Stopped = ""
    clipped: bool = False
    notes: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
