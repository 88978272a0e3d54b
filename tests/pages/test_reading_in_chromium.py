"""The worklist and the reading page in Chromium against running processes, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.http_client import HttpClient
from tests.pages.page_checks import axe_violations, log_in, record_errors
from tests.radiographs import radiograph_png
from tests.servers import wait_until
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

SITE = "reading"  # the tests read to the end of the worklist, so no other module may use this site
SEEDS = count(9_300)
CHOSEN = "[name=finding]:checked"
READY = "[data-viewer=ready]"


@pytest.fixture
def page(embedded_stack: Stack, browser: Any) -> Iterator[Any]:
    """Return a radiologist's page that must stay free of JavaScript errors."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}, bypass_csp=True).new_page()
    log_in(page, embedded_stack, embedded_stack.site(SITE).radiologist, then="/cases/")
    errors = record_errors(page)
    yield page
    assert errors == []


@pytest.fixture
def radiologist(embedded_stack: Stack) -> HttpClient:
    return embedded_stack.api_client(embedded_stack.site(SITE).radiologist)


@pytest.fixture
def technician(embedded_stack: Stack) -> HttpClient:
    return embedded_stack.api_client(embedded_stack.site(SITE).technician)


@pytest.fixture
def cases(technician: HttpClient) -> list[str]:
    """Upload three STAT radiographs and return the ids of their cases; predictions may be pending."""
    return [upload(technician, next(SEEDS)) for _radiograph in range(3)]


def upload(technician: HttpClient, seed: int) -> str:
    order = {"patient_ref": f"P-{seed}", "accession_number": f"READ-{seed}", "priority": "stat"}
    radiograph = ("radiograph.png", radiograph_png(seed, (300, 400)))
    return str(technician.post("/api/v1/cases/", order, {"radiograph": radiograph}).json()["id"])


def wait_for_prediction(technician: HttpClient, case: str) -> None:
    def is_done() -> bool:
        return bool(technician.get(f"/api/v1/cases/{case}/").json()["status"] == "done")

    wait_until(is_done, seconds=60, what="the prediction")


def case_on(page: Any) -> str:
    return str(page.url).rstrip("/").rsplit("/", 1)[1].split("?")[0]


def start_reading(page: Any) -> str:
    """Press N on the worklist, wait for the radiograph and return its case."""
    page.goto(urljoin(page.url, "/cases/"))
    page.keyboard.press("n")
    page.wait_for_selector("[data-reading]")
    page.wait_for_selector(READY)
    return case_on(page)


def sign_by_keys(page: Any, *keys: str) -> None:
    """Press keys, the last of which signs, and wait for the next page."""
    before = page.url
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_url(lambda url: url != before)


def test_every_queued_case_is_signed_with_three_keys_and_the_last_leads_back_to_the_worklist(
    page: Any, cases: list[str], technician: HttpClient, radiologist: HttpClient
) -> None:
    cases = cases + [upload(technician, next(SEEDS)) for _radiograph in range(7)]
    seen = [start_reading(page)]
    while len(seen) < 50:
        sign_by_keys(page, "3", "7", "Enter")
        if page.url.endswith("/cases/"):
            break
        seen.append(case_on(page))
    assert page.locator("text=All cases are read. There is nothing left for you to read.").count() == 1
    assert len(set(seen)) == len(seen)
    assert set(cases) <= set(seen)
    for case in cases:
        (reading,) = radiologist.get(f"/api/v1/cases/{case}/readings/").json()
        assert (reading["finding"], reading["confidence"]) == ("normal", "sure")


def test_no_part_of_the_ai_result_is_transmitted_before_the_signature(
    page: Any, cases: list[str], technician: HttpClient, radiologist: HttpClient
) -> None:
    for case in cases:
        wait_for_prediction(technician, case)
    predictions = [technician.get(f"/api/v1/cases/{case}/").json()["prediction"] for case in cases]
    numbers = {f"{value:.6f}"[:4] for each in predictions for value in each["probabilities"].values()}
    sent: list[tuple[str, str]] = []
    page.on("response", lambda response: sent.append((response.url, _text_of(response))))
    case = start_reading(page)
    page.wait_for_load_state("networkidle")
    read = [radiologist.get(f"/api/v1/cases/{each}/").json() for each in cases]
    read += radiologist.get("/api/v1/cases/").json()["results"]
    sent += [("api", str(each)) for each in read if each["id"] in cases]
    assert any(url.endswith(f"{case}/radiograph.png") for url, _text in sent)
    assert all(each["withheld"] and each["prediction"] is None for each in read if each["id"] in cases)
    assert _revealing(sent, numbers) == []
    assert page.locator("[data-viewer-heatmap], .rr-bar").count() == 0
    sent.clear()
    page.keyboard.press("3")
    page.keyboard.press("7")
    page.keyboard.press("s")
    page.wait_for_selector("text=Your reading: Normal")
    page.wait_for_load_state("networkidle")
    assert _revealing(sent, numbers) != []  # the same check finds it where it is permitted


def _text_of(response: Any) -> str:
    """Return headers and text of a response, without the static files that are the same for everybody."""
    kind = response.headers.get("content-type", "")
    is_text = kind.startswith(("text/html", "application/json", "text/plain"))
    body = response.text() if is_text and response.status == 200 else ""
    return f"{response.headers} {body}"


def _revealing(sent: list[tuple[str, str]], numbers: set[str]) -> list[str]:
    """Return the URLs of responses that hold a score, a heatmap or any text of the AI result."""
    revealing = re.compile(
        r"Machine|AI result \(|Indeterminate|[Oo]ut of distribution|"
        r"'probabilities'|\"probabilities\"|suspicio|triage|unlike|[Cc]annot separate|"
        + "|".join(rf"(?<![\d.]){re.escape(number)}" for number in sorted(numbers))
    )
    return [url for url, text in sent if "/heatmap/" in url or "overlay" in url or revealing.search(text)]


def test_the_reading_page_fits_a_screen_of_1366_by_768(page: Any, cases: list[str]) -> None:
    start_reading(page)
    size = page.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]")
    assert size == [768, 1366]
    assert page.locator("[data-sign-next]").bounding_box()["y"] < 700
    assert page.locator(".radiograph-stage").bounding_box()["height"] > 500


def test_s_signs_and_shows_the_ai_result_beside_the_reading(
    page: Any, cases: list[str], technician: HttpClient
) -> None:
    wait_for_prediction(technician, start_reading(page))
    page.keyboard.press("u")
    page.keyboard.press("7")
    page.keyboard.press("s")
    page.wait_for_selector("text=Your reading: Cannot judge")
    panel = page.locator(".reading-panel").inner_text()
    assert "AI result (v1):" in panel
    assert page.locator(".reading-bars .rr-bar").count() >= 2
    page.wait_for_selector(READY)
    with page.expect_response(lambda response: "/heatmap/" in response.url) as heatmap:
        page.keyboard.press("Shift+O")
    assert heatmap.value.status == 200
    before = case_on(page)
    sign_by_keys(page, "Enter")
    assert case_on(page) != before


def test_enter_without_a_finding_signs_nothing(page: Any, cases: list[str]) -> None:
    case = start_reading(page)
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert case_on(page) == case
    assert page.locator("[data-reading]").count() == 1


def test_keys_are_ignored_in_a_text_field_and_the_draft_survives_a_reload(
    page: Any, cases: list[str]
) -> None:
    start_reading(page)
    for key in ("2", "8", "t"):
        page.keyboard.press(key)
    page.keyboard.type("1 clip, base unsure")
    assert page.locator(CHOSEN).input_value() == "pneumonia"
    page.reload()
    page.wait_for_selector(READY)
    assert page.locator(CHOSEN).input_value() == "pneumonia"
    assert page.locator("[name=confidence]:checked").input_value() == "fairly"
    assert page.locator("[name=note]").input_value() == "1 clip, base unsure"
    page.focus("[name=note]")
    sign_by_keys(page, "Control+Enter")
    assert page.locator(CHOSEN).count() == 0


def test_the_help_lists_the_keys_and_disables_them_while_open(page: Any, cases: list[str]) -> None:
    start_reading(page)
    page.keyboard.press("?")
    help_text = page.locator("dialog[open]").inner_text()
    assert "sign and next" in help_text
    page.keyboard.press("1")
    assert page.locator(CHOSEN).count() == 0
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    page.keyboard.press("1")
    assert page.locator(CHOSEN).input_value() == "covid-19"


def test_a_signature_is_undone_by_a_key_within_ten_seconds(page: Any, cases: list[str]) -> None:
    case = start_reading(page)
    sign_by_keys(page, "1", "7", "Enter")
    page.wait_for_selector(READY)
    offer = page.locator("[data-undo-signature]")
    assert "Signed: COVID-19" in offer.inner_text()
    assert axe_violations(page) == []
    page.keyboard.press("Shift+B")
    page.wait_for_url(f"**/{case}/")
    page.wait_for_selector(READY)
    assert page.locator(CHOSEN).count() == 0
    sign_by_keys(page, "3", "7", "Enter")
    page.wait_for_selector("text=Signed: Normal")
    assert page.evaluate("document.documentElement.scrollHeight") == 768
    offer.wait_for(state="hidden", timeout=12_000)


def test_b_releases_a_case(page: Any, cases: list[str]) -> None:
    start_reading(page)
    sign_by_keys(page, "b")
    assert page.locator("text=The case was released and is back on the worklist.").count() == 1


def test_the_remaining_time_of_the_claim_counts_down(page: Any, cases: list[str]) -> None:
    start_reading(page)
    first = page.locator("[data-lease]").inner_text()
    assert first.startswith("claimed for ")
    page.wait_for_function("before => document.querySelector('[data-lease]').textContent < before", arg=first)


def test_a_case_is_read_without_javascript(embedded_stack: Stack, browser: Any, cases: list[str]) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    log_in(page, embedded_stack, embedded_stack.site(SITE).radiologist, then="/cases/")
    page.click("text=Read next")
    case = case_on(page)
    assert page.locator("img[data-viewer-radiograph]").count() == 1
    page.check("[name=finding][value=normal]")
    page.check("[name=confidence][value=sure]")
    page.click("text=Sign and compare")
    assert case_on(page) == case
    assert "Your reading: Normal" in page.locator(".reading-panel").inner_text()


@pytest.mark.parametrize("colours", ["dark", "light"])
def test_the_pages_pass_axe(page: Any, cases: list[str], colours: str) -> None:
    page.emulate_media(color_scheme=colours)
    page.reload()
    violations = {"worklist": axe_violations(page)}
    start_reading(page)
    violations["reading"] = axe_violations(page)
    page.keyboard.press("3")
    page.keyboard.press("7")
    page.keyboard.press("s")
    page.wait_for_selector("text=Your reading: Normal")
    page.keyboard.press("a")
    violations["signed"] = axe_violations(page)
    assert violations == {"worklist": [], "reading": [], "signed": []}
