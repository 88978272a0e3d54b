"""The worklist and the reading page in a browser against running processes, by keys alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.radiographs import radiograph_png
from tests.servers import wait_until
from tests.stack import DEMO_PASSWORD, Stack, readroom_stack
from tests.visitor import Visitor

pytestmark = [pytest.mark.stack, pytest.mark.browser]

SEEDS = count(9_300)
CHOSEN = "[name=finding]:checked"
READY = "[data-viewer=ready]"


@pytest.fixture(scope="module")
def embedded_stack(small_bundle: Path) -> Iterator[Stack]:
    """Run a Readroom of its own: whoever reads to the end of the worklist must know what waits on it."""
    with readroom_stack("embedded", bundle=small_bundle) as stack:
        yield stack


def log_in(context: Any, stack: Stack) -> Any:
    page = context.new_page()
    page.goto(f"{stack.base_url}/accounts/login/?next=/review/")
    page.fill("input[name=username]", "radiologist")
    page.fill("input[name=password]", DEMO_PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/review/")
    return page


@pytest.fixture
def page(embedded_stack: Stack, browser: Any) -> Iterator[Any]:
    """Give a radiologist's page that must stay free of errors."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, bypass_csp=True)
    page = log_in(context, embedded_stack)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
    yield page
    assert troubles == []


@pytest.fixture
def radiologist(embedded_stack: Stack) -> Visitor:
    return embedded_stack.script("radiologist")


@pytest.fixture
def radiographs(embedded_stack: Stack) -> list[str]:
    """Admit three STAT radiographs and give the ids of their cases; reading does not wait for the machine."""
    technician = embedded_stack.script("technician")
    return [admitted(technician, next(SEEDS)) for _radiograph in range(3)]


def admitted(technician: Visitor, seed: int) -> str:
    order = {"patient_ref": f"P-{seed}", "accession_number": f"READ-{seed}", "priority": "stat"}
    radiograph = ("radiograph.png", radiograph_png(seed, (300, 400)))
    return str(technician.post("/api/v1/cases/", order, {"radiograph": radiograph}).json()["id"])


def wait_for_answer(stack: Stack, case: str) -> None:
    technician = stack.script("technician")
    done = lambda: technician.get(f"/api/v1/cases/{case}/").json()["status"] == "done"  # noqa: E731
    wait_until(done, seconds=60, what="the machine's answer")


def case_on(page: Any) -> str:
    return str(page.url).rstrip("/").rsplit("/", 1)[1].split("?")[0]


def start_reading(page: Any) -> str:
    """Press N on the worklist, wherever the reader was before, and wait for the radiograph."""
    page.goto(urljoin(page.url, "/review/"))
    page.keyboard.press("n")
    page.wait_for_selector("[data-reading]")
    page.wait_for_selector(READY)
    return case_on(page)


def sign_by_keys(page: Any, *keys: str) -> None:
    """Press keys the last of which signs, and wait for what comes next."""
    before = page.url
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_url(lambda url: url != before)


def test_a_reader_signs_every_waiting_radiograph_with_two_keys_each_and_ends_at_the_worklist(
    embedded_stack: Stack, page: Any, radiographs: list[str], radiologist: Visitor
) -> None:
    """Ten radiographs and whatever else waits, without a mouse."""
    technician = embedded_stack.script("technician")
    radiographs = radiographs + [admitted(technician, next(SEEDS)) for _radiograph in range(7)]
    seen = [start_reading(page)]
    while len(seen) < 50:
        sign_by_keys(page, "3", "Enter")
        if page.url.endswith("/review/"):
            break
        seen.append(case_on(page))
    assert page.locator("text=All read. Nothing is waiting for you.").count() == 1
    assert len(set(seen)) == len(seen)
    assert set(radiographs) <= set(seen)
    for case in radiographs:
        (reading,) = radiologist.get(f"/api/v1/cases/{case}/readings/").json()
        assert (reading["finding"], reading["confidence"]) == ("normal", "sure")


def test_nothing_of_the_machine_crosses_the_wire_before_the_signature(
    embedded_stack: Stack, page: Any, radiographs: list[str], radiologist: Visitor
) -> None:
    technician = embedded_stack.script("technician")
    for radiograph in radiographs:
        wait_for_answer(embedded_stack, radiograph)
    answers = [
        technician.get(f"/api/v1/cases/{radiograph}/").json()["prediction"] for radiograph in radiographs
    ]
    numbers = {f"{value:.6f}"[:4] for answer in answers for value in answer["probabilities"].values()}
    sent: list[tuple[str, str]] = []
    page.on("response", lambda answer: sent.append((answer.url, _words_of(answer))))
    case = start_reading(page)
    page.wait_for_load_state("networkidle")
    read = [radiologist.get(f"/api/v1/cases/{radiograph}/").json() for radiograph in radiographs]
    read += radiologist.get("/api/v1/cases/").json()["results"]
    sent += [("api", str(each)) for each in read if each["id"] in radiographs]
    assert any(url.endswith(f"{case}/radiograph.png") for url, _words in sent)
    assert all(each["withheld"] and each["prediction"] is None for each in read if each["id"] in radiographs)
    assert _tells(sent, numbers) == []
    assert page.locator("[data-viewer-heat], .rr-bar").count() == 0
    sent.clear()
    page.keyboard.press("3")
    page.keyboard.press("s")
    page.wait_for_selector("text=You: Normal")
    page.wait_for_load_state("networkidle")
    assert _tells(sent, numbers) != []  # the same look finds it once it may be there


def _words_of(answer: Any) -> str:
    """Give headers and text of a response; of what is the same for everybody, nothing."""
    kind = answer.headers.get("content-type", "")
    wordy = kind.startswith(("text/html", "application/json", "text/plain"))
    body = answer.text() if wordy and answer.status == 200 else ""
    return f"{answer.headers} {body}"


def _tells(sent: list[tuple[str, str]], numbers: set[str]) -> list[str]:
    """Name the responses that hold a score, a heat map, or words of the machine's."""
    told = re.compile(
        r"Machine|'probabilities'|\"probabilities\"|suspicio|unlike|Cannot separate|"
        + "|".join(rf"(?<![\d.]){re.escape(number)}" for number in sorted(numbers))
    )
    return [url for url, words in sent if "/heat/" in url or "overlay" in url or told.search(words)]


def test_the_reading_page_fits_a_screen_of_1366_by_768(page: Any, radiographs: list[str]) -> None:
    start_reading(page)
    room = page.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]")
    assert room == [768, 1366]
    assert page.locator("[data-sign-next]").bounding_box()["y"] < 700
    assert page.locator(".radiograph-stage").bounding_box()["height"] > 500


def test_s_signs_and_puts_the_machine_beside_the_reader(
    embedded_stack: Stack, page: Any, radiographs: list[str]
) -> None:
    wait_for_answer(embedded_stack, start_reading(page))
    page.keyboard.press("u")
    page.keyboard.press("s")
    page.wait_for_selector("text=You: Cannot judge")
    panel = page.locator(".reading-panel").inner_text()
    assert "Machine (v1):" in panel
    assert page.locator(".reading-bars .rr-bar").count() >= 2
    page.wait_for_selector(READY)
    with page.expect_response(lambda answer: "/heat/" in answer.url) as heat:
        page.keyboard.press("Shift+O")
    assert heat.value.status == 200
    before = case_on(page)
    sign_by_keys(page, "Enter")
    assert case_on(page) != before


def test_enter_without_a_finding_signs_nothing(page: Any, radiographs: list[str]) -> None:
    case = start_reading(page)
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert case_on(page) == case
    assert page.locator("[data-reading]").count() == 1


def test_keys_are_silent_while_somebody_types_and_the_draft_survives_a_reload(
    page: Any, radiographs: list[str]
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


def test_help_lists_the_keys_and_keeps_them_from_acting(page: Any, radiographs: list[str]) -> None:
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


def test_a_slip_of_the_key_is_taken_back_by_another_within_ten_seconds(
    page: Any, radiographs: list[str]
) -> None:
    case = start_reading(page)
    sign_by_keys(page, "1", "Enter")
    page.wait_for_selector(READY)
    offer = page.locator("[data-take-back]")
    assert "Signed: COVID-19" in offer.inner_text()
    assert _faults(page) == []
    page.keyboard.press("Shift+B")
    page.wait_for_url(f"**/{case}/")
    page.wait_for_selector(READY)
    assert page.locator(CHOSEN).count() == 0
    sign_by_keys(page, "3", "Enter")
    page.wait_for_selector("text=Signed: Normal")
    assert page.evaluate("document.documentElement.scrollHeight") == 768
    offer.wait_for(state="hidden", timeout=12_000)


def test_b_gives_a_case_back(page: Any, radiographs: list[str]) -> None:
    start_reading(page)
    sign_by_keys(page, "b")
    assert page.locator("text=The case is back on the worklist.").count() == 1


def test_the_time_that_is_left_counts_down(page: Any, radiographs: list[str]) -> None:
    start_reading(page)
    first = page.locator("[data-lease]").inner_text()
    assert first.startswith("yours for ")
    page.wait_for_function("before => document.querySelector('[data-lease]').textContent < before", arg=first)


def test_the_worklist_keeps_itself_fresh_and_the_row_in_hand(page: Any, radiographs: list[str]) -> None:
    page.goto(urljoin(page.url, "/review/"))
    page.keyboard.press("j")
    row = page.evaluate("document.activeElement.id")
    page.evaluate("document.querySelector('#worklist').dataset.old = 'yes'")
    page.wait_for_selector("#worklist:not([data-old])", timeout=40_000)
    assert row.startswith("case-")
    assert page.evaluate("document.activeElement.id") == row


def test_radiographs_are_read_without_javascript(
    embedded_stack: Stack, browser: Any, radiographs: list[str]
) -> None:
    page = log_in(browser.new_context(java_script_enabled=False), embedded_stack)
    page.click("text=Read next")
    case = case_on(page)
    assert page.locator("img[data-viewer-radiograph]").count() == 1
    page.check("[name=finding][value=normal]")
    page.click("text=Sign, then compare")
    assert case_on(page) == case
    assert "You: Normal" in page.locator(".reading-panel").inner_text()


@pytest.mark.parametrize("colours", ["dark", "light"])
def test_the_pages_have_no_fault_that_axe_can_find(page: Any, radiographs: list[str], colours: str) -> None:
    page.emulate_media(color_scheme=colours)
    page.reload()
    faults = {"worklist": _faults(page)}
    start_reading(page)
    faults["reading"] = _faults(page)
    page.keyboard.press("3")
    page.keyboard.press("s")
    page.wait_for_selector("text=You: Normal")
    page.click("text=Change my reading")
    faults["signed"] = _faults(page)
    assert faults == {"worklist": [], "reading": [], "signed": []}


def _faults(page: Any) -> list[str]:
    return [fault["id"] for fault in Axe().run(page).response["violations"]]
