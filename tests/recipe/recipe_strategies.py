"""Valid recipes of every kind, drawn at random."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from goodfit.recipe import (
    CNN,
    L1,
    L2,
    MLP,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Augment,
    ClipNorm,
    ClipPercentile,
    ClipValue,
    Constant,
    Cosine,
    Cyclical,
    DataSource,
    Decoupled,
    EarlyStopping,
    Elastic,
    Engine,
    Evaluate,
    Exponential,
    Momentum,
    MomentumEMA,
    MomentumLRInside,
    MultiStep,
    Nesterov,
    NesterovLookahead,
    NesterovRewritten,
    NoClip,
    NoPenalty,
    OneCycle,
    OnPlateau,
    OwnNet,
    Prepare,
    Recipe,
    ResNet,
    RMSProp,
    Split,
    Step,
    WarmRestarts,
)
from goodfit.recipe.networks import InitName

positive = st.floats(min_value=5e-324, max_value=1.7976931348623157e308)
non_negative = st.floats(min_value=0.0, allow_infinity=False)
fractions = st.floats(min_value=0.0, max_value=1.0, exclude_max=True)
inner = st.floats(min_value=0.0, max_value=1.0, exclude_min=True, exclude_max=True)
counts = st.integers(min_value=1)
# Everything that UTF-8 can hold; a lone surrogate is none of it.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
activations = st.sampled_from(
    ["relu", "leaky-relu", "prelu", "elu", "gelu", "silu", "tanh", "sigmoid"]
)
rates = {
    "lr": positive,
    "weight_decay": non_negative,
    "decay_on": st.sampled_from(["weights", "all"]),
    "scale_lr": st.sampled_from(["none", "linear", "sqrt"]),
    "base_batch_size": counts,
}
moving = {
    **rates,
    "eps": positive,
    "betas": st.tuples(fractions, fractions),
    "bias_correction": st.booleans(),
}
with_momentum = {**rates, "momentum": fractions}

layered = {
    "activation": activations | st.just("maxout"),
    "pieces": st.integers(min_value=2),
    "norm": st.sampled_from(["none", "batch", "layer"]),
    "norm_place": st.sampled_from(["before", "after"]),
    "dropout": fractions,
    "dropout_form": st.sampled_from(["inverted", "at-test"]),
    "init": st.sampled_from(get_args(InitName)),
    "bias": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "output_bias": st.sampled_from(["init", "zero", "prior"]),
}

NETS = {
    MLP: {"hidden": st.lists(counts, max_size=4).map(tuple), **layered},
    CNN: {"channels": st.lists(counts, min_size=1, max_size=4).map(tuple), **layered},
    ResNet: {
        "blocks": st.tuples(counts, counts),
        "channels": st.tuples(counts, counts),
        **layered,
        "activation": activations,
    },
    OwnNet: {"make": texts},
}
OPTIMIZERS = {
    SGD: rates,
    Momentum: with_momentum,
    MomentumLRInside: with_momentum,
    MomentumEMA: with_momentum,
    Nesterov: with_momentum,
    NesterovRewritten: with_momentum,
    NesterovLookahead: with_momentum,
    Adagrad: {**rates, "eps": positive},
    RMSProp: {**rates, "eps": positive, "alpha": fractions},
    Adam: moving,
    AdamW: moving,
}
SCHEDULES = {
    Constant: {"warmup": fractions},
    Step: {"warmup": fractions, "every": counts, "gamma": positive},
    Exponential: {"warmup": fractions, "gamma": positive},
    Cosine: {"warmup": fractions, "floor": fractions},
    MultiStep: {
        "warmup": fractions,
        "epochs": st.sets(counts, min_size=1, max_size=4).map(lambda some: tuple(sorted(some))),
        "gamma": positive,
    },
    WarmRestarts: {"warmup": fractions, "first": counts, "mult": counts, "floor": fractions},
    Cyclical: {
        "warmup": fractions,
        "rise": positive,
        "div": st.floats(1.0, 1e300),
        "shape": st.sampled_from(["triangular", "halved"]),
    },
    OnPlateau: {
        "warmup": fractions,
        "factor": inner,
        "patience": st.integers(0),
        "threshold": fractions,
        "cooldown": st.integers(0),
        "floor": fractions,
    },
    OneCycle: {"rise": inner, "div": positive, "final_div": positive},
}
PENALTIES = {
    NoPenalty: {},
    L1: {"strength": non_negative},
    L2: {"strength": non_negative},
    Elastic: {"alpha": non_negative, "beta": non_negative},
    Decoupled: {"strength": non_negative},
}
CLIPS = {
    NoClip: {},
    ClipValue: {"limit": positive},
    ClipNorm: {"limit": positive},
    ClipPercentile: {"share": inner},
}
FAMILIES = {
    "clip": CLIPS,
    "net": NETS,
    "optimizer": OPTIMIZERS,
    "penalty": PENALTIES,
    "schedule": SCHEDULES,
}


def member_of(family: dict) -> st.SearchStrategy:
    """Draw one of a family, every field of it."""
    return st.one_of([st.builds(kind, **fields) for kind, fields in family.items()])


shares = st.floats(min_value=0.0, max_value=1.0)
augmentations = st.builds(
    Augment,
    horizontal_flip=shares,
    vertical_flip=shares,
    rotate=st.floats(0.0, 180.0),
    shear=st.floats(0.0, 90.0, exclude_max=True),
    **dict.fromkeys(("scale", "translate", "brightness", "contrast", "saturation"), fractions),
    crop=st.integers(0),
    hue=st.floats(0.0, 0.5),
    erase=shares,
    affine_probability=shares,
    crop_probability=shares,
    colour_probability=shares,
    mix=st.sampled_from(["none", "mixup", "cutmix", "cowmix"]),
    mix_alpha=positive,
    mix_probability=shares,
)
splits = st.tuples(inner, inner).filter(lambda pair: sum(pair) < 1.0)

recipes = st.builds(
    Recipe,
    data=st.builds(DataSource, path=names, target=st.none() | texts, folder=st.none() | texts),
    task=st.sampled_from(["auto", "classification", "regression"]),
    batch_size=st.none() | counts,
    epochs=st.none() | counts,
    seed=st.integers(0, 2**63 - 1),
    split=st.builds(
        lambda parts, stratify: Split(validation=parts[0], test=parts[1], stratify=stratify),
        splits,
        st.booleans(),
    ),
    prepare=st.builds(Prepare, scale=st.sampled_from(["standardise", "min-max", "none"])),
    augment=augmentations,
    net=st.none() | member_of(NETS),
    optimizer=member_of(OPTIMIZERS),
    penalty=member_of(PENALTIES),
    clip=member_of(CLIPS),
    schedule=member_of(SCHEDULES),
    early_stopping=st.builds(
        EarlyStopping,
        enabled=st.booleans(),
        patience=counts,
        min_delta=non_negative,
        monitor=st.sampled_from(["auto", "loss", "metric"]),
    ),
    evaluate=st.builds(
        Evaluate, views=st.sampled_from(["none", "flip", "crops", "flip-crops"]), margin=counts
    ),
    engine=st.builds(
        Engine,
        mode=st.sampled_from(["auto", "eager", "traced", "compiled"]),
        threads=st.none() | counts,
    ),
)
