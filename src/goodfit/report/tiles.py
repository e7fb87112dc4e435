"""The big numbers at the top of a report."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..records import DataCard, Scores
from .confusion import commonest_share
from .contents import Contents
from .words import count, main_score, number, percent, score_word, scored_rows, seconds

MAX_SCORES = 3


class Tile(NamedTuple):
    """One number, its name, and what to compare it with."""

    label: str
    value: str
    note: str


def tiles(contents: Contents) -> list[Tile]:
    """Return the numbers that sum a run up, the most important first."""
    scores = _score_tiles(contents.validation, contents.card)
    return [*scores, *_test_tile(contents), *_epoch_tile(contents), *_cost_tile(contents)]


def _score_tiles(scores: Scores | None, card: DataCard) -> list[Tile]:
    if scores is None:
        return []
    keys = sorted(scores.values, key=lambda key: key != main_score(scores))
    return [_score_tile(key, scores, card) for key in keys[:MAX_SCORES]]


def _score_tile(key: str, scores: Scores, card: DataCard) -> Tile:
    word = score_word(key)
    return Tile(word.label, word.show(scores.values[key]), _comparison(key, scores, card))


def _comparison(key: str, scores: Scores, card: DataCard) -> str:
    share = commonest_share(scores)
    if key == "accuracy" and share is not None:
        return f"the commonest class alone gives {percent(share)}"
    if key == "log_loss" and scores.classes:
        return f"equal odds for all classes give {number(math.log(len(scores.classes)))}"
    if key == "rmse" and card.target_std is not None:
        return f"always naming the mean gives about {number(card.target_std)}"
    return score_word(key).meaning


def _test_tile(contents: Contents) -> list[Tile]:
    if contents.test is None and not contents.sizes.test:
        return []
    if contents.test is None:
        rows = count(contents.sizes.test, "row")
        return [Tile("Test part", "sealed", f"{rows} that no decision has seen")]
    key = main_score(contents.test)
    value = score_word(key).show(contents.test.values[key]) if key else "not scored"
    rows = scored_rows(contents.test)
    return [Tile(f"{score_word(key).label} on test", value, f"{rows}, opened once, at the end")]


def _epoch_tile(contents: Contents) -> list[Tile]:
    history = contents.history
    if history.best_epoch is None:
        return []
    ran = count(len(history.epochs.epoch), "epoch")
    return [Tile("Best epoch", f"{history.best_epoch:,}", f"of {ran}; its weights are kept")]


def _cost_tile(contents: Contents) -> list[Tile]:
    info = contents.info
    if info is None:
        return []
    parameters = count(info.num_parameters, "parameter")
    return [
        Tile("Training", seconds(info.train_s), f"{parameters}, {count(info.threads, 'thread')}")
    ]
