"""Case page and viewer in Chromium against running processes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.pages.page_checks import log_in, record_errors
from tests.pages.upload_list import choose, empty_upload_list, write_files
from tests.radiographs import radiograph_png
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

READOUT = "[data-viewer-readout]"
STAGE = "[data-viewer-stage]"


@pytest.fixture
def page(embedded_stack: Stack, browser: Any) -> Iterator[Any]:
    """Return a technician's upload page that must stay free of JavaScript errors."""
    empty_upload_list(embedded_stack)
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    errors = record_errors(page)
    log_in(page, embedded_stack, "technician", then="/cases/upload/")
    yield page
    assert errors == []


def classified_case(page: Any, folder: Path, seed: int) -> None:
    """Upload one radiograph and open its page; return when the prediction is shown."""
    page.fill(".upload-fields [name=patient_ref]", f"P-{seed}")
    choose(page, write_files(folder, {"radiograph": radiograph_png(seed, (300, 400))}))
    page.click("[data-upload-send]:text('Send 1')")
    page.click("[data-note] a")
    page.wait_for_selector("text=AI result (v1)", timeout=60_000)
    expect(page.locator("[data-viewer=ready]")).to_have_count(2)


def grey_in_the_middle(page: Any) -> int:
    """Return the grey value of a screenshot: the data of a canvas is not always what it shows."""
    shot = Image.open(io.BytesIO(page.locator(STAGE).first.screenshot()))
    return int(shot.convert("L").getpixel((shot.width // 2, shot.height // 2)))  # type: ignore[arg-type]


def test_the_prediction_appears_without_a_manual_reload(page: Any, tmp_path: Path) -> None:
    classified_case(page, tmp_path, 8105)
    assert "active version" in page.inner_text("main")
    assert page.locator(".rr-bar").count() == 3


def test_the_mouse_changes_window_and_zoom(page: Any, tmp_path: Path) -> None:
    classified_case(page, tmp_path, 8106)
    stage = page.locator(STAGE).first
    box = stage.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 80, y + 40)
    page.mouse.up()
    # A drag of 400 pixels is the whole range of 255: 80 left narrow it by 51, 40 down raise it by 25.5.
    expect(page.locator(READOUT).first).to_have_text(re.compile("^W 204 L 153"))
    fitted = page.locator(READOUT).first.inner_text().split("  ")[1]
    page.mouse.wheel(0, -500)
    expect(page.locator(READOUT).first).not_to_contain_text(fitted)
    first, second = page.locator(READOUT).all_inner_texts()
    assert first == second  # both images are linked
    page.mouse.dblclick(x, y)
    page.keyboard.press("Escape")
    expect(page.locator(READOUT).first).to_have_text(re.compile("^W 255 L 128"))


def test_keys_control_the_viewer_but_not_in_a_text_field(page: Any, tmp_path: Path) -> None:
    classified_case(page, tmp_path, 8107)
    before = grey_in_the_middle(page)
    page.keyboard.press("i")
    page.wait_for_selector("[data-tool=invert][aria-pressed=true]")
    assert abs(grey_in_the_middle(page) + before - 255) <= 1
    page.keyboard.press("i")
    page.wait_for_selector("[data-tool=invert][aria-pressed=false]")
    page.evaluate("document.querySelector('main').append(document.createElement('textarea'))")
    page.locator("textarea").press("i")
    assert page.get_attribute("[data-tool=invert]", "aria-pressed") == "false"


def test_keys_hide_fade_and_switch_the_heatmap(page: Any, tmp_path: Path) -> None:
    classified_case(page, tmp_path, 8108)
    heatmap = page.locator("[data-tool=heatmap]")
    assert heatmap.get_attribute("aria-pressed") == "true"
    page.keyboard.down("o")
    assert heatmap.get_attribute("aria-pressed") == "false"
    page.keyboard.up("o")
    assert heatmap.get_attribute("aria-pressed") == "true"
    page.keyboard.press("]")
    assert page.locator("[data-heatmap-opacity]").input_value() == "50"
    with page.expect_response(lambda response: "/heatmap/" in response.url) as loaded:
        page.keyboard.press("c")
    assert loaded.value.status == 200
    assert page.locator("[data-heatmap-class]").evaluate("element => element.selectedIndex") == 1
    second = page.locator("[data-heatmap-class] option").nth(1).inner_text()
    caption = page.locator("[data-viewer-caption]").last
    expect(caption).to_contain_text(f"AI result (v1), heatmap: {second} 0.")
    page.keyboard.press("Shift+O")
    expect(caption).not_to_contain_text("heatmap")
    assert heatmap.get_attribute("aria-pressed") == "false"


@pytest.mark.parametrize("width", [390, 1366])
def test_no_page_is_wider_than_the_screen(page: Any, tmp_path: Path, width: int) -> None:
    classified_case(page, tmp_path, 8109 + width)
    page.set_viewport_size({"width": width, "height": 844})
    case = page.url
    for url in (case, "/cases/", "/cases/upload/"):
        page.goto(url if url == case else case.split("/cases/")[0] + url)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), url
