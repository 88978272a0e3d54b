"""The viewer in Chromium: keys that a reader has changed."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import expect

from tests.pages.page_checks import axe_violations, log_in
from tests.pages.viewer import (
    SEEDS,
    SITE,
    open_case,
    upload_case,
)
from tests.radiographs import radiograph_png
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]


def test_keys_are_changed_stored_on_the_server_and_listed_by_the_help(
    embedded_stack: Stack, viewer_page: Any
) -> None:
    page = viewer_page
    case = upload_case(embedded_stack, radiograph_png(next(SEEDS), (300, 400)))
    page.goto(urljoin(page.url, "/accounts/keys/"))
    page.locator("[name=invert]").press("Shift+K")
    assert page.input_value("[name=invert]") == "Shift+K"
    page.locator("[name=invert]").press("k")
    page.click("text=Save shortcuts")
    expect(page.locator("main")).to_contain_text("Your keyboard shortcuts were saved.")
    open_case(page, case)
    page.keyboard.press("i")
    page.keyboard.press("k")
    page.wait_for_selector("[data-tool=invert][aria-pressed=true]")
    page.keyboard.press("?")
    help_text = page.locator("dialog[open]").inner_text()
    assert re.search(r"K\s+invert", help_text)
    assert "hold to see the heat" not in help_text  # not before the signature
    page.goto(urljoin(page.url, "/accounts/keys/"))
    page.click("text=Restore defaults")
    assert page.input_value("[name=invert]") == "I"


def test_a_key_in_use_is_refused_with_a_sentence_on_a_page_that_passes_axe(
    embedded_stack: Stack, browser: Any
) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}, bypass_csp=True).new_page()
    log_in(page, embedded_stack, embedded_stack.site(SITE).radiologist, then="/cases/")
    page.goto(urljoin(page.url, "/accounts/keys/"))
    page.locator("[name=invert]").press("r")
    page.click("text=Save shortcuts")
    expect(page.locator("#error-invert")).to_have_text("R is already assigned to 'Rotate right'.")
    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
