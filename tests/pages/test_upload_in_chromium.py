"""The upload page in Chromium: from the chosen files to their AI results, on one page."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.page_checks import DESKTOP, PHONE, axe_violations, log_in, open_page, record_errors
from tests.pages.upload_list import choose, empty_upload_list, row, write_files
from tests.radiographs import radiograph_dicom, radiograph_png
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

SEND = "[data-upload-send]"


@pytest.fixture
def page(embedded_stack: Stack, browser: Any) -> Iterator[Any]:
    """Return a technician's empty upload page, which must stay free of JavaScript errors."""
    empty_upload_list(embedded_stack)
    page = open_page(browser, embedded_stack)
    errors = record_errors(page)
    log_in(page, embedded_stack, "technician", then="/cases/upload/")
    yield page
    assert errors == []


def expect_total(page: Any, text: str) -> None:
    """Wait until the line with the number of files and what they need is this one."""
    expect(page.locator("[data-upload-summary]")).to_have_text(text, timeout=60_000)


def test_files_are_checked_at_once_sent_together_and_followed_to_their_ai_results(
    page: Any, tmp_path: Path
) -> None:
    files = {
        "one.png": radiograph_png(8201, (300, 400)),
        "two.dcm": radiograph_dicom(
            8202, (300, 400), PatientID="P-8202", PatientName="Meier^Anna", StudyDate="20261120"
        ),
        "notes.txt": b"no radiograph",
    }
    choose(page, write_files(tmp_path, files))
    expect_total(page, "3 files: 1 ready, 1 needs a patient, 1 not usable")
    expect(row(page, "two.dcm")).to_contain_text("Meier, Anna")
    expect(row(page, "notes.txt").locator("[data-note]")).to_contain_text("unknown_format")
    assert axe_violations(page) == []

    row(page, "one.png").locator("[data-field=patient_ref]").fill("P-8201")
    expect(page.locator(SEND)).to_have_text("Send 2")
    page.click(SEND)

    expect_total(page, "3 files: 1 not usable, 2 finished")
    for name in ("one.png", "two.dcm"):
        expect(row(page, name).locator("[data-note]")).to_contain_text("AI result ready")
    page.reload()
    expect_total(page, "3 files: 1 not usable, 2 finished")
    row(page, "one.png").locator("[data-note] a").click()
    expect(page.locator("h1")).to_be_visible()
    assert "/cases/" in page.url


def test_a_zip_becomes_rows_and_a_contradiction_needs_a_decision(page: Any, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("CD/IMG_001.dcm", radiograph_dicom(8203, PatientID="7999"))
        archive.writestr("CD/IMG_002.png", radiograph_png(8204))
    choose(page, write_files(tmp_path, {"study.zip": packed.getvalue()}))
    expect_total(page, "2 files: 1 ready, 1 needs a patient")

    patient = row(page, "CD/IMG_001.dcm").locator("[data-field=patient_ref]")
    patient.fill("1111")
    patient.press("Tab")

    status = row(page, "CD/IMG_001.dcm").locator(".upload-status")
    expect(status).to_contain_text("Patient: typed 1111, the file says 7999")
    expect_total(page, "2 files: 1 needs a patient, 1 needs a decision")
    page.reload()
    status.get_by_role("button", name="Use typed, because ...").click()
    status.locator("[data-reason]").fill("Wrong entry at the device")
    status.locator("[data-reason]").press("Enter")
    expect_total(page, "2 files: 1 ready, 1 needs a patient")


def test_common_values_fill_empty_cells_only_and_one_file_is_no_plural(page: Any, tmp_path: Path) -> None:
    choose(page, write_files(tmp_path, {"a" * 60 + ".png": radiograph_png(8205)}))
    expect_total(page, "1 file: 1 needs a patient")
    page.set_viewport_size(PHONE)
    for colours in ("dark", "light"):
        page.emulate_media(color_scheme=colours)
        page.reload()
        expect_total(page, "1 file: 1 needs a patient")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert axe_violations(page) == []

    page.fill(".upload-fields [name=patient_ref]", "P-COMMON")

    expect_total(page, "1 file: 1 ready")
    expect(page.locator(SEND)).to_have_text("Send 1")
    own = page.locator(".upload-row [data-field=patient_ref]")
    assert (own.input_value(), own.get_attribute("placeholder")) == ("", "P-COMMON")
    page.get_by_role("button", name="Remove from the list").click()
    expect(page.locator("[data-upload-list]")).to_be_hidden()


def test_nothing_of_a_row_shows_through_the_head_of_the_table(page: Any, tmp_path: Path) -> None:
    choose(page, write_files(tmp_path, {f"{n}.png": radiograph_png(8210 + n) for n in range(6)}))
    expect_total(page, "6 files: 6 need a patient")
    page.set_viewport_size(DESKTOP | {"height": 420})
    button = page.locator(".upload-row [data-remove]").first

    button.evaluate("element => window.scrollBy(0, element.getBoundingClientRect().top - 4)")

    box = button.bounding_box()
    assert 0 <= box["y"] < 20
    on_top = page.evaluate(
        "([x, y]) => document.elementFromPoint(x, y).closest('thead, tbody').tagName",
        [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
    )
    assert on_top == "THEAD"
