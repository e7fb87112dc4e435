"""What can be explained beside rules and members of families."""

from __future__ import annotations

import pytest

from goodfit.errors import GoodfitError
from goodfit.explaining import explain


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gradient-check", "(L(w + h) - L(w - h)) / 2h"),
        ("finite-difference-descent", "``2 P``"),
        ("warmup", "``lr * (t + 1) / w``"),
        ("scale_lr", "``lr B / B0``"),
        ("decay_on", "no norm and no bias"),
        ("transfer", "unfreeze_epoch"),
        ("mlp", "``[N, outputs]``"),
    ],
)
def test_formula_and_words_are_told(name: str, told: str) -> None:
    assert told in explain(name)


def test_known_names_are_told_once() -> None:
    with pytest.raises(GoodfitError) as caught:
        explain("zzzzzz")
    names = caught.value.do.removeprefix("Known are: ").split(", ")
    assert len(names) == len(set(names)) > 100
