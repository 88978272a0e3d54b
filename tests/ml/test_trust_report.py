"""The trust report contains every check, lists excluded radiographs and derives the verdict."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ml.datasets.exclusions import Exclusion
from ml.records import LabelledImage
from ml.trust import catalogue, data_checks, source_confounding
from ml.trust.catalogue import CHECK_ORDER, CheckSpec
from ml.trust.check import CheckResult, Status
from ml.trust.dataset_scan import scan_dataset
from ml.trust.report import Report
from ml.trust.report_page import checks_table
from ml.trust.scan_checks import run_scan_checks
from tests.ml.trust_radiographs import PREP, encoded, synthetic_image, write_radiograph

BLOCKING = ("A1", "A2", "A3", "A4", "A5", "A6", "B1", "B2", "B3", "B4")  # as docs/trust.md states


def _report(spec: CheckSpec | None = None, status: Status = "PASS") -> Report:
    """Return a report in which all checks pass except the given one."""
    return Report(
        "v1", "", "", tuple(CheckResult(one, status if one == spec else "PASS") for one in CHECK_ORDER)
    )


def _spec(check_id: str) -> CheckSpec:
    return next(spec for spec in CHECK_ORDER if spec.id == check_id)


def test_the_documented_checks_are_blocking() -> None:
    assert tuple(spec.id for spec in CHECK_ORDER if spec.blocking) == BLOCKING


def test_every_check_has_its_own_id_and_its_own_name() -> None:
    assert len({spec.id for spec in CHECK_ORDER}) == len({spec.name for spec in CHECK_ORDER}) == 29
    assert [spec.id for spec in CHECK_ORDER] == sorted(spec.id for spec in CHECK_ORDER)


def test_a_report_without_blocking_failures_passes() -> None:
    assert _report(catalogue.SOURCE_CONFOUNDING, "WARN").verdict == "passed"
    assert _report(catalogue.PATIENT_SPLIT, "NOT_POSSIBLE").verdict == "passed"


@pytest.mark.parametrize("check_id", BLOCKING)
def test_one_blocking_failure_means_research_only(check_id: str) -> None:
    report = _report(_spec(check_id), "FAIL")
    assert (report.verdict, report.failed) == ("research only", (check_id,))


def test_a_failure_of_a_check_that_is_not_blocking_does_not_change_the_verdict() -> None:
    assert _report(catalogue.PERMUTED_LABELS, "FAIL").verdict == "passed"


def test_a_missing_held_out_source_counts_as_a_failure() -> None:
    assert _report(catalogue.SOURCE_HELD_OUT, "NOT_POSSIBLE").verdict == "research only"


def test_the_row_of_an_impossible_check_that_failed_agrees_with_the_verdict() -> None:
    row = CheckResult(catalogue.SOURCE_HELD_OUT, "NOT_POSSIBLE")
    assert 'class="status FAIL">✕ fail: not possible<' in checks_table([row])
    other = CheckResult(catalogue.SEED_REPRODUCIBILITY, "NOT_POSSIBLE")
    assert 'class="status NOT_POSSIBLE">– not possible<' in checks_table([other])


@pytest.mark.parametrize(("n", "shown"), [(29, False), (30, True)])
def test_an_interval_is_shown_from_30_radiographs_on(n: int, *, shown: bool) -> None:
    row = CheckResult(catalogue.TARGET_AUROC, "PASS", value=1.0, ci=(1.0, 1.0), n=n)
    assert ("1.000 to 1.000" in checks_table([row])) == shown


def test_a_blocking_check_that_was_not_run_makes_the_report_incomplete() -> None:
    report = _report()
    checks = tuple(check for check in report.checks if check.spec != catalogue.LUNG_OCCLUSION)
    shorter = replace(report, checks=checks)
    assert (shorter.verdict, shorter.missing) == ("incomplete", ("B3",))


def test_checks_that_were_not_possible_are_listed() -> None:
    stored = _report(catalogue.PATIENT_SPLIT, "NOT_POSSIBLE").to_json()
    assert stored["not_possible"] == ["A1"]
    first = stored["checks"][0]
    assert (first["id"], first["name"], first["status"]) == ("A1", "Patient split", "NOT_POSSIBLE")


def test_excluded_radiographs_are_listed_without_path_and_patient(tmp_path: Path) -> None:
    excluded = Exclusion(LabelledImage(tmp_path / "bad.png", "normal", "somebody"), "damaged")
    stored = json.dumps(replace(_report(), excluded=(excluded,)).to_json(), allow_nan=False)
    assert json.loads(stored)["excluded"] == [{"radiograph": "bad.png", "reason": "damaged"}]
    assert str(tmp_path) not in stored
    assert "somebody" not in stored


def test_no_check_of_an_empty_collection_is_possible(tmp_path: Path) -> None:
    checks = run_scan_checks(scan_dataset([LabelledImage(tmp_path / "gone.png", "normal", "p")], PREP))
    assert {check.status for check in checks} == {"NOT_POSSIBLE"}
    ids = [check.spec.id for check in checks]
    assert ids == ["A1", "A2", "A3", "A4", "A5", "A6", "A7", "B1", "B2", "B5", "B6"]


def test_the_inputs_hash_depends_on_radiographs_labels_and_parameters_and_not_on_their_order(
    tmp_path: Path,
) -> None:
    radiographs = [
        write_radiograph(tmp_path, f"{n}.png", encoded(synthetic_image(n)), label)
        for n, label in enumerate(["covid-19", "normal"])
    ]
    relabelled = [radiographs[0], replace(radiographs[1], label="pneumonia")]
    original, reordered, changed = (
        scan_dataset(images, PREP) for images in (radiographs, radiographs[::-1], relabelled)
    )
    first = data_checks.exact_duplicates(original).inputs_hash
    assert first == data_checks.exact_duplicates(reordered).inputs_hash
    assert first != data_checks.exact_duplicates(changed).inputs_hash
    assert first != data_checks.near_duplicates(original).inputs_hash
    with_models = {
        source_confounding.source_confounding(original, model_balanced_accuracy=value).inputs_hash
        for value in (0.8, 0.9)
    }
    assert len(with_models) == 2
