"""The report keeps every check, names what was left out, and says what follows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ml.datasets.patient_split import Exclusion
from ml.records import LabelledImage
from ml.trust import data_checks, source_confounding
from ml.trust.check import Check, Status
from ml.trust.dataset_scan import scan_dataset
from ml.trust.model_checks import model_checks
from ml.trust.report import BLOCKING, Report
from tests.ml.trust_radiographs import PREP, encoded, filed, picture


def _check(name: str, status: Status = "PASS") -> Check:
    return Check(name, 0.5, None, "", status, 10, "", 0.1, "", blocking=name in BLOCKING)


def _report(name: str = "", status: Status = "PASS") -> Report:
    """Make a report in which all pass but the one named."""
    checks = (_check(one, status if one == name else "PASS") for one in (*BLOCKING, "A7", "B5"))
    return Report("v1", "", "", tuple(checks))


def test_a_report_without_failures_passes() -> None:
    assert _report("A5", "WARN").verdict == "passed"
    assert _report("A1", "NOT_POSSIBLE").verdict == "passed"


@pytest.mark.parametrize("name", BLOCKING)
def test_one_blocking_failure_means_research_only(name: str) -> None:
    report = _report(name, "FAIL")
    assert (report.verdict, report.failed) == ("research only", (name,))


def test_a_failure_that_does_not_block_changes_no_verdict() -> None:
    assert _report("B5", "FAIL").verdict == "passed"


def test_a_source_that_cannot_be_held_out_counts_as_a_failure() -> None:
    assert _report("B4", "NOT_POSSIBLE").verdict == "research only"


def test_a_blocking_check_that_was_not_asked_leaves_the_report_incomplete() -> None:
    report = _report()
    shorter = replace(report, checks=tuple(check for check in report.checks if check.id != "B3"))
    assert (shorter.verdict, shorter.missing) == ("incomplete", ("B3",))


def test_what_was_not_possible_is_shown() -> None:
    stored = _report("A1", "NOT_POSSIBLE").to_json()
    assert stored["not_possible"] == ["A1"]
    assert next(check for check in stored["checks"] if check["id"] == "A1")["status"] == "NOT_POSSIBLE"


def test_radiographs_left_out_are_named_without_their_place(tmp_path: Path) -> None:
    out = Exclusion(LabelledImage(tmp_path / "bad.png", "normal", "somebody"), "damaged")
    stored = json.dumps(replace(_report(), left_out=(out,)).to_json(), allow_nan=False)
    assert json.loads(stored)["left_out"] == [{"radiograph": "bad.png", "reason": "damaged"}]
    assert str(tmp_path) not in stored
    assert "somebody" not in stored


def test_every_check_of_an_empty_collection_is_not_possible(tmp_path: Path) -> None:
    checks = model_checks(scan_dataset([LabelledImage(tmp_path / "gone.png", "normal", "p")], PREP))
    assert {check.status for check in checks} == {"NOT_POSSIBLE"}
    assert [check.id for check in checks] == [
        "A1",
        "A2",
        "A3",
        "A4",
        "A5",
        "A6",
        "A7",
        "B1",
        "B2",
        "B5",
        "B6",
    ]
    assert {check.id for check in checks if check.blocking} == set(BLOCKING) - {"B3", "B4"}


def test_the_hash_tells_radiographs_labels_and_parameters_apart_but_not_their_order(tmp_path: Path) -> None:
    radiographs = [
        filed(tmp_path, f"{n}.png", encoded(picture(n)), label)
        for n, label in enumerate(["covid-19", "normal"])
    ]
    relabelled = [radiographs[0], replace(radiographs[1], label="pneumonia")]
    one, turned, other = (
        data_checks.exact_duplicates(scan_dataset(f, PREP))
        for f in (radiographs, radiographs[::-1], relabelled)
    )
    assert one.inputs_hash == turned.inputs_hash
    assert (
        len(
            {
                one.inputs_hash,
                other.inputs_hash,
                data_checks.near_duplicates(scan_dataset(radiographs, PREP)).inputs_hash,
            }
        )
        == 3
    )
    asked = [
        source_confounding.source_confounding(scan_dataset(radiographs, PREP), model_balanced_accuracy=value)
        for value in (0.8, 0.9)
    ]
    assert asked[0].inputs_hash != asked[1].inputs_hash
