"""What the findings about data say: where, how much, what to do, and with which picture."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from data_rows import (
    BY_NAME,
    Made,
    arrays,
    brighter,
    coded,
    codes_of_an_array,
    copied_to_test,
    days,
    digits,
    few_values,
    flat,
    holes,
    label_in_a_pixel,
    nearly_flat,
    numbered,
    numbers,
    one_far,
    one_of,
    table,
    tripled,
    with_labels,
)

from goodfit.data.checks import Rows
from goodfit.records import Finding


def test_what_is_found_says_where_and_how_much() -> None:
    leak = BY_NAME["target-leak"](label_in_a_pixel()).finding
    assert leak is not None and leak.where == "input 0, 0, 0" and leak.curve is not None
    text = BY_NAME["numbers-as-text"](table(lab=[*numbers(299), "n/k"])).finding
    assert text is not None and text.where == '"lab"' and 'Replace "n/k"' in text.remedy
    missing = BY_NAME["missing-values"](arrays(change=holes)).finding
    assert missing is not None and missing.where == '"1"'
    assert missing.evidence["largest_share"] == pytest.approx(133 / 200, abs=0.01)
    near = BY_NAME["near-duplicates"](digits(brighter)).finding
    assert near is not None and near.evidence["share"] == pytest.approx(40 / 540, rel=0.15)
    contradicting = BY_NAME["contradicting-labels"](with_labels(arrays(), 20, differ=True)).finding
    assert contradicting is not None and contradicting.evidence["num_rows"] == 20


def test_rows_of_few_values_that_a_coin_labels_are_none_that_must_be_wrong() -> None:
    finding = BY_NAME["contradicting-labels"](few_values()).finding
    assert finding is not None and finding.severity == "info"
    assert "do not decide" in finding.meaning and int(finding.evidence["num_rows"]) > 20
    copies = BY_NAME["contradicting-labels"](with_labels(arrays(), 20, differ=True)).finding
    assert copies is not None and copies.severity == "warning"


def leaky(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x[:, 3] = 5.0 - 2.0 * y
    return x, y


REMEDIES: dict[str, tuple[str, Made, str]] = {
    "a leak in an array": ("target-leak", lambda: arrays(change=leaky), "out of the array"),
    "a leak in a pixel": ("target-leak", label_in_a_pixel, "one value in all images"),
    "numbers of an array's rows": (
        "identifier-column",
        lambda: arrays(change=numbered),
        "Arrays(x, y, groups=...)",
    ),
    "one value": ("constant-column", lambda: arrays(change=flat), "np.delete"),
    "nearly one value": ("near-constant-column", lambda: arrays(change=nearly_flat), "np.delete"),
    "holes": ("missing-values", lambda: arrays(change=holes), "np.delete"),
    "test rows that train": (
        "overlap-with-test",
        lambda: copied_to_test(arrays(), 10),
        "Arrays(x, y, groups=...)",
    ),
    "doubles": ("duplicate-rows", lambda: arrays(change=tripled), "Arrays(x, y, groups=...)"),
}


@pytest.mark.parametrize("case", REMEDIES)
def test_arrays_and_images_get_advice_that_they_can_follow(case: str) -> None:
    name, made, wanted = REMEDIES[case]
    finding = BY_NAME[name](made()).finding
    assert finding is not None and wanted in finding.remedy
    assert "prepare." not in finding.remedy and "split." not in finding.remedy


def test_a_table_is_told_of_its_own_options() -> None:
    same, leak = table(unit="mg"), table(known=lambda s: 5.0 - 2 * (s > 0))
    for name, rows in {"constant-column": same, "target-leak": leak}.items():
        finding = BY_NAME[name](rows).finding
        assert finding is not None and "prepare.ignore = [its name]" in finding.remedy


def test_units_are_to_be_taken_out_and_separators_to_be_read() -> None:
    for form in ("{}.0 kg", "$ {}", "{} %", "$ 1,{}.50"):
        rows = table(lab=[form.format(number) for number in range(100, 400)])
        finding = BY_NAME["numbers-as-text"](rows).finding
        assert finding is not None and finding.remedy.startswith("Take the unit out of the values")
        assert "decimal=" not in finding.remedy
    commas = BY_NAME["numbers-as-text"](table(lab=[f"{n},5" for n in numbers()])).finding
    assert commas is not None and 'decimal=","' in commas.remedy


def leak_bars(task: str = "classification", num: int = 300, **columns: Any) -> dict[str, float]:
    finding = BY_NAME["target-leak"](table(task=task, num_rows=num, **columns)).finding
    assert finding is not None and finding.curve is not None
    assert Finding.from_json(finding.to_json()) == finding
    return dict(zip(finding.curve.names, finding.curve.y, strict=True))


def test_a_leak_of_few_values_is_drawn_as_bars() -> None:
    assert leak_bars(known=lambda s: 5.0 - 2 * (s > 0)) == {"3": 1.0, "5": 0.0}
    texts = leak_bars(known=lambda s: np.where(s > 0, "ill", "well"))
    assert texts == {"ill": 1.0, "well": 0.0}


def test_rows_that_lack_the_leaking_column_have_a_bar_of_their_own() -> None:
    few = leak_bars(known=lambda s: np.where(s > 0, np.nan, np.arange(300) % 2))
    assert few == {"0": 0.0, "1": 0.0, "missing": 1.0}
    many = leak_bars(known=lambda s: np.where(s > 0, np.nan, s))
    assert list(many)[-1] == "missing" and many.pop("missing") == 1.0
    assert len(many) == 6 and set(many.values()) == {0.0}


def test_a_leak_of_a_quantity_has_means_and_one_of_many_numbers_a_line() -> None:
    finding = BY_NAME["target-leak"](
        table(task="regression", known=lambda s: np.where(s > 1, np.nan, s))
    ).finding
    assert finding is not None and finding.curve is not None
    assert finding.curve.y_label == "mean of the target" and finding.curve.names[-1] == "missing"
    assert list(finding.curve.y) == sorted(finding.curve.y) and finding.curve.y[-1] > 10.0
    line = BY_NAME["target-leak"](table(task="regression", known=lambda s: 32 - 1.8 * s)).finding
    assert line is not None and line.curve is not None and not line.curve.names


def test_a_leak_of_many_classes_names_the_class_of_each_value() -> None:
    finding = BY_NAME["target-leak"](label_in_a_pixel()).finding
    assert finding is not None and finding.curve is not None
    assert finding.curve.names == tuple(f"{digit}: {digit}" for digit in range(10))
    assert set(finding.curve.y) == {1.0}


@pytest.mark.parametrize("made", [lambda: table(at=one_of(1e9)), lambda: arrays(change=one_far)])
def test_an_extreme_value_is_named_with_its_row_and_how_far_it_is(made: Made) -> None:
    rows = made()
    finding = BY_NAME["extreme-values"](rows).finding
    assert finding is not None and 'prepare.scale = "robust"' in finding.remedy
    assert finding.where == ('"at"' if rows.dataset.columns else "input 2")
    assert (finding.evidence["value"], finding.evidence["data_row"]) == (1e9, 8)
    # The interquartile range of N(0, 1) is 1.35.
    assert finding.evidence["distance_by_interquartile_range"] == pytest.approx(1e9 / 1.35, rel=0.3)


def test_heavy_tails_of_many_seeds_are_no_extremes() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        columns = {
            "pareto": rng.pareto(2.0, 5000),
            "lognormal": np.exp(2.5 * rng.normal(size=5000)),
            "student": rng.standard_t(2, 5000),
            "counts": rng.poisson(rng.pareto(1.5, 5000) * 0.1),
        }
        rounded = {f"{name} rounded": np.round(values) for name, values in columns.items()}
        made = table(num_rows=5000, **columns, **rounded)
        assert BY_NAME["extreme-values"](made).outcome == "passed"


@pytest.mark.parametrize(
    ("made", "where", "read"),
    [
        (lambda: table(at=coded(-999.0, 30)), '"at"', "na_values=[-999]"),
        (lambda: arrays(change=codes_of_an_array), "input 2", "np.where(x == -999, np.nan, x)"),
    ],
)
def test_a_code_is_named_with_its_share_and_how_to_read_it(
    made: Made, where: str, read: str
) -> None:
    finding = BY_NAME["extreme-values"](made()).finding
    assert finding is not None and 'a code for "missing"' in finding.meaning
    assert (finding.where, finding.evidence["value"]) == (where, -999.0)
    assert 0.08 < float(finding.evidence["share"]) < 0.13
    assert read in finding.remedy and "robust" not in finding.remedy


def test_a_code_that_is_read_as_missing_is_no_code() -> None:
    values = coded(-999.0, 30)
    rows = table(at=np.where(values == -999.0, np.nan, values))
    assert BY_NAME["extreme-values"](rows).outcome == "passed"


def test_a_text_that_is_ignored_anyway_asks_for_nothing() -> None:
    finding = BY_NAME["identifier-column"](table(key=[f"k{row}" for row in range(300)])).finding
    assert finding is not None and "It is ignored" in finding.meaning
    assert finding.remedy.startswith("Nothing has to be done")
    used = BY_NAME["identifier-column"](table(row=np.arange(300))).finding
    assert used is not None and used.remedy.startswith("Leave it out")


def test_every_part_that_lacks_the_class_is_named() -> None:
    rows = arrays()
    target = rows.dataset.target.copy()
    target[np.concatenate([rows.parts.validation, rows.parts.test])] = 0
    found = BY_NAME["missing-class"](
        Rows(dataclasses.replace(rows.dataset, target=target), rows.parts)
    )
    assert found.finding is not None and found.finding.where == "validation and test part"
    assert found.because == 'No row of class "1" stands in the validation and test part.'


def test_dates_that_could_be_read_are_counted_beside_those_that_cannot() -> None:
    both = table(day=days("%d.%m.%Y"), other=days("%Y-%m-%d"))
    finding = BY_NAME["dates-not-used"](both).finding
    assert finding is not None and finding.where == '"day"'
    assert finding.evidence == {"columns": 1, "readable_but_not_used": 1}
