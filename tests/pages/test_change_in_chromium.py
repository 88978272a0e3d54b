"""After the AI result in Chromium, by keyboard: change the reading, keep it, and reveal the patient."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.pages.viewer import FULL, SEEDS, SITE, open_case, upload_case
from tests.radiographs import radiograph_png
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_reading_is_changed_by_keyboard_and_the_next_patient_revealed(
    embedded_stack: Stack, viewer_page: Any
) -> None:
    page = viewer_page
    case, _next = (upload_case(embedded_stack, radiograph_png(next(SEEDS), (300, 400))) for _ in range(2))
    open_case(page, case)
    press(page, "Enter")
    page.wait_for_selector("[data-reading]")
    press(page, "3", "7", "s")
    page.wait_for_selector("text=Your reading: Normal")

    press(page, "a", "Enter")  # neither finding nor confidence is preselected, so nothing is signed
    assert page.locator("[data-change][open] :checked").count() == 0
    press(page, "1", "8", "e")
    page.keyboard.type("3 signs of it")
    press(page, "Control+Enter")
    page.wait_for_selector("text=Your reading: COVID-19")
    radiologist = embedded_stack.api_client(embedded_stack.site(SITE).radiologist)
    listed = radiologist.get(f"/api/v1/cases/{case}/readings/").json()
    signed = [(each["finding"], each["confidence"]) for each in listed]
    assert signed == [("covid-19", "fairly"), ("normal", "sure")]

    press(page, "Enter")  # keeps the reading and opens the next case, in place
    page.wait_for_url(lambda url: case not in url)
    page.wait_for_selector(FULL)
    press(page, "m")
    page.wait_for_selector("#patient-identity:not(:has([data-reveal]))")
    assert re.search(r"ID\s+P-\d+", page.inner_text("#patient-identity"))
