"""Steps in the viewer that several test modules share: upload, open, drag, read the window and the screen."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from itertools import count
from typing import Any, Final
from urllib.parse import urljoin

import numpy as np
import pydicom
from PIL import Image
from playwright.sync_api import expect

from tests.radiographs import radiograph_dicom
from tests.servers import wait_until
from tests.stack import Stack

SITE: Final = "viewer"  # which case comes next depends on the worklist, so no other module may use this site
SEEDS: Final = count(12_100)
FULL: Final = "[data-viewer=ready][data-depth=full]"
READOUT: Final = "[data-viewer-readout]"


def upload_case(stack: Stack, radiograph: bytes, *, patient: str = "", priority: str = "stat") -> str:
    """Upload a radiograph, wait for its prediction and return the id of the case."""
    technician, seed = stack.api_client(stack.site(SITE).technician), next(SEEDS)
    order = {"patient_ref": patient or f"P-{seed}", "accession_number": f"VIEW-{seed}", "priority": priority}
    response = technician.post("/api/v1/cases/", order, {"radiograph": ("radiograph", radiograph)})
    case = str(response.json()["id"])

    def is_done() -> bool:
        return bool(technician.get(f"/api/v1/cases/{case}/").json()["status"] == "done")

    wait_until(is_done, seconds=60, what="the prediction")
    return case


def two_halves(bits: int, dark: int, bright: int, *, photometric: str = "MONOCHROME2") -> bytes:
    """Return a radiograph with a left and a right grey that are equal in 8 bits."""
    pixels = np.full((300, 400), dark, "<u2")
    pixels[:, 200:] = bright
    pixels[:4, :4], pixels[-4:, -4:] = 0, 2**bits - 1  # so that the initial window is the whole range
    dataset = pydicom.dcmread(
        io.BytesIO(radiograph_dicom(next(SEEDS), (300, 400), bits=bits, photometric=photometric))
    )
    pixels[5, 5] = next(SEEDS) % 200  # no two of these images are equal
    dataset.PixelData = pixels.tobytes()
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def open_case(page: Any, case: str, *, images: int = 1) -> None:
    """Open the reading page of a case and wait until its images are shown in full depth."""
    page.goto(urljoin(page.url, f"/review/{case}/"))
    expect(page.locator(FULL)).to_have_count(images)


def greys(page: Any, at: int = 0) -> tuple[int, int]:
    """Return the greys of the left and the right half of an image in a screenshot."""
    shot = Image.open(io.BytesIO(page.locator("[data-viewer-stage]").nth(at).screenshot())).convert("L")
    row = np.asarray(shot)[shot.height // 2]
    width = min(shot.width, shot.height * 400 // 300)
    middle = shot.width // 2
    return int(row[middle - width // 4]), int(row[middle + width // 4])


def drag(page: Any, dx: int, dy: int, *, shift: bool = False, at: int = 0) -> None:
    """Drag from the middle of an image by a number of pixels."""
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
    """Return width and level of the window of an image."""
    readout = re.match(r"W (-?\d+) L (-?\d+)", page.locator(READOUT).nth(at).inner_text())
    assert readout
    return int(readout[1]), int(readout[2])


def wait_in_browser(page: Any, condition: Callable[[], bool], what: str) -> None:
    """Poll a condition while the browser's events are processed."""
    for _try in range(100):
        if condition():
            return
        page.wait_for_timeout(100)
    raise TimeoutError(what)
