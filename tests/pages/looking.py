"""What every page must stand: axe-core, its own width, and a console without errors."""

from __future__ import annotations

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe

from tests.stack import DEMO_PASSWORD, Stack

DESK: Final = {"width": 1366, "height": 768}
PHONE: Final = {"width": 390, "height": 844}


def visit(chromium: Any, stack: Stack, username: str = "") -> Any:
    """Open a page as somebody, or as nobody."""
    # axe-core is put into the page as a script, which the pages' own policy would refuse.
    page = chromium.new_context(viewport=DESK, bypass_csp=True).new_page()
    if username:
        page.goto(f"{stack.base_url}/accounts/login/")
        page.fill("input[name=username]", username)
        page.fill("input[name=password]", DEMO_PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "/login/" not in url)
    return page


def faults(page: Any, address: str, *, expected: int = 200) -> list[str]:
    """Look at an address on a dark desk and on a light phone, and name what is wrong with it."""
    found: list[str] = []

    def note(error: Any) -> None:
        found.append(f"script: {error}")

    page.on("pageerror", note)
    for colours, size in (("dark", DESK), ("light", PHONE)):
        page.emulate_media(color_scheme=colours)
        page.set_viewport_size(size)
        answer = page.goto(address)
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth")
        if answer.status != expected:
            found.append(f"status {answer.status}")
        if wide > size["width"]:
            found.append(f"{colours}: {wide} pixels wide on {size['width']}")
        violations = Axe().run(page).response["violations"]
        found += [f"{colours}: {each['id']} {each['nodes'][0]['html'][:120]}" for each in violations]
    page.remove_listener("pageerror", note)
    return found
