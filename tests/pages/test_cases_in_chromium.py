"""Upload, a case and its viewer, in a browser against running processes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.radiographs import radiograph_dicom, radiograph_png
from tests.stack import DEMO_PASSWORD, Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

READOUT = "[data-viewer-readout]"
STAGE = "[data-viewer-stage]"


@pytest.fixture
def page(embedded_stack: Stack, browser: Any) -> Iterator[Any]:
    """Give a technician's page that must stay free of errors."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
    page.goto(f"{embedded_stack.base_url}/accounts/login/?next=/cases/upload/")
    page.fill("input[name=username]", "technician")
    page.fill("input[name=password]", DEMO_PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/cases/upload/")
    yield page
    assert troubles == []


def radiographs(folder: Path, **content: bytes) -> list[str]:
    for name, radiograph in content.items():
        (folder / name).write_bytes(radiograph)
    return [str(folder / name) for name in content]


def choose(page: Any, paths: list[str], patient: str) -> None:
    page.fill("[name=patient_ref]", patient)
    page.set_input_files("input[type=file]", paths)


def answered_case(page: Any, folder: Path, seed: int) -> None:
    """Send one radiograph and stay on its page until the machine has answered."""
    choose(page, radiographs(folder, radiograph=radiograph_png(seed, (300, 400))), f"P-{seed}")
    page.click("[data-upload-send]")
    page.click("[data-result] a")
    page.wait_for_selector("text=The machine (v1) says", timeout=60_000)
    expect(page.locator("[data-viewer=ready]")).to_have_count(2)


def grey_in_the_middle(page: Any) -> int:
    """Look at the screen itself: what a canvas holds is not always what it shows."""
    shot = Image.open(io.BytesIO(page.locator(STAGE).first.screenshot()))
    return int(shot.convert("L").getpixel((shot.width // 2, shot.height // 2)))  # type: ignore[arg-type]


def test_radiographs_end_each_with_a_result_and_the_page_stays(page: Any, tmp_path: Path) -> None:
    choose(
        page,
        radiographs(tmp_path, good=radiograph_png(8101), bad=b"no radiograph", dicom=radiograph_dicom(8102)),
        "P-8101",
    )
    page.click("[data-upload-send]")
    page.wait_for_selector("text=2 accepted, 0 here already, 1 not taken")
    results = page.locator("[data-result]").all_inner_texts()
    assert [result.split()[0] for result in results] == ["Accepted", "Refused", "Accepted"]
    assert "unknown_format" in results[1]
    choose(page, radiographs(tmp_path, again=radiograph_png(8101)), "P-8101")
    page.click("[data-upload-send]")
    page.wait_for_selector("text=2 accepted, 1 here already, 1 not taken")


def test_a_row_may_name_another_patient_than_the_others(page: Any, tmp_path: Path) -> None:
    choose(page, radiographs(tmp_path, one=radiograph_png(8103), two=radiograph_png(8104)), "P-COMMON")
    own = page.locator("[data-field=patient_ref]").nth(1)
    own.fill("P-OWN")
    page.fill("[name=patient_ref]", "P-CHANGED")
    assert page.locator("[data-field=patient_ref]").first.input_value() == "P-CHANGED"
    assert own.input_value() == "P-OWN"


def test_the_answer_appears_without_a_reload_by_hand(page: Any, tmp_path: Path) -> None:
    answered_case(page, tmp_path, 8105)
    assert "in force" in page.inner_text("main")
    assert page.locator(".rr-bar").count() == 3


def test_the_radiograph_obeys_the_mouse(page: Any, tmp_path: Path) -> None:
    answered_case(page, tmp_path, 8106)
    stage = page.locator(STAGE).first
    box = stage.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 80, y + 40)
    page.mouse.up()
    # 400 pixels of drag are the whole range of 255: 80 to the left narrow it by 51, 40 down raise it by 25.5.
    expect(page.locator(READOUT).first).to_have_text(re.compile("^W 204 L 153"))
    fitted = page.locator(READOUT).first.inner_text().split("  ")[1]
    page.mouse.wheel(0, -500)
    expect(page.locator(READOUT).first).not_to_contain_text(fitted)
    first, second = page.locator(READOUT).all_inner_texts()
    assert first == second  # both radiographs move together
    page.mouse.dblclick(x, y)
    page.keyboard.press("Escape")
    expect(page.locator(READOUT).first).to_have_text(re.compile("^W 255 L 128"))


def test_the_radiograph_obeys_keys_but_not_while_somebody_types(page: Any, tmp_path: Path) -> None:
    answered_case(page, tmp_path, 8107)
    before = grey_in_the_middle(page)
    page.keyboard.press("i")
    page.wait_for_selector("[data-tool=invert][aria-pressed=true]")
    assert abs(grey_in_the_middle(page) + before - 255) <= 1
    page.keyboard.press("i")
    page.wait_for_selector("[data-tool=invert][aria-pressed=false]")
    page.evaluate("document.querySelector('main').append(document.createElement('textarea'))")
    page.locator("textarea").press("i")
    assert page.get_attribute("[data-tool=invert]", "aria-pressed") == "false"


def test_the_heat_is_peeked_at_faded_and_changed_by_keys(page: Any, tmp_path: Path) -> None:
    answered_case(page, tmp_path, 8108)
    heat = page.locator("[data-tool=heat]")
    assert heat.get_attribute("aria-pressed") == "true"
    page.keyboard.down("o")
    assert heat.get_attribute("aria-pressed") == "false"
    page.keyboard.up("o")
    assert heat.get_attribute("aria-pressed") == "true"
    page.keyboard.press("]")
    assert page.locator("[data-heat-opacity]").input_value() == "50"
    with page.expect_response(lambda response: "/heat/" in response.url) as loaded:
        page.keyboard.press("c")
    assert loaded.value.status == 200
    assert page.locator("[data-heat-class]").evaluate("element => element.selectedIndex") == 1
    page.keyboard.press("Shift+O")
    assert heat.get_attribute("aria-pressed") == "false"


@pytest.mark.parametrize("width", [390, 1366])
def test_no_page_is_wider_than_the_screen(page: Any, tmp_path: Path, width: int) -> None:
    answered_case(page, tmp_path, 8109 + width)
    page.set_viewport_size({"width": width, "height": 844})
    case = page.url
    for url in (case, "/cases/", "/cases/upload/"):
        page.goto(url if url == case else case.split("/cases/")[0] + url)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), url
