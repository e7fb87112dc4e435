"""The healthy base programs: data set x architecture x optimiser x schedule x options.

The two parts share no data set and no architecture, see :data:`DEVELOPMENT`, :data:`HELD_OUT`.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.faults import data, networks
from bench.faults.program import Batch, Loop, Optim, Program

CE = nn.CrossEntropyLoss
SMOOTH = partial(nn.CrossEntropyLoss, label_smoothing=0.1)


def mixed(x: Tensor, y: Tensor, num_classes: int = 10) -> Batch:
    """MixUp: convex sums of rows and of their one-hot targets (alpha 0.2)."""
    share = float(torch.distributions.Beta(0.2, 0.2).sample())
    order, hot = torch.randperm(len(x)), F.one_hot(y, num_classes).float()
    return share * x + (1 - share) * x[order], share * hot + (1 - share) * hot[order]


def shifted(x: Tensor, y: Tensor) -> Batch:
    """Each image moved by up to a pixel each way."""
    padded, moved = F.pad(x, (1, 1, 1, 1), mode="replicate"), x.clone()
    height, width = x.shape[2:]
    which = torch.randint(9, (len(x),))
    for place in range(9):
        down, right = divmod(place, 3)
        rows = which == place
        moved[rows] = padded[rows, :, down : down + height, right : right + width]
    return moved, y


def flipped(x: Tensor, y: Tensor) -> Batch:
    """Each image mirrored with probability a half."""
    flip = torch.rand(len(x)) < 0.5
    return torch.where(flip[:, None, None, None], x.flip(3), x), y


def plain_cross_entropy(outputs: Tensor, y: Tensor) -> Tensor:
    """A loss that is a plain function, so the loop has to say ``watch.loss(loss)``."""
    return F.cross_entropy(outputs, y)


def rare_weights() -> nn.Module:
    """Cross-entropy whose class weights make up for the thinned class of ``rare_cancer``."""
    return nn.CrossEntropyLoss(weight=torch.tensor([3.4, 0.6]))


DIGITS_MLP = {
    "task": "classification",
    "load": data.digits,
    "make_net": partial(networks.mlp, 64, 10),
    "traits": {"flat", "relu", "plain"},
}
DIGITS_CNN = {
    "task": "classification",
    "load": data.digit_images,
    "make_net": partial(networks.cnn, 8, 10),
    "traits": {"images", "relu", "plain"},
}
DIGITS_CNN_BN = {
    **DIGITS_CNN,
    "make_net": partial(networks.cnn, 8, 10, norm=nn.BatchNorm2d),
    "traits": {"images", "relu", "batch-norm"},
}
DIGITS_RES = {
    **DIGITS_MLP,
    "make_net": partial(networks.residual_mlp, 64, 10),
    "traits": {"flat"},
}
CANCER = {
    "task": "classification",
    "load": data.cancer,
    "make_net": partial(networks.mlp, 30, 2, hidden=(32, 32)),
    "traits": {"flat", "relu", "plain"},
    "epochs": 16,
}
CANCER_BINARY = {
    **CANCER,
    "task": "binary",
    "load": data.cancer_binary,
    "make_net": partial(networks.mlp, 30, 1, hidden=(32, 32)),
    "make_loss": nn.BCEWithLogitsLoss,
}
DIABETES = {
    "task": "regression",
    "load": data.diabetes,
    "make_net": partial(networks.mlp, 10, 1, hidden=(32, 32)),
    "make_loss": nn.MSELoss,
    "traits": {"flat", "relu", "plain"},
    "epochs": 20,
}
COUNTS = {
    "task": "classification",
    "load": data.counts,
    "make_net": partial(networks.gru, 4),
    "traits": {"tokens", "relu"},
    "epochs": 8,
}
RESNET = {
    "task": "classification",
    "load": data.fashion,
    "make_net": partial(networks.resnet, 10),
    "traits": {"images", "relu", "batch-norm"},
    "batch_size": 64,
    "epochs": 8,
}
FASHION_CNN = {
    **RESNET,
    "make_net": partial(networks.cnn, 14, 10, norm=partial(nn.GroupNorm, 4), activation=nn.GELU),
    "traits": {"images", "group-norm"},
}
FASHION_MLP = {
    **RESNET,
    "load": data.fashion_rows,
    "make_net": partial(networks.mlp, 196, 10, hidden=(96, 48, 48), activation=nn.ReLU),
    "traits": {"flat", "relu", "plain"},
}
TRANSFORMER = {
    "task": "classification",
    "load": data.orders,
    "make_net": partial(networks.transformer, 4),
    "traits": {"tokens", "transformer"},
    "epochs": 8,
}
WINE = {
    "task": "classification",
    "load": data.wine,
    "make_net": partial(
        networks.mlp, 13, 3, hidden=(24, 24), activation=nn.GELU, norm=nn.LayerNorm
    ),
    "traits": {"flat"},
    "batch_size": 16,
    "epochs": 25,
}
FRIEDMAN = {
    "task": "regression",
    "load": data.friedman,
    "make_net": partial(networks.mlp, 10, 1, hidden=(48, 48), activation=nn.Tanh),
    "make_loss": nn.MSELoss,
    "traits": {"flat", "plain"},
    "epochs": 12,
}


def base(name: str, kind: dict[str, Any], optim: Optim, schedule: str = "constant", **options: Any):
    """One base; ``options`` override what the kind says, those of the loop go to the loop."""
    loop = {key: options.pop(key) for key in Loop.__dataclass_fields__ if key in options}
    traits = kind["traits"] | {optim.kind} | options.pop("traits", set())
    fields: dict[str, Any] = {**kind, **options, "schedule": schedule, "optim": optim}
    fields |= {"traits": frozenset(traits | {fields["task"]}), "loop": Loop(**loop)}
    return replace(Program(name=name, **fields))


def sgd(lr: float, weight_decay: float = 5e-4, momentum: float = 0.9) -> Optim:
    """SGD with momentum."""
    return Optim(kind="sgd", lr=lr, weight_decay=weight_decay, momentum=momentum)


def adam(lr: float) -> Optim:
    """Adam without weight decay."""
    return Optim(kind="adam", lr=lr)


def adamw(lr: float, weight_decay: float = 0.01) -> Optim:
    """Adam with decoupled weight decay."""
    return Optim(kind="adamw", lr=lr, weight_decay=weight_decay)


def _with_dropout(rate: float) -> dict[str, Any]:
    return {"net_options": {"dropout": rate}, "traits": {"dropout"}}


DEVELOPMENT: tuple[Program, ...] = (
    base("digits-mlp-adam", DIGITS_MLP, adam(1e-3)),
    base("digits-mlp-sgd-cosine", DIGITS_MLP, sgd(0.03), "cosine", with_loader=True),
    base(
        "digits-mlp-adamw-cycle-dropout", DIGITS_MLP, adamw(4e-3), "one-cycle", **_with_dropout(0.2)
    ),
    base("digits-mlp-adam-smooth", DIGITS_MLP, adam(1e-3), make_loss=SMOOTH),
    base("digits-mlp-sgd-mixup", DIGITS_MLP, sgd(0.03), "cosine", alter=mixed, epochs=14),
    base("digits-mlp-adamw-bfloat16", DIGITS_MLP, adamw(2e-3), "cosine", autocast=True),
    base("cancer-binary-sgd", CANCER_BINARY, sgd(0.01)),
    base(
        "cancer-weights-adamw-cosine",
        CANCER,
        adamw(2e-3),
        "cosine",
        load=data.rare_cancer,
        make_loss=rare_weights,
    ),
    base("cancer-adam-dropout", CANCER, adam(1e-3), **_with_dropout(0.2), with_loader=True),
    base("digits-cnn-adam", DIGITS_CNN, adam(2e-3), with_loader=True),
    base("digits-cnn-sgd-cycle", DIGITS_CNN, sgd(0.05), "one-cycle"),
    base("digits-cnn-adamw-shift", DIGITS_CNN, adamw(3e-3), "cosine", alter=shifted, epochs=14),
    base("digits-bn-sgd-cosine", DIGITS_CNN_BN, sgd(0.03), "cosine"),
    base("digits-bn-adam", DIGITS_CNN_BN, adam(1e-3), make_loss=lambda: plain_cross_entropy),
    base(
        "digits-bn-adamw-cycle-smooth",
        DIGITS_CNN_BN,
        adamw(4e-3),
        "one-cycle",
        make_loss=SMOOTH,
        **_with_dropout(0.2),
    ),
    base("diabetes-adam", DIABETES, adam(5e-4), epochs=14),
    base("diabetes-sgd-cosine-huber", DIABETES, sgd(0.005, 1e-3), "cosine", make_loss=nn.HuberLoss),
    base("diabetes-adamw-dropout", DIABETES, adamw(1e-3), "cosine", **_with_dropout(0.1)),
    base("counts-gru-adam-clip", COUNTS, adam(2e-3), max_grad_norm=1.0),
    base("counts-gru-adamw-cosine", COUNTS, adamw(2e-3), "cosine", with_loader=True),
    base("digits-res-adamw-cosine", DIGITS_RES, adamw(2e-3), "cosine"),
)

HELD_OUT: tuple[Program, ...] = (
    base("fashion-resnet-sgd-cosine", RESNET, sgd(0.05), "cosine"),
    base("fashion-resnet-adamw-cycle-flip", RESNET, adamw(5e-3), "one-cycle", alter=flipped),
    base("fashion-resnet-adam-smooth", RESNET, adam(2e-3), make_loss=SMOOTH, with_loader=True),
    base("fashion-gn-adam", FASHION_CNN, adam(2e-3)),
    base("fashion-gn-sgd-mixup", FASHION_CNN, sgd(0.03), "cosine", alter=mixed),
    base(
        "fashion-deep-adamw-dropout",
        FASHION_MLP,
        adamw(3e-3),
        "cosine",
        epochs=12,
        **_with_dropout(0.1),
    ),
    base("orders-transformer-adamw-cosine", TRANSFORMER, adamw(2e-3), "cosine"),
    base("orders-transformer-adam-dropout", TRANSFORMER, adam(1.5e-3), **_with_dropout(0.1)),
    base(
        "orders-transformer-adamw-cycle-bfloat16",
        TRANSFORMER,
        adamw(3e-3),
        "one-cycle",
        autocast=True,
    ),
    base("wine-sgd", WINE, sgd(0.01)),
    base("wine-adamw-dropout", WINE, adamw(2e-3), "cosine", **_with_dropout(0.2)),
    base("wine-adam-function", WINE, adam(3e-3), make_loss=lambda: plain_cross_entropy),
    base("friedman-adam", FRIEDMAN, adam(6e-3)),
    base("friedman-sgd-cosine", FRIEDMAN, sgd(0.04), "cosine", with_loader=True),
    base(
        "friedman-adamw-cycle-smoothl1",
        FRIEDMAN,
        adamw(1e-2),
        "one-cycle",
        make_loss=nn.SmoothL1Loss,
    ),
)

PARTS: dict[str, tuple[Program, ...]] = {"development": DEVELOPMENT, "held-out": HELD_OUT}
BASES: dict[str, Program] = {p.name: p for part in PARTS.values() for p in part}
Bases = Callable[[Program], bool]
