"""A structured note by keyboard, and its way to the report, in Chromium."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pages.page_checks import axe_violations, log_in, record_errors
from tests.pages.viewer import FULL, SEEDS, SITE, upload_case
from tests.radiographs import radiograph_png
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

SENTENCE = (
    "Ground-glass opacity and consolidation, bilateral, middle zone, more than two thirds of the lungs."
)


def chosen(page: Any) -> dict[str, list[str]]:
    """Return the values of all checked inputs of the reading by name."""
    inputs = page.locator("[data-reading] input:checked")
    pairs = inputs.evaluate_all("found => found.map(each => [each.name, each.value])")
    return {name: [value for other, value in pairs if other == name] for name, _value in pairs}


def test_a_structured_note_is_made_by_keys_alone_and_is_in_the_report(
    embedded_stack: Stack, browser: Any
) -> None:
    page = browser.new_context(viewport={"width": 1366, "height": 768}, bypass_csp=True).new_page()
    case = upload_case(embedded_stack, radiograph_png(next(SEEDS), (300, 400)))
    radiologist = embedded_stack.site(SITE).radiologist
    log_in(page, embedded_stack, radiologist, then=f"/review/{case}/")
    errors = record_errors(page)
    page.keyboard.press("Enter")  # claims the case
    page.wait_for_selector("[data-reading]")
    page.wait_for_selector(FULL)

    for key in ("1", "7", "d", "2", "1", "d", "3", "2", "d", "3"):
        page.keyboard.press(key)

    made = {
        "finding": ["covid-19"],
        "confidence": ["sure"],
        "structured-opacity": ["ground-glass", "consolidation"],
        "structured-laterality": ["bilateral"],
        "structured-zones": ["middle"],
        "structured-extent": ["large"],
    }
    assert chosen(page) == made
    assert axe_violations(page) == []
    page.reload()
    page.wait_for_selector(FULL)
    assert chosen(page) == made  # the unsigned reading is kept
    page.keyboard.press("s")
    page.get_by_text(SENTENCE).first.wait_for()
    page.get_by_role("link", name="Open report").click()
    page.wait_for_url("**/report/")
    assert page.locator(".report").get_by_text(SENTENCE).count() == 1
    address = page.get_by_role("link", name="Download PDF").evaluate("link => link.href")
    pdf = page.context.request.get(address)
    assert pdf.body().startswith(b"%PDF-")
    assert errors == []
