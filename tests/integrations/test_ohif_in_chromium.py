"""The OHIF viewer, as published on npm, lists and shows a case from Readroom's DICOMweb."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from playwright.sync_api import expect

from tests.integrations import ohif
from tests.integrations.conftest import STUDY, data_set, instance
from tests.pages.page_checks import log_in, open_page
from tests.radiographs import radiograph_grey
from tests.servers import wait_until
from tests.session_cache import build_once
from tests.stack import Stack
from tests.stack_fixtures import StartStack
from webapp.processes import WEB

SIZE = (512, 512)
LOADING = 120_000  # milliseconds, on a busy host

pytestmark = [pytest.mark.stack, pytest.mark.browser, pytest.mark.nightly]


@pytest.fixture(scope="module")
def own_stack(start_stack: StartStack) -> Iterator[Stack]:
    with start_stack("embedded", processes=(WEB,)) as stack:
        yield stack


@pytest.fixture(scope="module")
def dist(session_cache: Path) -> Path:
    return build_once(session_cache, "ohif", ohif.fetch) / "package" / "dist"


@pytest.fixture
def page(own_stack: Stack, browser: Any, dist: Path) -> Any:
    page = open_page(browser, own_stack)
    log_in(page, own_stack, "radiologist")
    page.context.route("**/*", ohif.serve(dist))
    page.set_default_navigation_timeout(LOADING)
    return page


def test_ohif_lists_a_masked_study_and_shows_its_radiograph(
    own_stack: Stack, page: Any, tmp_path: Path
) -> None:
    send(own_stack, instance(1, size=SIZE))

    page.goto(f"{own_stack.base_url}/")
    expect(page.get_by_text("A-77").first).to_be_visible(timeout=LOADING)
    page.screenshot(path=tmp_path / "studies.png")
    assert "Meier" not in page.content()

    page.goto(f"{own_stack.base_url}/viewer?StudyInstanceUIDs={STUDY}")
    canvas = page.locator(".cornerstone-canvas").first
    canvas.wait_for(timeout=LOADING)
    page.get_by_text("Skip all").click(timeout=LOADING)  # of the tour, which covers the image
    wait_until(lambda: likeness(canvas) > 0.9, seconds=120, what="the radiograph in the viewer")
    page.screenshot(path=tmp_path / "viewer.png")


def send(stack: Stack, content: bytes) -> None:
    """Store an instance by STOW-RS as a technician."""
    session = requests.Session()
    session.headers["Authorization"] = f"Token {stack.token('technician')}"
    client = DICOMwebClient(f"{stack.base_url}/api/v1/dicomweb", session=session)
    assert not client.store_instances([data_set(content)]).get("FailedSOPSequence")


def likeness(canvas: Any) -> float:
    """Return the correlation of the middle of a canvas, a square as high as it, with the drawn radiograph."""
    shown = Image.open(io.BytesIO(canvas.screenshot())).convert("L")
    side = min(shown.size)
    left, top = (shown.width - side) // 2, (shown.height - side) // 2
    middle = shown.crop((left, top, left + side, top + side)).resize((64, 64), Image.Resampling.BOX)
    drawn = Image.fromarray((radiograph_grey(1, SIZE) * 255).astype(np.uint8))
    expected = drawn.resize((64, 64), Image.Resampling.BOX)
    seen, known = (np.asarray(image, float).ravel() for image in (middle, expected))
    return float(np.corrcoef(seen, known)[0, 1]) if seen.std() else 0.0
