"""The whole report of a small network: JSON and page agree, and the page needs nothing else."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.records import LabelledImage
from ml.trust import run
from ml.trust.report import BLOCKING
from ml.trust.report_page import report_page
from ml.trust.run import TrustFindings
from tests.ml.trust_radiographs import encoded, filed, picture
from tests.small_bundle import make_bundle

pytestmark = pytest.mark.network

ALL = (
    *("A1", "A2", "A3", "A4", "A5", "A6", "A7", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "C1", "C2", "C3"),
    *("D1", "D2", "E1", "E2", "F", "G1", "G2", "G3", "G4", "G5", "H", "I"),
)
LABELS = ("covid-19", "pneumonia", "normal")


def _radiographs(folder: Path) -> list[LabelledImage]:
    folder.mkdir()
    radiographs = []
    for n in range(60):
        label, source = LABELS[n % 3], "one" if n < 30 else "two"
        radiographs.append(
            filed(folder, f"{label}-{n}.png", encoded(picture(n)), label, f"patient-{n}", source)
        )
    (folder / "torn.png").write_bytes(encoded(picture(99))[:100])
    return [*radiographs, LabelledImage(folder / "torn.png", "normal", "patient-99", "one")]


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> TrustFindings:
    folder = tmp_path_factory.mktemp("trust")
    bundle = make_bundle(folder / "bundle", "scratch-cnn", size=32, version="v3")
    return run.run_checks(bundle, run.parted(_radiographs(folder / "radiographs")), with_pictures=True)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [
            value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "action"}
        ]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    return reader


def test_every_check_is_asked_once(findings: TrustFindings) -> None:
    assert tuple(check.id for check in findings.report.checks) == ALL
    assert findings.report.missing == ()
    assert {check.id for check in findings.report.checks if check.blocking} == set(BLOCKING)


def test_a_random_network_is_research_only(findings: TrustFindings) -> None:
    assert findings.report.verdict == "research only"
    assert [out.radiograph.path.name for out in findings.report.left_out] == ["torn.png"]


def test_no_patient_is_in_both_parts(findings: TrustFindings) -> None:
    assert findings.report.checks[0].status == "PASS"


def test_the_page_needs_nothing_else(findings: TrustFindings) -> None:
    found = _read(report_page(findings))
    assert not {"script", "link", "iframe", "object", "form"} & set(found.tags)
    assert all(load.startswith(("data:image/png;base64,", "#")) for load in found.loads)
    assert "@import" not in report_page(findings)
    assert not re.search(r"url\((?!#)", report_page(findings))


def test_the_page_says_what_the_report_says(findings: TrustFindings) -> None:
    text = " ".join(_read(report_page(findings)).text)
    assert "Research only: a check that blocks has failed." in text
    assert "Research use only. Not for diagnosis." in text
    for check in findings.report.checks:
        assert check.words in text, check.id
    assert text.count("not possible") == len(findings.report.not_possible)
    assert "torn.png: damaged" in text


def test_radiographs_are_shown_only_when_asked_for(findings: TrustFindings) -> None:
    assert "data:image/png" in report_page(findings)
    bare = TrustFindings(findings.report, findings.manifest, findings.answers, findings.evaluation)
    assert "<img" not in report_page(bare)


def test_a_name_cannot_break_the_page(findings: TrustFindings) -> None:
    from dataclasses import replace

    nasty = replace(findings.report, subject="<script>alert(1)</script>")
    assert "<script" not in report_page(replace(findings, report=nasty))


def test_the_command_writes_both_and_prints_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for radiograph in _radiographs(tmp_path / "flat"):
        folder = tmp_path / "radiographs" / radiograph.label
        folder.mkdir(parents=True, exist_ok=True)
        radiograph.path.rename(folder / radiograph.path.name)
    bundle = make_bundle(tmp_path / "bundle", "scratch-cnn", size=32)
    out = tmp_path / "out"
    status = main(["trust", str(bundle), str(tmp_path / "radiographs"), "--out", str(out), "--no-pictures"])
    printed = capsys.readouterr()
    summary = json.loads(printed.out)
    stored = json.loads((out / "trust_report.json").read_text())
    assert status == 0
    assert summary["verdict"] == stored["verdict"] == "research only"
    assert [check["id"] for check in stored["checks"]] == list(ALL)
    assert "<img" not in (out / "trust_report.html").read_text()
    assert all(name in printed.err for name in ALL)


@pytest.mark.parametrize("what", ["bundle", "data"])
def test_what_is_missing_is_said(tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = make_bundle(tmp_path / "bundle", size=32)
    data = tmp_path / "radiographs"
    if what == "bundle":
        _radiographs(data)
        (data / "covid-19").mkdir()
        for path in data.glob("covid-19-*.png"):
            path.rename(data / "covid-19" / path.name)
        (data / "normal").mkdir()
        for path in data.glob("normal-*.png"):
            path.rename(data / "normal" / path.name)
        bundle = tmp_path / "nowhere"
    assert main(["trust", str(bundle), str(data), "--out", str(tmp_path / "out")]) == 2
    assert "python -m ml trust: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
