"""The override of the quality gate in Chromium, by keyboard."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pages.page_checks import DESKTOP, axe_violations, log_in, record_errors
from tests.pages.viewer import SEEDS
from tests.radiographs import radiograph_png
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]


def test_an_administrator_has_a_stopped_radiograph_scored(embedded_stack: Stack, browser: Any) -> None:
    seed = next(SEEDS)
    order = {"patient_ref": f"P-{seed}", "accession_number": f"GATE-{seed}", "view": "LATERAL"}
    radiograph = ("radiograph.png", radiograph_png(seed, (300, 400)))
    sent = embedded_stack.api_client("technician").post("/api/v1/cases/", order, {"radiograph": radiograph})
    page = browser.new_context(viewport=DESKTOP, bypass_csp=True).new_page()
    errors = record_errors(page)
    log_in(page, embedded_stack, "admin", then=f"/cases/{sent.json()['id']}/")
    page.wait_for_selector("text=No AI result: lateral view", timeout=60_000)
    page.locator("summary", has_text="Score all the same").press("Enter")
    assert axe_violations(page) == []
    page.keyboard.press("Tab")
    page.keyboard.type("The AP view was labelled wrongly.")
    page.keyboard.press("Enter")
    text = "Scored although: lateral view. Reason: The AP view was labelled wrongly."
    page.wait_for_selector(f"text={text}", timeout=60_000)
    assert axe_violations(page) == []
    assert errors == []
