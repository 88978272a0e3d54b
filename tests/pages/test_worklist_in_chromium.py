"""Saved views, selection and search of the worklist in Chromium against running processes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.http_client import HttpClient
from tests.pages.page_checks import axe_violations, log_in, record_errors
from tests.radiographs import radiograph_png
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

SEEDS = count(9_700)
REFRESH = "htmx.ajax('GET', location.href, {target: '#worklist', select: '#worklist', swap: 'outerHTML'})"
COUNTS = "**/views/counts/"
ONE_LINE = 32  # pixels


@pytest.fixture
def page(embedded_stack: Stack, browser: Any) -> Iterator[Any]:
    """Return the worklist of an administrator, who claims no case of other tests."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    log_in(page, embedded_stack, "admin", then="/review/")
    errors = record_errors(page)
    yield page
    assert errors == []


@pytest.fixture
def technician(embedded_stack: Stack) -> HttpClient:
    return embedded_stack.api_client("technician")


def upload(technician: HttpClient, seed: int, mark: str) -> None:
    order = {"patient_ref": f"P-{seed}", "accession_number": f"{mark}-{seed}"}
    response = technician.post(
        "/api/v1/cases/", order, {"radiograph": ("radiograph.png", radiograph_png(seed, (300, 400)))}
    )
    assert response.status == 201, response.text


def save_view(page: Any, mark: str) -> None:
    """Search, and save the search as a view."""
    page.goto(page.url.split("?")[0] + f"?q={mark}-")
    page.fill(".worklist-save [name=name]", f"View {mark}")
    page.click(".worklist-save button")
    page.wait_for_selector(f"text=View {mark}")


def link(page: Any, name: str) -> Any:
    return page.get_by_role("link", name=name, exact=True)


def test_a_saved_view_shows_its_count_and_survives_refreshes_of_the_table(
    page: Any, technician: HttpClient
) -> None:
    for _radiograph in range(2):
        upload(technician, next(SEEDS), "KEPT")
    save_view(page, "KEPT")
    link(page, "View KEPT 2").wait_for()

    upload(technician, next(SEEDS), "KEPT")
    page.evaluate(REFRESH)
    link(page, "View KEPT 3").wait_for()

    page.route(COUNTS, lambda route: None)  # no further response
    page.evaluate("document.querySelector('#worklist').dataset.old = 'yes'")
    page.evaluate(REFRESH)
    page.wait_for_selector("#worklist:not([data-old])")
    assert link(page, "View KEPT 3").count() == 1
    page.reload(wait_until="domcontentloaded")
    link(page, "View KEPT 3").wait_for(timeout=5_000)


def test_counts_are_requested_like_automatic_refreshes_so_that_an_idle_session_ends(
    page: Any, technician: HttpClient
) -> None:
    upload(technician, next(SEEDS), "IDLE")
    save_view(page, "IDLE")
    with page.expect_request(COUNTS) as counted:
        page.reload()
    assert counted.value.headers["hx-request"] == "true"


def test_selected_cases_are_exported_as_csv_and_stay_selected(
    page: Any, technician: HttpClient, tmp_path: Path
) -> None:
    for _radiograph in range(3):
        upload(technician, next(SEEDS), "TAKE")
    page.goto(f"{page.url}?q=TAKE-&sort=accession")
    selected = [row.inner_text() for row in page.locator("[data-row] .rr-row-link").all()[:2]]
    for box in page.locator("[data-pick]").all()[:2]:
        box.check()

    with page.expect_download() as download:
        page.click("text=Export as CSV")

    assert download.value.suggested_filename.startswith("cases-")
    download.value.save_as(tmp_path / "radiographs.csv")
    with (tmp_path / "radiographs.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["accession_number"] for row in rows) == selected
    assert "P-97" not in (tmp_path / "radiographs.csv").read_text()
    assert page.locator("[data-pick]:checked").count() == 2


@pytest.mark.parametrize(("colours", "width"), [("dark", 1366), ("light", 390)])
def test_the_worklist_with_views_and_a_selection_fits_the_screen_and_passes_axe(
    page: Any, technician: HttpClient, colours: str, width: int
) -> None:
    upload(technician, next(SEEDS), "AXE")
    for mark in ("AXE", "AXE-" + "W" * 31, "AXE-2", "AXE-3", "AXE-4"):
        save_view(page, mark)
    page.goto(page.url.split("?")[0])
    page.emulate_media(color_scheme=colours)
    page.set_viewport_size({"width": width, "height": 844})
    page.reload()
    chip = link(page, "View AXE-2 0")
    chip.wait_for()
    assert chip.bounding_box()["height"] < ONE_LINE
    page.locator("[data-pick]").first.check()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert axe_violations(page) == []


def test_the_search_runs_while_the_user_types(page: Any, technician: HttpClient) -> None:
    upload(technician, next(SEEDS), "TYPED")
    upload(technician, next(SEEDS), "OTHER")
    page.reload()
    searches: list[str] = []
    page.on("request", lambda request: searches.append(request.url) if "?q=" in request.url else None)
    page.keyboard.press("/")
    page.keyboard.type("ty", delay=20)
    page.wait_for_timeout(600)
    assert searches == []  # two letters match too many cases
    page.fill("[data-search]", "typed-")
    page.wait_for_url("**/review/?q=typed-")
    rows = page.locator("#worklist [data-row]")
    rows.nth(1).wait_for(state="detached")  # one of all queued cases is left
    assert "TYPED-" in rows.inner_text()
    assert page.url.endswith("?q=typed-")
    assert set(searches) == {page.url}
    assert page.evaluate("document.activeElement.matches('[data-search]')")
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    rows.nth(1).wait_for(state="visible")
