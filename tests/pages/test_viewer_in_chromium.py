"""The viewer in Chromium: full bit depth, window, rotation and zoom."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import expect

from tests.pages.page_checks import log_in
from tests.pages.viewer import (
    READOUT,
    SEEDS,
    SITE,
    drag,
    greys,
    open_case,
    two_halves,
    upload_case,
    window,
)
from tests.radiographs import radiograph_dicom, radiograph_png
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

ANY_WEBGL = """
const real = WebGL2RenderingContext.prototype.getExtension;
WebGL2RenderingContext.prototype.getExtension = function (name) {
  return name === "WEBGL_debug_renderer_info" ? null : real.call(this, name); // hides software WebGL
};
"""


@pytest.mark.parametrize(("bits", "dark", "bright"), [(12, 2000, 2007), (16, 40_000, 40_080)])
@pytest.mark.parametrize("webgl", [True, False], ids=["WebGL2", "2-D canvas"])
def test_two_greys_that_are_equal_in_8_bits_are_distinct_in_a_narrow_window(
    embedded_stack: Stack, viewer_page: Any, bits: int, dark: int, bright: int, webgl: bool
) -> None:
    page = viewer_page
    if webgl:
        page.add_init_script(ANY_WEBGL)
    open_case(page, upload_case(embedded_stack, two_halves(bits, dark, bright)))
    assert page.get_attribute("figure", "data-renderer") == ("webgl2" if webgl else "2d")
    left, right = greys(page)
    assert abs(left - right) <= 1
    full = 2**bits - 1
    assert window(page) == (full, round(full / 2))
    # A drag of 400 pixels is the initial window: move the level between the two greys, then narrow it.
    middle = (dark + bright) / 2
    drag(page, 0, round((middle / full - 0.5) * 400))
    drag(page, -600, 0)
    for _step in range(40):
        if abs(window(page)[1] - middle) <= (bright - dark) / 4:
            break
        drag(page, 0, 1 if window(page)[1] < middle else -1, shift=True)
    left, right = greys(page)
    assert right - left > 100


def test_a_monochrome1_radiograph_is_inverted_and_keeps_its_units(
    embedded_stack: Stack, viewer_page: Any
) -> None:
    page = viewer_page
    open_case(page, upload_case(embedded_stack, two_halves(12, 1000, 3000, photometric="MONOCHROME1")))
    left, right = greys(page)
    assert left == pytest.approx(255 - 1000 / 4095 * 255, abs=2)
    assert right == pytest.approx(255 - 3000 / 4095 * 255, abs=2)
    page.keyboard.press("i")
    page.wait_for_selector("[data-tool=invert][aria-pressed=true]")
    assert greys(page) == pytest.approx((255 - left, 255 - right), abs=2)


def test_the_window_starts_as_the_file_says_and_may_be_changed(
    embedded_stack: Stack, viewer_page: Any
) -> None:
    page = viewer_page
    radiograph = radiograph_dicom(next(SEEDS), (300, 400), bits=12, WindowCenter=600, WindowWidth=400)
    open_case(page, upload_case(embedded_stack, radiograph))
    assert window(page) == (400, 600)
    page.keyboard.press("Shift+Digit2")  # all greys of the image
    expect(page.locator(READOUT)).not_to_contain_text("W 400")
    assert window(page)[0] > 1000
    page.keyboard.press("Control+z")
    expect(page.locator(READOUT)).to_have_text(re.compile("^W 400 L 600"))


def test_the_image_is_rotated_shown_at_100_percent_and_reset(embedded_stack: Stack, viewer_page: Any) -> None:
    page = viewer_page
    open_case(page, upload_case(embedded_stack, radiograph_png(next(SEEDS), (900, 700))))
    fitted = page.inner_text(READOUT)
    page.keyboard.press("z")
    expect(page.locator(READOUT)).to_contain_text("100 %")
    page.keyboard.press("r")
    expect(page.locator(READOUT)).to_contain_text("rotated 90°")
    page.keyboard.press("l")
    page.keyboard.press("l")
    expect(page.locator(READOUT)).to_contain_text("rotated 270°")
    page.keyboard.press("Escape")
    expect(page.locator(READOUT)).to_have_text(fitted)
    assert page.locator("[data-tool*=flip], [data-tool*=mirror]").count() == 0


def test_the_8_bit_image_stays_when_the_full_depth_is_not_available(
    embedded_stack: Stack, browser: Any
) -> None:
    case = upload_case(embedded_stack, radiograph_png(next(SEEDS), (300, 400)))
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.route("**/radiograph.pixels", lambda route: route.fulfill(status=404))
    log_in(page, embedded_stack, embedded_stack.site(SITE).radiologist, then="/cases/")
    page.goto(urljoin(page.url, f"/review/{case}/"))
    page.wait_for_selector("[data-viewer=ready][data-depth=none]")
    drag(page, -80, 40)
    assert window(page) == (204, 153)
