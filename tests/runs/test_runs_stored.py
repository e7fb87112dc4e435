"""Records on disk read back equal, or say which file is wrong and why."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from goodfit.errors import RunError
from goodfit.records import DataCard, Finding, Record, Scores, SplitSizes, Verdict
from goodfit.runs import (
    RunFolder,
    break_seal,
    check_sealed,
    create,
    read_record,
    read_records,
    read_unsealed,
    write_record,
    write_records,
)

FINDING = Finding(
    rule="first-loss",
    severity="warning",
    meaning="m",
    remedy="r",
    source="s",
    evidence={"loss": 0.1 + 0.2, "limit": float("inf"), "layer": "0.weight", "rows": 3},
)
CARD = DataCard(
    source="digits",
    task="classification",
    input_kind="image",
    num_rows=3,
    input_shape=(1, 8, 8),
    target="digit",
    fingerprint="00",
    classes=("0", "größer"),
    target_mean=1 / 3,
)
VERDICT = Verdict(check="nan", outcome="found", because="b", finding=FINDING)
SCORES = Scores(
    part="test",
    num_rows=2,
    values={"accuracy": 0.97},
    classes=("0", "1"),
    confusion=((1, 0), (0, 1)),
)


@pytest.mark.parametrize("record", [FINDING, CARD, VERDICT, SCORES], ids=lambda r: type(r).__name__)
def test_a_record_reads_back_equal(tmp_path: Path, record: Record) -> None:
    write_record(tmp_path / "record.json", record)
    assert read_record(tmp_path / "record.json", type(record)) == record


def test_a_list_of_records_reads_back_equal(tmp_path: Path) -> None:
    for records in ((), (FINDING, FINDING)):
        write_records(tmp_path / "findings.json", records)
        assert read_records(tmp_path / "findings.json", Finding) == records


@pytest.mark.parametrize(
    ("content", "wording"),
    [
        (b"", "is damaged: it is not JSON"),
        (b'{"train": 1', "is damaged: it is not JSON"),
        (b"\xff\xfe\x00", "is damaged: it is not JSON"),
        (b"[]", "does not hold a SplitSizes"),
        (b"3", "does not hold a SplitSizes"),
        (b'{"train": 1, "validation": 2}', "does not hold a SplitSizes"),
        (b'{"train": 1, "validation": 2, "test": "many"}', "does not hold a SplitSizes"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes, wording: str) -> None:
    path = tmp_path / "sizes.json"
    path.write_bytes(content)
    with pytest.raises(RunError, match=f"^sizes.json {wording}") as caught:
        read_record(path, SplitSizes)
    assert str(path) in str(caught.value.given) and caught.value.do


def test_the_wrong_value_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sizes.json"
    path.write_text('{"train": 1, "validation": 2, "test": "many"}')
    with pytest.raises(RunError) as caught:
        read_record(path, SplitSizes)
    assert "test: Input should be a valid integer" in str(caught.value.given)


@pytest.mark.parametrize("content", ['{"rule": 1}', '[{"rule": 1}]', "null"])
def test_a_list_of_other_things_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "findings.json").write_text(content)
    with pytest.raises(RunError, match=r"findings.json does not hold a .*Finding"):
        read_records(tmp_path / "findings.json", Finding)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"The run has no info.json"):
        read_record(tmp_path / "info.json", SplitSizes)
    with pytest.raises(RunError, match="cannot be read: Is a directory"):
        read_record(tmp_path, SplitSizes)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return create(tmp_path / "digits-1", recipe="seed = 0")


def break_it(run: RunFolder, **changes: Any) -> None:
    break_seal(run, SCORES, now=datetime(2026, 11, 5, 12, 30, tzinfo=UTC), **changes)


def test_breaking_the_seal_is_on_record_with_the_time(run: RunFolder) -> None:
    check_sealed(run)
    break_it(run)
    unsealed = read_unsealed(run)
    assert unsealed.scores == SCORES
    assert unsealed.opened == "2026-11-05T12:30:00+00:00"


def test_the_seal_breaks_once(run: RunFolder) -> None:
    break_it(run)
    with pytest.raises(RunError, match=r"was opened before, at 2026-11-05T12:30:00"):
        break_it(run)


def test_a_damaged_record_of_the_test_is_still_a_broken_seal(run: RunFolder) -> None:
    run.scores_test.write_text("{")
    with pytest.raises(RunError, match=r"scores-test.json is damaged"):
        break_it(run)
