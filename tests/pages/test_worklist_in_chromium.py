"""The worklist's kept views and its chosen radiographs in a browser against running processes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.radiographs import radiograph_png
from tests.stack import DEMO_PASSWORD, Stack
from tests.visitor import Visitor

pytestmark = [pytest.mark.stack, pytest.mark.browser]

SEEDS = count(9_700)
RENEW = "htmx.ajax('GET', location.href, {target: '#worklist', select: '#worklist', swap: 'outerHTML'})"
COUNTS = "**/views/counts/"
ONE_LINE = 32  # pixels


@pytest.fixture
def page(embedded_stack: Stack, browser: Any) -> Iterator[Any]:
    """Give an administrator's worklist, who never reads and so leaves the others' radiographs alone."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.goto(f"{embedded_stack.base_url}/accounts/login/?next=/review/")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", DEMO_PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/review/")
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
    yield page
    assert troubles == []


@pytest.fixture
def technician(embedded_stack: Stack) -> Visitor:
    return embedded_stack.script("technician")


def admit(technician: Visitor, seed: int, mark: str) -> None:
    order = {"patient_ref": f"P-{seed}", "accession_number": f"{mark}-{seed}"}
    sent = technician.post(
        "/api/v1/cases/", order, {"radiograph": ("radiograph.png", radiograph_png(seed, (300, 400)))}
    )
    assert sent.status == 201, sent.text


def keep_view(page: Any, mark: str) -> None:
    """Search, and keep what was sought under its own name."""
    page.goto(page.url.split("?")[0] + f"?q={mark}-")
    page.fill(".worklist-keep [name=name]", f"View {mark}")
    page.click(".worklist-keep button")
    page.wait_for_selector(f"text=View {mark}")


def link(page: Any, name: str) -> Any:
    return page.get_by_role("link", name=name, exact=True)


def test_a_kept_view_says_how_many_radiographs_it_holds_and_no_renewal_of_the_table_takes_it_away(
    page: Any, technician: Visitor
) -> None:
    for _radiograph in range(2):
        admit(technician, next(SEEDS), "KEPT")
    keep_view(page, "KEPT")
    link(page, "View KEPT 2").wait_for()

    admit(technician, next(SEEDS), "KEPT")
    page.evaluate(RENEW)
    link(page, "View KEPT 3").wait_for()

    page.route(COUNTS, lambda route: None)  # the next answer never comes
    page.evaluate("document.querySelector('#worklist').dataset.old = 'yes'")
    page.evaluate(RENEW)
    page.wait_for_selector("#worklist:not([data-old])")
    assert link(page, "View KEPT 3").count() == 1
    page.reload(wait_until="domcontentloaded")
    link(page, "View KEPT 3").wait_for(timeout=5_000)


def test_counting_asks_as_pages_that_renew_themselves_do_so_that_a_session_can_end(
    page: Any, technician: Visitor
) -> None:
    admit(technician, next(SEEDS), "IDLE")
    keep_view(page, "IDLE")
    with page.expect_request(COUNTS) as asked:
        page.reload()
    assert asked.value.headers["hx-request"] == "true"


def test_chosen_radiographs_come_as_a_table_and_stay_chosen(
    page: Any, technician: Visitor, tmp_path: Path
) -> None:
    for _radiograph in range(3):
        admit(technician, next(SEEDS), "TAKE")
    page.goto(f"{page.url}?q=TAKE-&sort=accession")
    chosen = [row.inner_text() for row in page.locator("[data-row] .rr-row-link").all()[:2]]
    for box in page.locator("[data-pick]").all()[:2]:
        box.check()

    with page.expect_download() as coming:
        page.click("text=Export as CSV")

    assert coming.value.suggested_filename.startswith("radiographs-")
    coming.value.save_as(tmp_path / "radiographs.csv")
    with (tmp_path / "radiographs.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["accession_number"] for row in rows) == chosen
    assert "P-97" not in (tmp_path / "radiographs.csv").read_text()
    assert page.locator("[data-pick]:checked").count() == 2


@pytest.mark.parametrize(("colours", "width"), [("dark", 1366), ("light", 390)])
def test_the_worklist_with_views_and_chosen_radiographs_fits_and_has_no_fault_that_axe_can_find(
    page: Any, technician: Visitor, colours: str, width: int
) -> None:
    admit(technician, next(SEEDS), "AXE")
    for mark in ("AXE", "AXE-" + "W" * 31, "AXE-2", "AXE-3", "AXE-4"):
        keep_view(page, mark)
    page.goto(page.url.split("?")[0])
    page.emulate_media(color_scheme=colours)
    page.set_viewport_size({"width": width, "height": 844})
    page.reload()
    chip = link(page, "View AXE-2 0")
    chip.wait_for()
    assert chip.bounding_box()["height"] < ONE_LINE
    page.locator("[data-pick]").first.check()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert [fault["id"] for fault in Axe().run(page).response["violations"]] == []


def test_the_search_finds_while_one_types(page: Any, technician: Visitor) -> None:
    admit(technician, next(SEEDS), "TYPED")
    admit(technician, next(SEEDS), "OTHER")
    page.reload()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "?q=" in request.url else None)
    page.keyboard.press("/")
    page.keyboard.type("ty", delay=20)
    page.wait_for_timeout(600)
    assert asked == []  # two letters find too much
    page.fill("[data-search]", "typed-")
    page.wait_for_url("**/review/?q=typed-")
    rows = page.locator("#worklist [data-row]")
    rows.nth(1).wait_for(state="detached")  # of whatever else waits there, one radiograph is left
    assert "TYPED-" in rows.inner_text()
    assert page.url.endswith("?q=typed-")
    assert set(asked) == {page.url}
    assert page.evaluate("document.activeElement.matches('[data-search]')")
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    rows.nth(1).wait_for(state="visible")
