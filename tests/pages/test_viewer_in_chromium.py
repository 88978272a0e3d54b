"""The viewer in Chromium: full depth, linked radiographs, priors, the next radiographs ahead, and keys of one's own."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import numpy as np
import pydicom
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

from tests.radiographs import radiograph_dicom, radiograph_png
from tests.servers import wait_until
from tests.stack import DEMO_PASSWORD, Stack, readroom_stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

SEEDS = count(12_100)
FULL = "[data-viewer=ready][data-depth=full]"
READOUT = "[data-viewer-readout]"
ANY_WEBGL = """
const real = WebGL2RenderingContext.prototype.getExtension;
WebGL2RenderingContext.prototype.getExtension = function (name) {
  return name === "WEBGL_debug_renderer_info" ? null : real.call(this, name); // as if it were no software
};
"""
OF_THE_MACHINE = re.compile(r"/heat/|overlay|probabilit|threshold|machine|data-viewer-heat|rr-bar", re.I)


@pytest.fixture(scope="module")
def embedded_stack(small_bundle: Path) -> Iterator[Stack]:
    """Run a Readroom of its own: what comes next depends on what waits."""
    with readroom_stack("embedded", bundle=small_bundle) as stack:
        yield stack


@pytest.fixture
def page(embedded_stack: Stack, browser: Any) -> Iterator[Any]:
    """Give a radiologist's page that must stay free of errors."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
    log_in(page, embedded_stack)
    yield page
    assert troubles == []


def log_in(page: Any, stack: Stack) -> None:
    page.goto(f"{stack.base_url}/accounts/login/?next=/review/")
    page.fill("input[name=username]", "radiologist")
    page.fill("input[name=password]", DEMO_PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/review/")


def admitted(stack: Stack, radiograph: bytes, *, patient: str = "", priority: str = "stat") -> str:
    """Send a radiograph and wait until the machine has answered."""
    technician, seed = stack.script("technician"), next(SEEDS)
    order = {"patient_ref": patient or f"P-{seed}", "accession_number": f"VIEW-{seed}", "priority": priority}
    case = str(
        technician.post("/api/v1/cases/", order, {"radiograph": ("radiograph", radiograph)}).json()["id"]
    )
    done = lambda: technician.get(f"/api/v1/cases/{case}/").json()["status"] == "done"  # noqa: E731
    wait_until(done, seconds=60, what="the machine's answer")
    return case


def halves(bits: int, dark: int, bright: int, *, photometric: str = "MONOCHROME2") -> bytes:
    """Give a radiograph of two greys, left and right, that are one grey of the 256 of a screen."""
    pixels = np.full((300, 400), dark, "<u2")
    pixels[:, 200:] = bright
    pixels[:4, :4], pixels[-4:, -4:] = 0, 2**bits - 1  # so that the whole range is the starting window
    dataset = pydicom.dcmread(
        io.BytesIO(radiograph_dicom(next(SEEDS), (300, 400), bits=bits, photometric=photometric))
    )
    pixels[5, 5] = next(SEEDS) % 200  # no two of these radiographs are one radiograph
    dataset.PixelData = pixels.tobytes()
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def open_case(page: Any, case: str, *, radiographs: int = 1) -> None:
    page.goto(urljoin(page.url, f"/review/{case}/"))
    expect(page.locator(FULL)).to_have_count(radiographs)


def greys(page: Any, at: int = 0) -> tuple[int, int]:
    """Look at the screen: the grey of the left and of the right half of a radiograph."""
    shot = Image.open(io.BytesIO(page.locator("[data-viewer-stage]").nth(at).screenshot())).convert("L")
    row = np.asarray(shot)[shot.height // 2]
    width = min(shot.width, shot.height * 400 // 300)
    middle = shot.width // 2
    return int(row[middle - width // 4]), int(row[middle + width // 4])


def drag(page: Any, dx: int, dy: int, *, shift: bool = False, at: int = 0) -> None:
    box = page.locator("[data-viewer-stage]").nth(at).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if shift:
        page.keyboard.down("Shift")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy)
    page.mouse.up()
    if shift:
        page.keyboard.up("Shift")
    page.wait_for_timeout(100)


def window(page: Any, at: int = 0) -> tuple[int, int]:
    found = re.match(r"W (-?\d+) L (-?\d+)", page.locator(READOUT).nth(at).inner_text())
    assert found
    return int(found[1]), int(found[2])


@pytest.mark.parametrize(("bits", "dark", "bright"), [(12, 2000, 2007), (16, 40_000, 40_080)])
@pytest.mark.parametrize("webgl", [True, False], ids=["WebGL2", "2-D canvas"])
def test_two_greys_that_are_one_in_eight_bits_are_told_apart_by_a_narrow_window(
    embedded_stack: Stack, page: Any, bits: int, dark: int, bright: int, webgl: bool
) -> None:
    if webgl:
        page.add_init_script(ANY_WEBGL)
    open_case(page, admitted(embedded_stack, halves(bits, dark, bright)))
    assert page.get_attribute("figure", "data-by") == ("webgl2" if webgl else "2d")
    left, right = greys(page)
    assert abs(left - right) <= 1
    full = 2**bits - 1
    assert window(page) == (full, round(full / 2))
    # 400 pixels of drag are the starting window: bring the level between the two, then narrow it all the way.
    middle = (dark + bright) / 2
    drag(page, 0, round((middle / full - 0.5) * 400))
    drag(page, -600, 0)
    for _step in range(40):
        if abs(window(page)[1] - middle) <= (bright - dark) / 4:
            break
        drag(page, 0, 1 if window(page)[1] < middle else -1, shift=True)
    left, right = greys(page)
    assert right - left > 100


def test_a_radiograph_whose_lowest_grey_is_white_is_turned_and_keeps_its_units(
    embedded_stack: Stack, page: Any
) -> None:
    open_case(page, admitted(embedded_stack, halves(12, 1000, 3000, photometric="MONOCHROME1")))
    left, right = greys(page)
    assert left == pytest.approx(255 - 1000 / 4095 * 255, abs=2)
    assert right == pytest.approx(255 - 3000 / 4095 * 255, abs=2)
    page.keyboard.press("i")
    page.wait_for_selector("[data-tool=invert][aria-pressed=true]")
    assert greys(page) == pytest.approx((255 - left, 255 - right), abs=2)


def test_the_window_may_leave_what_the_file_asked_for(embedded_stack: Stack, page: Any) -> None:
    radiograph = radiograph_dicom(next(SEEDS), (300, 400), bits=12, WindowCenter=600, WindowWidth=400)
    open_case(page, admitted(embedded_stack, radiograph))
    assert window(page) == (400, 600)
    page.keyboard.press("Shift+Digit2")  # all greys of the radiograph
    expect(page.locator(READOUT)).not_to_contain_text("W 400")
    assert window(page)[0] > 1000
    page.keyboard.press("Control+z")
    expect(page.locator(READOUT)).to_have_text(re.compile("^W 400 L 600"))


def test_the_radiograph_is_turned_by_quarters_shown_pixel_by_pixel_and_taken_back(
    embedded_stack: Stack, page: Any
) -> None:
    open_case(page, admitted(embedded_stack, radiograph_png(next(SEEDS), (900, 700))))
    fitted = page.inner_text(READOUT)
    page.keyboard.press("z")
    expect(page.locator(READOUT)).to_contain_text("100 %")
    page.keyboard.press("r")
    expect(page.locator(READOUT)).to_contain_text("turned 90°")
    page.keyboard.press("l")
    page.keyboard.press("l")
    expect(page.locator(READOUT)).to_contain_text("turned 270°")
    page.keyboard.press("Escape")
    expect(page.locator(READOUT)).to_have_text(fitted)
    assert page.locator("[data-tool*=flip], [data-tool*=mirror]").count() == 0


def test_the_plain_picture_stays_where_the_depth_cannot_be_had(embedded_stack: Stack, browser: Any) -> None:
    case = admitted(embedded_stack, radiograph_png(next(SEEDS), (300, 400)))
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.route("**/radiograph.pixels", lambda route: route.fulfill(status=404))
    log_in(page, embedded_stack)
    page.goto(urljoin(page.url, f"/review/{case}/"))
    page.wait_for_selector("[data-viewer=ready][data-depth=none]")
    drag(page, -80, 40)
    assert window(page) == (204, 153)


def test_a_prior_is_shown_beside_the_radiograph_moves_with_it_and_says_nothing_of_the_machine(
    embedded_stack: Stack, page: Any
) -> None:
    patient = f"P-{next(SEEDS)}"
    admitted(embedded_stack, radiograph_png(next(SEEDS), (300, 400)), patient=patient)
    case = admitted(embedded_stack, radiograph_png(next(SEEDS), (350, 400)), patient=patient)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
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
    assert not [url for url in asked if "/heat/" in url or "overlay" in url]
    page.keyboard.press("p")
    expect(page.locator(FULL)).to_have_count(1)
    assert "prior=" not in page.url


def test_a_prior_of_another_site_is_not_offered(embedded_stack: Stack, page: Any) -> None:
    patient = f"P-{next(SEEDS)}"
    elsewhere = admitted(embedded_stack, radiograph_png(next(SEEDS), (300, 400)), patient=patient)
    embedded_stack.shell(
        "from diagnostics.accounts.models import Site; from diagnostics.cases.models import Case; "
        "site, _ = Site.objects.get_or_create(name='Elsewhere'); "
        f"Case.objects.filter(pk='{elsewhere}').update(site=site)"
    )
    case = admitted(embedded_stack, radiograph_png(next(SEEDS), (300, 400)), patient=patient)
    page.goto(urljoin(page.url, f"/review/{case}/?prior={elsewhere}"))
    expect(page.locator(FULL)).to_have_count(1)
    assert elsewhere not in page.locator("main").inner_html()


def test_radiograph_and_heat_stand_side_by_side_with_one_view_after_signing(
    embedded_stack: Stack, page: Any
) -> None:
    open_case(page, admitted(embedded_stack, radiograph_png(next(SEEDS), (300, 400))))
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-reading]")
    page.keyboard.press("1")
    page.keyboard.press("s")
    page.wait_for_selector("text=You: COVID-19")
    assert "Machine v1" in page.inner_text(".radiograph-bottom-right")
    page.wait_for_selector(FULL)
    with page.expect_response(lambda response: "/heat/" in response.url):
        page.keyboard.press("s")
    expect(page.locator(FULL)).to_have_count(2)
    drag(page, -100, 0, at=1)
    first, second = page.locator(READOUT).all_inner_texts()
    assert first == second
    heats = page.locator(".radiograph-canvas-heat")
    expect(heats.nth(0)).to_be_hidden()
    expect(heats.nth(1)).to_be_visible()
    page.keyboard.press("s")
    expect(page.locator(FULL)).to_have_count(1)


def test_the_next_radiographs_come_ahead_and_nothing_else_does(embedded_stack: Stack, page: Any) -> None:
    for _radiograph in range(4):
        admitted(embedded_stack, radiograph_png(next(SEEDS), (300, 400)))
    traffic: list[Any] = []
    page.on("response", lambda response: traffic.append(response))
    page.keyboard.press("n")
    page.wait_for_selector(FULL)
    here = page.url.rstrip("/").rsplit("/", 1)[1]
    ahead = lambda: [
        one.url for one in traffic if one.url.endswith("radiograph.pixels") and here not in one.url
    ]  # noqa: E731
    wait_for(page, lambda: len(ahead()) == 2)
    page.wait_for_load_state("networkidle")
    told = next(one for one in traffic if one.url.endswith("/ahead/")).text()
    assert sorted(json.loads(told)) == ["radiographs"]
    assert all(sorted(radiograph) == ["pixels"] for radiograph in json.loads(told)["radiographs"])
    seen = [one for one in traffic if here not in one.url and "/static/" not in one.url]
    assert {one.url for one in seen if "/review/" not in one.url} == set(ahead())
    assert not [one.url for one in traffic if OF_THE_MACHINE.search(one.url)]
    told_in_words = ("text/html", "application/json")
    for one in traffic:
        if one.status == 200 and one.headers["content-type"].startswith(told_in_words):
            assert not OF_THE_MACHINE.search(one.text()), one.url
    served = ahead()[0].split("/")[-2]
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: here not in url)
    assert page.url.rstrip("/").endswith(served)
    page.wait_for_selector(FULL)
    again = [one for one in traffic if one.url == ahead()[0]]
    assert len(again) == 1  # it stood in memory


def wait_for(page: Any, done: Any) -> None:
    for _try in range(100):
        if done():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come")


def test_keys_are_changed_kept_on_the_server_and_named_by_the_help(embedded_stack: Stack, page: Any) -> None:
    case = admitted(embedded_stack, radiograph_png(next(SEEDS), (300, 400)))
    page.goto(urljoin(page.url, "/accounts/keys/"))
    page.locator("[name=invert]").press("Shift+K")
    assert page.input_value("[name=invert]") == "Shift+K"
    page.locator("[name=invert]").press("k")
    page.click("text=Keep these keys")
    expect(page.locator("main")).to_contain_text("Your keys are kept.")
    open_case(page, case)
    page.keyboard.press("i")
    page.keyboard.press("k")
    page.wait_for_selector("[data-tool=invert][aria-pressed=true]")
    page.keyboard.press("?")
    help_text = page.locator("dialog[open]").inner_text()
    assert re.search(r"K\s+invert", help_text)
    assert "hold to see the heat" not in help_text  # not here yet
    page.goto(urljoin(page.url, "/accounts/keys/"))
    page.click("text=All as at first")
    assert page.input_value("[name=invert]") == "I"


def test_a_key_that_is_taken_is_refused_with_a_sentence_on_a_page_without_faults(
    embedded_stack: Stack, browser: Any
) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}, bypass_csp=True).new_page()
    log_in(page, embedded_stack)
    page.goto(urljoin(page.url, "/accounts/keys/"))
    page.locator("[name=invert]").press("r")
    page.click("text=Keep these keys")
    expect(page.locator("#why-invert")).to_have_text("R is taken by 'Turn right'.")
    assert [fault["id"] for fault in Axe().run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
