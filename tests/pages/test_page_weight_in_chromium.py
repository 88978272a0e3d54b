"""What a browser with an empty cache loads for a page, without the images: bytes, counted in Chromium."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.pages.page_checks import DESKTOP, log_in
from tests.pages.viewer import SITE, upload_case
from tests.radiographs import radiograph_png
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

MAX_BYTES: Final = 150 * 1024
RADIOGRAPH_SEEDS: Final = (12_950, 12_951)
LOADED: Final = """() => {
  const page = performance.getEntriesByType("navigation");
  return [...page, ...performance.getEntriesByType("resource")].map((each) => [each.name, each.transferSize]);
}"""
IMAGES: Final = ("/radiograph.png", "/thumbnail.jpg", "/radiograph.pixels", "/heatmap/", "/overlay.png")


@pytest.fixture(scope="module")
def pages(embedded_stack: Stack) -> list[tuple[str, str]]:
    """Return the pages that staff open most, each with the user who opens it; two cases are shown."""
    site = embedded_stack.site(SITE)
    cases = [upload_case(embedded_stack, radiograph_png(seed, (300, 400))) for seed in RADIOGRAPH_SEEDS]
    return [
        ("admin", "/"),
        (site.technician, "/cases/upload/"),
        (site.radiologist, "/cases/"),
        (site.radiologist, f"/cases/{cases[0]}/"),
        (site.radiologist, f"/review/{cases[1]}/"),
    ]


def loaded(page: Any, address: str) -> dict[str, int]:
    """Return the bytes that came over the network for a page, by address, without its images."""
    response = page.goto(address)
    assert response.status == 200, address
    page.wait_for_load_state("networkidle")
    return {name: size for name, size in page.evaluate(LOADED) if not any(each in name for each in IMAGES)}


def test_a_page_is_light_and_its_second_view_takes_the_static_files_from_the_cache(
    embedded_stack: Stack, browser: Any, pages: list[tuple[str, str]]
) -> None:
    heavy: dict[str, dict[str, int]] = {}
    again: dict[str, int] = {}
    for user, address in pages:
        session = browser.new_context(viewport=DESKTOP)
        log_in(session.new_page(), embedded_stack, user)
        context = browser.new_context(viewport=DESKTOP)  # with an empty cache
        context.add_cookies(session.cookies())
        page = context.new_page()
        first = loaded(page, embedded_stack.base_url + address)
        assert any("bootstrap" in name for name in first), "the page loads no static files"
        if sum(first.values()) > MAX_BYTES:
            heavy[address] = first
        second = loaded(page, embedded_stack.base_url + address)
        again |= {name: size for name, size in second.items() if "/static/" in name and size}
        context.close()
        session.close()
    assert heavy == {}
    assert again == {}
