"""The viewer in Chromium: priors, heatmap, linked images, and prefetched radiographs."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import expect

from tests.pages.viewer import (
    FULL,
    READOUT,
    SEEDS,
    drag,
    open_case,
    upload_case,
    wait_in_browser,
)
from tests.radiographs import radiograph_png
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

AI_RESULT = re.compile(
    r"/heatmap/|overlay|probabilit|threshold|AI result|machine|ai result \(|data-viewer-heatmap|rr-bar", re.I
)


def test_a_prior_is_shown_beside_the_radiograph_linked_and_without_its_ai_result(
    embedded_stack: Stack, viewer_page: Any
) -> None:
    page = viewer_page
    patient = f"P-{next(SEEDS)}"
    upload_case(embedded_stack, radiograph_png(next(SEEDS), (300, 400)), patient=patient)
    case = upload_case(embedded_stack, radiograph_png(next(SEEDS), (350, 400)), patient=patient)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    open_case(page, case)
    page.keyboard.press("+")
    page.keyboard.press("p")
    expect(page.locator(FULL)).to_have_count(2)
    assert "prior=" in page.url
    drag(page, -100, 20)
    first, second = page.locator(READOUT).all_inner_texts()
    assert first.split("  ")[0] == second.split("  ")[0] != "W 255 L 128"
    page.keyboard.press("i")
    pressed = page.locator("[data-tool=invert]").first.get_attribute("aria-pressed")
    assert pressed == "true"
    assert not [url for url in requests if "/heatmap/" in url or "overlay" in url]
    page.keyboard.press("p")
    expect(page.locator(FULL)).to_have_count(1)
    assert "prior=" not in page.url


def test_a_prior_of_another_site_is_not_offered(embedded_stack: Stack, viewer_page: Any) -> None:
    page = viewer_page
    patient = f"P-{next(SEEDS)}"
    elsewhere = upload_case(embedded_stack, radiograph_png(next(SEEDS), (300, 400)), patient=patient)
    embedded_stack.shell(
        "from diagnostics.accounts.models import Site; from diagnostics.cases.models import Case; "
        "site, _ = Site.objects.get_or_create(name='Elsewhere'); "
        f"Case.objects.filter(pk='{elsewhere}').update(site=site)"
    )
    case = upload_case(embedded_stack, radiograph_png(next(SEEDS), (300, 400)), patient=patient)
    page.goto(urljoin(page.url, f"/review/{case}/?prior={elsewhere}"))
    expect(page.locator(FULL)).to_have_count(1)
    assert elsewhere not in page.locator("main").inner_html()


def test_image_and_heatmap_are_shown_side_by_side_and_linked_after_signing(
    embedded_stack: Stack, viewer_page: Any
) -> None:
    page = viewer_page
    open_case(page, upload_case(embedded_stack, radiograph_png(next(SEEDS), (300, 400))))
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-reading]")
    page.keyboard.press("1")
    page.keyboard.press("7")
    page.keyboard.press("s")
    page.wait_for_selector(".reading-own >> text=COVID-19")
    assert "AI result (v1)" in page.inner_text(".radiograph-bottom-right")
    page.wait_for_selector(FULL)
    with page.expect_response(lambda response: "/heatmap/" in response.url):
        page.keyboard.press("s")
    expect(page.locator(FULL)).to_have_count(2)
    drag(page, -100, 0, at=1)
    first, second = page.locator(READOUT).all_inner_texts()
    assert first == second
    heatmaps = page.locator(".radiograph-canvas-heatmap")
    expect(heatmaps.nth(0)).to_be_hidden()
    expect(heatmaps.nth(1)).to_be_visible()
    page.keyboard.press("s")
    expect(page.locator(FULL)).to_have_count(1)


def test_the_next_two_radiographs_are_prefetched_and_nothing_else(
    embedded_stack: Stack, viewer_page: Any
) -> None:
    page = viewer_page
    for _radiograph in range(4):
        upload_case(embedded_stack, radiograph_png(next(SEEDS), (300, 400)))
    traffic: list[Any] = []
    page.on("response", lambda response: traffic.append(response))
    page.keyboard.press("n")
    page.wait_for_selector(FULL)
    here = page.url.rstrip("/").rsplit("/", 1)[1]

    def prefetched() -> list[str]:
        pixels = [one.url for one in traffic if one.url.endswith("radiograph.pixels")]
        return [url for url in pixels if here not in url]

    wait_in_browser(page, lambda: len(prefetched()) == 2, "two prefetched radiographs")
    page.wait_for_load_state("networkidle")
    listed = next(one for one in traffic if one.url.endswith("/prefetch/")).text()
    assert sorted(json.loads(listed)) == ["radiographs"]
    assert all(sorted(radiograph) == ["pixels"] for radiograph in json.loads(listed)["radiographs"])
    seen = [one for one in traffic if here not in one.url and "/static/" not in one.url]
    assert {one.url for one in seen if "/review/" not in one.url} == set(prefetched())
    assert not [one.url for one in traffic if AI_RESULT.search(one.url)]
    textual = ("text/html", "application/json")
    for one in traffic:
        if one.status == 200 and one.headers["content-type"].startswith(textual):
            assert not AI_RESULT.search(one.text()), one.url
    served = prefetched()[0].split("/")[-2]
    page.keyboard.press("3")
    page.keyboard.press("7")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: here not in url)
    assert page.url.rstrip("/").endswith(served)
    page.wait_for_selector(FULL)
    again = [one for one in traffic if one.url == prefetched()[0]]
    assert len(again) == 1  # it was in memory
