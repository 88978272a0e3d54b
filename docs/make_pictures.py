"""Take the pictures of the documentation from a running Readroom: `python -m docs.make_pictures`.

The radiographs are the drawn demo radiographs: no patient's image may lie in the repository.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import sync_playwright

from tests.chromium import CHROMIUM_ARGUMENTS
from tests.servers import wait_until
from tests.stack import DEMO_PASSWORD, Stack, readroom_stack

FOLDER: Final = Path(__file__).resolve().parent / "pictures"
ELSEWHERE: Final = {"readers": "/review/readers/", "imports": "/imports/", "models": "/models/"}
DESK: Final = {"width": 1366, "height": 768}


def main() -> None:
    """Start a fresh Readroom with its default network, read one case, and keep what the pages look like."""
    FOLDER.mkdir(exist_ok=True)
    with readroom_stack("embedded") as stack, sync_playwright() as playwright:
        stack.manage("demo")
        script = stack.api_client("technician")
        wait_until(
            lambda: script.get("/api/v1/cases/?status=done").json()["count"] >= 5,
            seconds=120,
            what=f"the demo cases' answers\n{stack.tail()}",
        )
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_ARGUMENTS
        )
        take(_visitor(chromium, stack, "radiologist"), stack)
        administrator = _visitor(chromium, stack, "admin")
        for name, place in ELSEWHERE.items():
            administrator.goto(f"{stack.base_url}{place}")
            _keep(administrator, name)
        chromium.close()


def take(page: Any, stack: Stack) -> None:
    """Walk from the worklist through a blind reading to the machine's answer."""
    _keep(page, "worklist")
    page.get_by_role("button", name="Read next").first.click()
    page.wait_for_url("**/review/*-*/")
    page.get_by_text("Normal", exact=False).first.wait_for()
    page.keyboard.press("3")
    _keep(page, "reading")
    page.keyboard.press("s")
    page.get_by_text("AI result", exact=False).first.wait_for()
    _keep(page, "answer")


def _visitor(chromium: Any, stack: Stack, username: str) -> Any:
    page = chromium.new_context(viewport=DESK, color_scheme="dark").new_page()
    page.goto(f"{stack.base_url}/accounts/login/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", DEMO_PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login/" not in url)
    return page


def _keep(page: Any, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)  # the radiograph is painted after it is loaded
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)


if __name__ == "__main__":
    main()
