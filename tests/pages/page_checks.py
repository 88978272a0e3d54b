"""What every page must pass: axe-core, the width of its window, and no JavaScript error."""

from __future__ import annotations

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe

from tests.stack import DEMO_PASSWORD, Stack

DESKTOP: Final = {"width": 1366, "height": 768}
PHONE: Final = {"width": 390, "height": 844}


def log_in(page: Any, stack: Stack, username: str, *, then: str = "/") -> None:
    """Log in through the login page and go to an address."""
    page.goto(f"{stack.base_url}/accounts/login/?next={then}")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", DEMO_PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/login/" not in url)


def record_errors(page: Any) -> list[str]:
    """Return a list that fills with the JavaScript errors and console errors of a page."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    return errors


def open_page(chromium: Any, stack: Stack, username: str = "") -> Any:
    """Return a page on which a user is logged in, or nobody without a name."""
    # axe-core is injected as a script, which the Content-Security-Policy of the pages would block.
    page = chromium.new_context(viewport=DESKTOP, bypass_csp=True).new_page()
    if username:
        log_in(page, stack, username)
    return page


def axe_violations(page: Any) -> list[str]:
    """Return the ids of the axe-core rules that a page breaks."""
    return [violation["id"] for violation in Axe().run(page).response["violations"]]


def faults(page: Any, address: str, *, expected: int = 200) -> list[str]:
    """Return what is wrong with an address on a dark desktop and on a light phone."""
    found: list[str] = []

    def note(error: Any) -> None:
        found.append(f"script: {error}")

    page.on("pageerror", note)
    for colours, size in (("dark", DESKTOP), ("light", PHONE)):
        page.emulate_media(color_scheme=colours)
        page.set_viewport_size(size)
        response = page.goto(address)
        page.wait_for_load_state("networkidle")
        width = page.evaluate("document.documentElement.scrollWidth")
        if response.status != expected:
            found.append(f"status {response.status}")
        if width > size["width"]:
            found.append(f"{colours}: {width} pixels wide on {size['width']}")
        violations = Axe().run(page).response["violations"]
        found += [f"{colours}: {each['id']} {each['nodes'][0]['html'][:120]}" for each in violations]
    page.remove_listener("pageerror", note)
    return found
