"""What is decided from the data, where a recipe leaves it open."""

import pytest

import goodfit as gf
from goodfit.pipeline.resolve import ROWS_THAT_TELL, resolve


def card(task: str) -> gf.DataCard:
    return gf.DataCard(
        source="x",
        task=task,  # pyright: ignore[reportArgumentType]
        input_kind="table",
        num_rows=20_000,
        input_shape=(4,),
        target="y",
        fingerprint="",
    )


@pytest.mark.parametrize(
    ("task", "num_validation", "monitor"),
    [
        ("classification", ROWS_THAT_TELL, "metric"),
        ("classification", ROWS_THAT_TELL - 1, "loss"),
        ("regression", ROWS_THAT_TELL, "loss"),
    ],
)
def test_accuracy_chooses_the_epoch_where_it_can_tell_epochs_apart(
    task: str, num_validation: int, monitor: str
) -> None:
    found = resolve(
        gf.Recipe(data="x"), card(task), num_train=10_000, num_validation=num_validation
    )
    assert found.early_stopping.monitor == monitor


@pytest.mark.parametrize("monitor", ["loss", "metric"])
def test_what_a_recipe_says_stays(monitor: str) -> None:
    recipe = gf.Recipe(
        data="x", early_stopping=gf.EarlyStopping.model_validate({"monitor": monitor})
    )
    for rows in (10, ROWS_THAT_TELL):
        found = resolve(recipe, card("classification"), num_train=100, num_validation=rows)
        assert found.early_stopping.monitor == monitor
