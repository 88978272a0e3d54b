"""The complete trust report of a small network: JSON and page agree, and the page is self-contained."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.records import LabelledImage
from ml.trust import run
from ml.trust.catalogue import CHECK_ORDER
from ml.trust.report import CheckProgress, TrustFindings
from ml.trust.report_page import report_page
from tests.ml.trust_radiographs import encoded, synthetic_image, write_radiograph
from tests.small_bundle import make_bundle

pytestmark = pytest.mark.network

CHECK_IDS = (
    *("A1", "A2", "A3", "A4", "A5", "A6", "A7", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "C1", "C2", "C3"),
    *("D1", "D2", "E1", "E2", "F", "G1", "G2", "G3", "G4", "G5", "H", "I"),
)
LABELS = ("covid-19", "pneumonia", "normal")


def _radiographs(folder: Path) -> list[LabelledImage]:
    folder.mkdir()
    radiographs = []
    for n in range(60):
        label, source = LABELS[n % 3], "one" if n < 30 else "two"
        content = encoded(synthetic_image(n))
        radiographs.append(
            write_radiograph(folder, f"{label}-{n}.png", content, label, f"patient-{n}", source)
        )
    (folder / "torn.png").write_bytes(encoded(synthetic_image(99))[:100])
    return [*radiographs, LabelledImage(folder / "torn.png", "normal", "patient-99", "one")]


def _class_folders(folder: Path) -> Path:
    """Write the radiographs into one folder per label."""
    for radiograph in _radiographs(folder.with_name("flat")):
        target = folder / radiograph.label
        target.mkdir(parents=True, exist_ok=True)
        radiograph.path.rename(target / radiograph.path.name)
    return folder


@pytest.fixture(scope="module")
def progress() -> list[CheckProgress]:
    """Receive the progress of the run below."""
    return []


@pytest.fixture(scope="module")
def started() -> list[tuple[int, int, str]]:
    """Receive number, total and id of each check of the run below, before it runs."""
    return []


@pytest.fixture(scope="module")
def findings(
    tmp_path_factory: pytest.TempPathFactory,
    progress: list[CheckProgress],
    started: list[tuple[int, int, str]],
) -> TrustFindings:
    folder = tmp_path_factory.mktemp("trust")
    bundle = make_bundle(folder / "bundle", "scratch-cnn", size=32, version="v3")
    split = run.calibration_test_split(_radiographs(folder / "radiographs"))
    return run.run_checks(
        bundle,
        split,
        on_check=progress.append,
        on_start=lambda number, total, check: started.append((number, total, check.id)),
        with_images=True,
    )


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [
            value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "action"}
        ]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_every_check_runs_once_and_in_order(findings: TrustFindings) -> None:
    assert tuple(check.spec.id for check in findings.report.checks) == CHECK_IDS
    assert tuple(spec.id for spec in CHECK_ORDER) == CHECK_IDS
    assert findings.report.missing == ()


def test_each_check_is_named_before_it_runs(
    findings: TrustFindings, started: list[tuple[int, int, str]]
) -> None:
    assert started == [(number, 29, check) for number, check in enumerate(CHECK_IDS, start=1)]


def test_progress_reports_number_total_and_name_of_each_check(
    findings: TrustFindings, progress: list[CheckProgress]
) -> None:
    assert [(each.number, each.total) for each in progress] == [(n, 29) for n in range(1, 30)]
    assert [each.name for each in progress] == [spec.name for spec in CHECK_ORDER]
    assert tuple(each.check for each in progress) == findings.report.checks


def test_a_random_network_is_research_only(findings: TrustFindings) -> None:
    assert findings.report.verdict == "research only"
    assert [item.radiograph.path.name for item in findings.report.excluded] == ["torn.png"]


def test_no_patient_is_in_the_calibration_and_the_test_set(findings: TrustFindings) -> None:
    assert findings.report.checks[0].status == "PASS"


def test_the_page_is_self_contained(findings: TrustFindings) -> None:
    html = report_page(findings)
    page = _Page(html)
    assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)
    assert all(reference.startswith(("data:image/png;base64,", "#")) for reference in page.references)
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)


def test_the_page_contains_every_result_of_the_report(findings: TrustFindings) -> None:
    text = " ".join(_Page(report_page(findings)).text)
    assert "Research only: at least one blocking check failed." in text
    assert "Research use only. Not for diagnosis." in text
    for check in findings.report.checks:
        assert check.summary in text, check.spec
        assert check.spec.name in text
    assert text.count("not possible") == len(findings.report.not_possible)
    assert "torn.png: damaged" in text


def test_radiographs_are_shown_only_on_request(findings: TrustFindings) -> None:
    assert "data:image/png" in report_page(findings)
    assert "<img" not in report_page(replace(findings, examples=()))


def test_the_version_name_is_escaped_on_the_page(findings: TrustFindings) -> None:
    report = replace(findings.report, subject="<script>alert(1)</script>")
    html = report_page(replace(findings, report=report))
    assert "<script" not in html
    assert "<script>alert(1)</script>" in unescape(html)


def test_the_command_writes_both_files_and_prints_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = _class_folders(tmp_path / "radiographs")
    bundle = make_bundle(tmp_path / "bundle", "scratch-cnn", size=32)
    out = tmp_path / "out"
    status = main(["trust", str(bundle), str(data), "--out", str(out), "--no-images"])
    printed = capsys.readouterr()
    summary = json.loads(printed.out)
    stored = json.loads((out / "trust_report.json").read_text())
    assert status == 0
    assert summary["verdict"] == stored["verdict"] == "research only"
    assert [check["id"] for check in stored["checks"]] == list(CHECK_IDS)
    assert "<img" not in (out / "trust_report.html").read_text()
    assert all(spec.name in printed.err for spec in CHECK_ORDER)


@pytest.mark.parametrize("missing", ["bundle", "data"])
def test_a_missing_bundle_or_collection_ends_with_an_error_and_without_a_report(
    tmp_path: Path, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, data = tmp_path / "nowhere", tmp_path / "nowhere"
    if missing == "bundle":
        data = _class_folders(tmp_path / "radiographs")
    else:
        bundle = make_bundle(tmp_path / "bundle", size=32)
    assert main(["trust", str(bundle), str(data), "--out", str(tmp_path / "out")]) == 2
    assert "python -m ml trust: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
