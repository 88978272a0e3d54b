"""The project's reading and upload scripts in Chromium, with a server of the test in place of Readroom."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

SCRIPTS: Final = Path(__file__).resolve().parents[2] / "static" / "js"
CASE: Final = "/review/11111111-1111-1111-1111-111111111111/"
READING: Final = f"""<!doctype html><title>Read</title>
<a class="rr-skip" href="#main">Skip</a>
<span id="rr-texts"></span><span id="rr-hotkeys" data-keys='{{}}'></span>
<main id="main" class="reading-page" tabindex="-1">
<form method="post" action="{CASE}sign/" data-reading data-navigate data-draft="user case">
<input name="csrfmiddlewaretoken" value="x" type="hidden">
<span data-findings><input type="radio" name="finding" value="normal">
<input type="radio" name="finding" value="pneumonia"></span>
<span data-confidence><input type="radio" name="confidence" value="sure">
<input type="radio" name="confidence" value="unsure"></span>
<textarea name="note" data-note></textarea>
<button name="then" value="next" data-sign-next>Sign</button></form></main>
<script type="module">
  import "/static/js/reading.js";
  document.body.dataset.ready = "yes";
</script>"""


class Pages(ThreadingHTTPServer):
    """Answers as Readroom does; a signature leads to the login, or to the list once the user is logged in."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.shown, self.asked, self.is_logged_in = 0, dict[str, str](), False
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        self.server.asked[self.path] = self.headers.get("HX-Request", "")
        if self.path.startswith("/static/js/"):
            script = (SCRIPTS / self.path.rsplit("/", 1)[-1]).read_text()
            return self.answer(200, script, {"Content-Type": "text/javascript"})
        self.server.shown += self.path == CASE
        page = READING if self.path == CASE else f"<title>{self.path}</title>"
        return self.answer(200, page, {"Content-Type": "text/html"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.is_logged_in:
            return self.answer(204, "", {"X-Readroom-Location": f"{self.server.url}/cases/"})
        return self.answer(302, "", {"Location": "/login/"})

    def answer(self, status: int, body: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@pytest.fixture
def pages() -> Iterator[Pages]:
    with Pages() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def page(browser: Any) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


def open_reading_page(page: Page, pages: Pages) -> None:
    page.goto(pages.url + CASE)
    expect(page.locator("[data-ready=yes]")).to_be_attached()


def sign(page: Page) -> None:
    page.check("[value=normal]")
    page.check("[value=sure]")
    page.fill("[name=note]", "Base of the left lung")
    page.click("[data-sign-next]")


def test_a_reading_that_is_signed_after_the_session_ended_is_there_after_the_login(
    page: Page, pages: Pages
) -> None:
    open_reading_page(page, pages)
    sign(page)
    page.wait_for_url(f"{pages.url}/login/")
    open_reading_page(page, pages)
    expect(page.locator("[name=note]")).to_have_value("Base of the left lung")
    expect(page.locator("[value=normal]")).to_be_checked()


def test_nothing_of_a_signed_reading_is_kept(page: Page, pages: Pages) -> None:
    pages.is_logged_in = True
    open_reading_page(page, pages)
    sign(page)
    page.wait_for_url(f"{pages.url}/cases/")
    open_reading_page(page, pages)
    expect(page.locator("[name=note]")).to_have_value("")
    expect(page.locator("[value=normal]")).not_to_be_checked()


def test_the_skip_link_does_not_load_the_reading_page_again(page: Page, pages: Pages) -> None:
    open_reading_page(page, pages)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{pages.url}{CASE}#main")
    page.wait_for_load_state("networkidle")
    assert pages.shown == 1


def test_waiting_for_ai_results_is_no_sign_of_a_user(page: Page, pages: Pages) -> None:
    """The session ends for an unattended upload page: the server takes `HX-Request` for the page's own."""
    open_reading_page(page, pages)
    page.evaluate("""async () => {
      const { Progress } = await import("/static/js/upload-progress.js");
      const { Requests } = await import("/static/js/upload-requests.js");
      const form = { dataset: { progress: "/cases/upload/progress/" } };
      await new Progress(form, new Requests(form)).ask(() => []);
    }""")
    assert pages.asked["/cases/upload/progress/"] == "true"
