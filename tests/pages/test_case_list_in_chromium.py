"""The list of cases in Chromium against running processes: updates, selection, search, saved views, keys."""

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
UPDATE = "document.dispatchEvent(new Event('visibilitychange'))"  # the page asks when it is shown again
COUNTS = "**/views/counts/"
ROWS = "**/cases/rows/**"
ONE_LINE = 32  # pixels
PICKS = "[data-pick]"


@pytest.fixture(scope="module")
def administrator(embedded_stack: Stack, browser: Any) -> Any:
    """Return a browser context of an administrator, who claims no case of other tests."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    log_in(context.new_page(), embedded_stack, "admin")
    return context


@pytest.fixture
def page(embedded_stack: Stack, administrator: Any) -> Iterator[Any]:
    """Return the list of all cases, free of JavaScript errors."""
    page = administrator.new_page()
    errors = record_errors(page)
    page.goto(f"{embedded_stack.base_url}/cases/?status=all")
    yield page
    page.close()
    assert errors == []


@pytest.fixture
def technician(embedded_stack: Stack) -> HttpClient:
    return embedded_stack.api_client("technician")


def upload(technician: HttpClient, seed: int, mark: str, **order: str) -> str:
    """Upload a radiograph and return the id of its case."""
    order = {"patient_ref": f"P-{seed}", "accession_number": f"{mark}-{seed}"} | order
    response = technician.post(
        "/api/v1/cases/", order, {"radiograph": ("radiograph.png", radiograph_png(seed, (300, 400)))}
    )
    assert response.status == 201, response.text
    return str(response.json()["id"])


def update(page: Any) -> None:
    """Have the page ask for changes, and wait for the answer."""
    with page.expect_response(ROWS):
        page.evaluate(UPDATE)


def row(page: Any, case: str) -> Any:
    return page.locator(f'[data-row="{case}"]')


def link(page: Any, name: str) -> Any:
    return page.get_by_role("link", name=name, exact=True)


def save_view(page: Any, mark: str) -> None:
    """Save the accession numbers that begin with a mark as a view."""
    page.goto(page.url.split("?")[0] + f"?status=all&q={mark}-")
    page.fill(".cases-save [name=name]", f"View {mark}")
    page.click(".cases-save button")
    page.wait_for_selector(f"text=View {mark}")


def test_a_change_replaces_its_row_and_keeps_selection_focus_and_the_other_rows(
    page: Any, technician: HttpClient, embedded_stack: Stack
) -> None:
    changed, other = (upload(technician, next(SEEDS), "LIVE") for _radiograph in range(2))
    page.reload()
    row(page, changed).locator(PICKS).check()
    row(page, changed).locator(".rr-row-link").focus()
    page.evaluate("for (const row of document.querySelectorAll('[data-row]')) row.dataset.old = 'yes'")
    page.evaluate("window.kept = document.querySelector('[data-rows]')")

    embedded_stack.shell(
        f"from diagnostics.cases.models import Case; Case.objects.filter(pk='{changed}').update("
        "priority='stat', priority_rank=0)"
    )
    new = upload(technician, next(SEEDS), "LIVE")
    update(page)

    row(page, new).wait_for()
    assert "STAT" in row(page, changed).inner_text()
    assert row(page, changed).locator(PICKS).is_checked()
    focused = "document.activeElement.closest('[data-row]').dataset.row"
    assert page.evaluate(focused) == changed
    assert row(page, other).get_attribute("data-old") == "yes"
    assert row(page, new).get_attribute("data-old") is None
    assert page.evaluate("window.kept === document.querySelector('[data-rows]')")
    assert page.locator("[data-selected]").inner_text() == "1 selected"
    with page.expect_response(lambda response: "/cases/rows/" in response.url) as unchanged:
        page.evaluate(UPDATE)
    assert unchanged.value.request.headers["hx-request"] == "true"  # does not keep an idle session alive


def test_the_bar_of_the_selection_counts_it_and_exports_it(
    page: Any, technician: HttpClient, tmp_path: Path
) -> None:
    cases = [upload(technician, next(SEEDS), "TAKE") for _radiograph in range(3)]
    page.goto(f"{page.url}&q=TAKE-&sort=accession")
    assert not page.locator(".cases-bulk").is_visible()
    for case in cases[:2]:
        row(page, case).locator(PICKS).check()
    assert page.locator("[data-selected]").inner_text() == "2 selected"

    with page.expect_download() as download:
        page.click("text=Export as CSV")

    assert download.value.suggested_filename.startswith("cases-")
    download.value.save_as(tmp_path / "radiographs.csv")
    with (tmp_path / "radiographs.csv").open(newline="", encoding="utf-8") as file:
        assert {line["case"] for line in csv.DictReader(file)} == set(cases[:2])
    assert "P-97" not in (tmp_path / "radiographs.csv").read_text()
    page.locator("[data-pick-all]").check()
    assert page.locator("[data-selected]").inner_text() == "3 selected"


def test_the_search_runs_while_the_user_types_and_stays_out_of_the_address(
    page: Any, technician: HttpClient
) -> None:
    found = upload(technician, next(SEEDS), "TYPED", patient_ref="MEIER-7431")
    upload(technician, next(SEEDS), "OTHER")
    page.reload()
    address, requests = page.url, []
    page.on("request", lambda request: requests.append(request) if "/rows/" in request.url else None)
    page.keyboard.press("/")
    page.keyboard.type("me", delay=20)
    page.wait_for_timeout(500)
    assert requests == []  # two letters match too many cases
    page.keyboard.type("ier-7", delay=20)
    page.locator("[data-row]").nth(1).wait_for(state="detached")
    assert row(page, found).count() == 1
    assert "1 case matches" in page.locator("[data-part=shown]").inner_text()
    assert (page.url, {request.method for request in requests}) == (address, {"POST"})
    assert all("meier" not in request.url.lower() for request in requests)
    assert page.evaluate("document.activeElement.matches('[data-search]')")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('[data-row]')?.dataset.row") == found
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/cases/{found}/")


def test_a_saved_view_shows_its_count_and_keeps_it_up_to_date(page: Any, technician: HttpClient) -> None:
    for _radiograph in range(2):
        upload(technician, next(SEEDS), "KEPT")
    with page.expect_request(COUNTS) as counted:
        save_view(page, "KEPT")
    assert counted.value.headers["hx-request"] == "true"  # does not keep an idle session alive
    link(page, "View KEPT 2").wait_for()
    upload(technician, next(SEEDS), "KEPT")
    update(page)
    link(page, "View KEPT 3").wait_for()


def test_a_row_reveals_its_patient(page: Any, technician: HttpClient) -> None:
    case = upload(technician, next(SEEDS), "SHOWN")
    page.reload()
    reference = f"P-{next(SEEDS) - 1}"
    assert reference not in row(page, case).inner_text()
    row(page, case).hover()
    row(page, case).locator("[data-reveal]").click()
    row(page, case).get_by_text(reference, exact=True).wait_for()


@pytest.mark.parametrize(("colours", "width"), [("dark", 1366), ("light", 390)])
def test_the_list_with_views_and_a_selection_fits_the_screen_and_passes_axe(
    page: Any, technician: HttpClient, colours: str, width: int
) -> None:
    upload(technician, next(SEEDS), "AXE")
    for mark in ("AXE", "AXE-" + "W" * 31, "AXE-2"):
        save_view(page, mark)
    page.goto(page.url.split("?")[0] + "?status=all")
    page.emulate_media(color_scheme=colours)
    page.set_viewport_size({"width": width, "height": 844})
    page.reload()
    chip = link(page, "View AXE-2 0")
    chip.wait_for()
    assert chip.bounding_box()["height"] < ONE_LINE
    page.locator(PICKS).first.check()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert axe_violations(page) == []
