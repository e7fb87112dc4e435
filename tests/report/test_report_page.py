"""The page's facts, and that it is whole: escaped, well nested, self-contained."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from report_html import Page
from report_samples import HOSTILE, SAMPLES, make_diabetes, make_digits, make_hostile

from goodfit.report import Contents, render

every_sample = pytest.mark.parametrize("name", SAMPLES)


def test_classification_shows_its_numbers() -> None:
    text = Page(render(make_digits())).text
    for fact in (
        "Accuracy 98.1 % on validation (270 rows); the test part is sealed",
        "the commonest class alone gives 10.0 %",
        "equal odds for all classes give 2.303",
        "1,257 rows, 69.9 %",
        "8 called 1",
        "2 of 27 rows",
        "Preparation Pixels, by channel, have their mean subtracted.",
        "8,970 parameters",
        "traced: 1,080 steps are too few to win back the compile time",
        "To do: Keep the best weights (done)",
        "notes n3, Monitoring the loss curve",
        "mean loss on rows the network never trained on",
    ):
        assert fact in text, fact


def test_regression_shows_both_parts() -> None:
    text = Page(render(make_diabetes())).text
    assert "R² 0.512 on validation (66 rows); 0.468 on the test part (66 rows)" in text
    assert "sealed" not in text
    assert "MAE mean absolute error, in the unit of the target 42.13 44.9" in text
    assert "always naming the mean gives about 77.09" in text
    assert "missing values take the training mean" in text


def test_sections_come_in_the_order_of_the_recipe() -> None:
    page = Page(render(make_diabetes()))
    ids = [attrs["id"] for attrs in page.attributes("section") if "id" in attrs]
    assert ids == ["findings", "curves", "results", "data", "checks", "made", "recipe"]
    links = [attrs["href"] for attrs in page.attributes("a")]
    assert links == [f"#{name}" for name in ids]


@every_sample
def test_page_is_self_contained(name: str) -> None:
    html = render(SAMPLES[name]())
    page = Page(html)
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert not {"iframe", "object", "embed", "base"} & {tag for tag, _ in page.tags}
    styles = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert styles and not any("url(" in style or "@import" in style for style in styles)
    (policy,) = [a["content"] for a in page.attributes("meta") if "http-equiv" in a]
    assert policy is not None and policy.startswith("default-src 'none'")


@every_sample
def test_page_stays_under_its_size(name: str) -> None:
    assert len(render(SAMPLES[name]()).encode()) < 1_500_000


@every_sample
def test_page_is_accessible(name: str) -> None:
    page = Page(render(SAMPLES[name]()))
    assert [page.count(tag) for tag in ("main", "h1", "nav", "footer")] == [1, 1, 1, 1]
    assert all(attrs.get("scope") for attrs in page.attributes("th"))
    assert all(attrs.get("alt") for attrs in page.attributes("img"))
    assert all(a.get("aria-label") for _, a in page.tags if a.get("role") in ("img", "region"))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_hostile_text_stays_text() -> None:
    html, calm = render(make_hostile()), Page(render(make_digits()))
    page = Page(html)
    assert page.count("script") == calm.count("script")
    assert page.count("img") == calm.count("img")
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "\x1b" not in html
    shown = HOSTILE.replace("\x1b", "�")
    assert page.text.count(shown) > 20


def test_every_text_of_the_contents_is_escaped() -> None:
    assert HOSTILE[:20] not in render(make_hostile())


def test_unmeasured_run_has_no_script_to_draw_with() -> None:
    html = render(SAMPLES["unmeasured"]())
    assert "No finite number was measured" in html
    assert "Not scored yet; the test part is sealed" in html
    assert len(html) < 50_000


def test_losses_that_are_not_finite_are_said_in_words() -> None:
    text = Page(render(SAMPLES["exploded"]())).text
    assert "Training loss: not a finite number at 8 of 27 epochs, first at epoch 6." in text
    assert "Loss: not a finite number at 280 of 1,080 steps, first at step 801." in text
    assert "the loss was no longer a finite number" in text


def test_many_classes_show_their_worst_pairs_only() -> None:
    html = render(SAMPLES["many-classes"]())
    assert 'class="matrix"' not in html
    assert html.count("</b> called <b>") == 20
    assert "130 more classes" in html


def test_no_test_part_is_not_called_sealed() -> None:
    digits = make_digits()
    text = Page(render(replace(digits, sizes=replace(digits.sizes, test=0)))).text
    assert "there is no test part" in text
    assert "sealed" not in text


def test_contents_survive_json() -> None:
    contents = make_diabetes()
    assert Contents.from_json(contents.to_json()) == contents
