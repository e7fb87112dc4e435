"""Plausible runs, made without training, for the tests of the report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from goodfit.recipe import Recipe, write
from goodfit.records import (
    Column,
    DataCard,
    EpochColumns,
    Finding,
    History,
    RunInfo,
    Scores,
    SplitSizes,
    StepColumns,
    Verdict,
)
from goodfit.report import Contents

DIGITS = tuple("0123456789")
NAN, INF = float("nan"), float("inf")
HOSTILE = "</script><script>document.title='hacked'</script><img src=x onerror=alert(1)>\x1b[2J"
CONFUSED = {(8, 1): 2, (9, 5): 1, (3, 9): 1, (5, 3): 1}


def make_history(
    *,
    num_epochs: int = 27,
    per_epoch: int = 40,
    first: float = 2.4,
    floor: float = 0.02,
    metric: str = "accuracy",
    seed: int = 0,
) -> History:
    """A run that falls, flattens, and overfits a little after two thirds of its epochs."""
    rng = np.random.default_rng(seed)
    step = np.arange(1, num_epochs * per_epoch + 1)
    course = floor + first * np.exp(-step / (per_epoch * 2.2))
    loss = course * rng.lognormal(0.0, 0.35, len(step))
    epoch = np.arange(1, num_epochs + 1)
    train = loss.reshape(num_epochs, per_epoch).mean(axis=1)
    wobble = rng.lognormal(0.0, 0.04, num_epochs)
    validation = (
        course[epoch * per_epoch - 1] + first / 45 + (epoch / num_epochs) ** 4 * first / 90
    ) * wobble
    score = np.clip(1 - validation / first * 0.9, 0, 1)
    return History(
        metric=metric,
        steps=StepColumns(
            step=tuple(step.tolist()),
            loss=tuple(loss.tolist()),
            grad_norm=tuple((loss * rng.lognormal(0.2, 0.3, len(step))).tolist()),
            lr=tuple(_cosine(step / len(step)).tolist()),
        ),
        epochs=EpochColumns(
            epoch=tuple(epoch.tolist()),
            step=tuple((epoch * per_epoch).tolist()),
            train_loss=tuple(train.tolist()),
            validation_loss=tuple(validation.tolist()),
            metric=tuple(score.tolist()),
        ),
        steps_per_epoch=per_epoch,
        best_epoch=int(epoch[validation.argmin()]),
        stopped="early-stopping",
    )


def _cosine(share: np.ndarray) -> np.ndarray:
    return 2e-3 * np.where(share < 0.05, share / 0.05, 0.5 + 0.5 * np.cos(np.pi * share))


def make_digits() -> Contents:
    """A classification of handwritten digits, the test part sealed."""
    return Contents(
        name="digits",
        recipe_toml=write(Recipe(data="digits")),
        card=DataCard(
            source="digits",
            task="classification",
            input_kind="image",
            num_rows=1797,
            input_shape=(1, 8, 8),
            target="digit",
            fingerprint="9f2c1e7ab04d",
            classes=DIGITS,
            class_counts=(178, 182, 177, 183, 181, 182, 181, 179, 174, 180),
            notes=("3 of 64 pixels are the same in every row.",),
        ),
        sizes=SplitSizes(train=1257, validation=270, test=270),
        history=make_history(),
        validation=make_confusion(DIGITS, 27, CONFUSED, log_loss=0.0713),
        verdicts=make_verdicts(),
        findings=(make_finding(),),
        info=make_info(),
        created="2026-11-23 14:02",
        preparation=("Pixels, by channel, have their mean subtracted.",),
    )


def make_diabetes() -> Contents:
    """A regression with a table of columns, the test part opened."""
    names = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
    digits = make_digits()
    return replace(
        digits,
        name="diabetes",
        recipe_toml=write(Recipe(data="diabetes")),
        card=DataCard(
            source="diabetes",
            task="regression",
            input_kind="table",
            num_rows=442,
            input_shape=(10,),
            target="progression",
            fingerprint="77ab30c1d9e2",
            columns=tuple(_column(name, place) for place, name in enumerate(names)),
            target_low=25.0,
            target_high=346.0,
            target_mean=152.13,
            target_std=77.09,
            num_missing=4,
        ),
        sizes=SplitSizes(train=310, validation=66, test=66),
        history=make_history(num_epochs=60, per_epoch=10, first=1.1, floor=0.35, metric="r2"),
        validation=make_errors("validation", mae=42.13, rmse=53.4, r2=0.512),
        test=make_errors("test", mae=44.9, rmse=55.7, r2=0.468),
        findings=(),
    )


def make_unmeasured() -> Contents:
    """A run that has not taken a step."""
    history = History(metric="accuracy")
    bare = {"validation": None, "verdicts": (), "findings": (), "info": None, "created": ""}
    return replace(make_digits(), history=history, **bare)


def make_one_epoch() -> Contents:
    """A run of a single epoch."""
    return replace(make_digits(), history=make_history(num_epochs=1))


def make_exploded() -> Contents:
    """A run whose losses turn infinite, then NaN; one batch had a loss of 0."""
    history = make_history()
    train = list(history.epochs.train_loss)
    train[5], train[20:] = INF, [NAN] * len(train[20:])
    loss = list(history.steps.loss)
    loss[300], loss[800:] = 0.0, [NAN] * len(loss[800:])
    history = replace(
        history,
        epochs=replace(history.epochs, train_loss=tuple(train)),
        steps=replace(history.steps, loss=tuple(loss)),
        stopped="not-finite",
    )
    return replace(make_digits(), history=history)


def make_nothing_finite() -> Contents:
    """A run that was measured, and never gave a finite number."""
    epochs = replace(
        make_history().epochs,
        train_loss=(NAN,) * 27,
        validation_loss=(INF,) * 27,
        metric=(NAN,) * 27,
    )
    return replace(make_digits(), history=History(metric="accuracy", epochs=epochs))


def make_long() -> Contents:
    """A run of 100,000 steps."""
    return replace(make_digits(), history=make_history(num_epochs=500, per_epoch=200))


def make_many_classes() -> Contents:
    """A classification with more classes than a table can show."""
    classes = tuple(f"class {index:03d}" for index in range(150))
    confused = {(index, (index * 7 + 3) % 150): 1 + index % 4 for index in range(0, 150, 4)}
    digits = make_digits()
    return replace(
        digits,
        card=replace(digits.card, classes=classes, class_counts=(12,) * 150),
        validation=make_confusion(classes, 12, confused, log_loss=0.41),
    )


def make_hostile() -> Contents:
    """A run in which every text tries to become markup."""
    digits, table = make_digits(), make_diabetes()
    classes = (HOSTILE, "long " * 40)
    column = Column(name=HOSTILE, kind="numeric", note=HOSTILE)
    finding = replace(
        make_finding(),
        **dict.fromkeys(("rule", "meaning", "remedy", "source", "where"), HOSTILE),
        evidence={HOSTILE: HOSTILE},
    )
    return replace(
        digits,
        name=HOSTILE,
        recipe_toml=HOSTILE,
        created=HOSTILE,
        card=replace(
            table.card,
            source=HOSTILE,
            target=HOSTILE,
            fingerprint=HOSTILE,
            classes=classes,
            class_counts=(3, 4),
            columns=(column,) * 20,
            notes=(HOSTILE,),
        ),
        history=replace(digits.history, metric=HOSTILE, notes=(HOSTILE,)),
        validation=replace(make_confusion(classes, 4, {(0, 1): 1}), values={HOSTILE: 1.0}),
        verdicts=(Verdict(check=HOSTILE, outcome="found", because=HOSTILE, finding=finding),),
        findings=(finding,),
        info=replace(make_info(), **dict.fromkeys(("net", "machine", "torch"), HOSTILE)),
    )


def make_errors(part: str, **values: float) -> Scores:
    """Regression scores."""
    return Scores.from_json({"part": part, "num_rows": 66, "values": values})


def make_confusion(
    classes: tuple[str, ...], per_class: int, confused: dict[tuple[int, int], int], **values: float
) -> Scores:
    """Classification scores: all rows right but ``confused[true, predicted]``."""
    matrix = np.diag([per_class] * len(classes))
    for (true, predicted), num in confused.items():
        matrix[true, predicted] += num
        matrix[true, true] -= num
    accuracy = float(np.trace(matrix) / matrix.sum())
    return Scores(
        part="validation",
        num_rows=int(matrix.sum()),
        values={"accuracy": accuracy, **values},
        classes=classes,
        confusion=tuple(tuple(row) for row in matrix.tolist()),
    )


def make_verdicts() -> tuple[Verdict, ...]:
    """One verdict of each outcome."""
    return (
        Verdict(
            check="first-loss",
            outcome="passed",
            because="The first loss is 2.34 over 5 seeds; chance by class prior gives 2.30.",
        ),
        Verdict(
            check="tiny-batch",
            outcome="passed",
            because="16 rows were learned by heart in 84 steps (loss 0.004).",
        ),
        Verdict(
            check="gradients",
            outcome="found",
            because="1 of 6 parameters gets no gradient.",
            finding=make_finding(),
        ),
        Verdict(
            check="batch-mixing",
            outcome="not-judged",
            because="The network has batch norm, which mixes rows on purpose.",
        ),
    )


def make_finding() -> Finding:
    """A warning with evidence of every type."""
    return Finding(
        rule="overfitting",
        severity="warning",
        meaning="Validation loss rises while training loss still falls: what the network "
        "learns now holds for the training rows only.",
        remedy="Keep the best weights (done); try optimizer.weight_decay=0.05 or dropout 0.2.",
        source="notes n3, Monitoring the loss curve",
        evidence={"gap": 0.0412, "epochs_rising": 10, "judged": "from epoch 17"},
        where="validation",
        step=680,
    )


def make_info() -> RunInfo:
    """What the run was made with."""
    return RunInfo(
        goodfit="0.1.0",
        torch="2.13.0+cpu",
        python="3.11.2",
        machine="Linux x86_64, 2 cores, 24 GB",
        threads=1,
        executor="traced",
        executor_reason="1,080 steps are too few to win back the compile time",
        num_parameters=8970,
        net="MLP 64-64-64-10, relu",
        load_s=0.08,
        train_s=1.42,
        checkpoint_s=0.02,
    )


def _column(name: str, place: int) -> Column:
    if name == "sex":
        return Column(name=name, kind="categorical", num_distinct=2)
    return Column(
        name=name,
        kind="numeric",
        num_missing=4 if name == "bp" else 0,
        num_distinct=58 + place,
        low=19.0 + place,
        high=79.0 + 3 * place,
        mean=48.5 + place,
        std=13.1,
        note="missing values take the training mean" if name == "bp" else "",
    )


SAMPLES = {
    "classification": make_digits,
    "regression": make_diabetes,
    "unmeasured": make_unmeasured,
    "one-epoch": make_one_epoch,
    "exploded": make_exploded,
    "nothing-finite": make_nothing_finite,
    "long": make_long,
    "many-classes": make_many_classes,
    "hostile": make_hostile,
}
