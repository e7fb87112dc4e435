"""The table of figures: everybody sees the same rows, and the page has a line for each model."""

import goodfit as gf
from bench.figures import measure, page, parts_of
from bench.report import header


def test_rivals_are_scored_on_the_rows_that_the_run_keeps_sealed() -> None:
    recipe = gf.Recipe(data="wine", seed=3)
    known, (x, y), (test_x, test_y) = parts_of(recipe)
    assert known.parts is not None and known.dataset is not None
    assert len(x) == len(y) == known.sizes.train + known.sizes.validation
    assert len(test_x) == len(test_y) == known.sizes.test
    both = set(map(bytes, x)) & set(map(bytes, test_x))
    assert not both


def test_a_table_of_one_seed() -> None:
    found = measure("wine", 1, None, rival_seeds=1)
    text = page({"wine": {"facts": header("bench.figures", {}, ("goodfit",)), "models": found}})
    assert set(found) == {
        "goodfit",
        "scikit-learn MLP",
        "logistic regression",
        "gradient boosting",
    }
    assert all(f"| {model} |" in text for model in found)
    assert found["goodfit"]["score"][0] > 0.8


def test_rivals_alone() -> None:
    found = measure("wine", 0, None, rival_seeds=1)
    assert "goodfit" not in found and len(found["logistic regression"]["score"]) == 1
