"""Take the screenshots of the documentation: `python -m docs.make_pictures`.

With `--all FOLDER` every page is taken at desktop and phone width; with `--radiographs FOLDER` the PNG
and JPEG files of a folder are uploaded first. Without it the published radiographs of the demonstration are
shown, whose licence permits it (webapp/demo/images/CREDITS.md). With `--labelled FOLDER` a candidate version
is trained on a labelled collection first, and the pages of its runs, version and trust report are taken too.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from tests.chromium import CHROMIUM_ARGUMENTS
from tests.servers import wait_until
from tests.stack import DEMO_PASSWORD, Stack, readroom_stack

PICTURES: Final = Path(__file__).resolve().parent / "pictures"
DESKTOP: Final = {"width": 1366, "height": 768}
PHONE: Final = {"width": 390, "height": 844}
DEMO_CASES: Final = 7
READER_PAGES: Final = {"worklist": "/cases/", "cases": "/cases/?status=all", "upload": "/cases/upload/"}
ADMINISTRATOR_PAGES: Final = {
    "reader-quality": "/review/readers/",
    "reference-cases": "/review/readers/reference-cases/",
    "imports": "/imports/",
    "training": "/training/",
    "models": "/models/",
    "audit": "/audit/",
    "profile": "/accounts/profile/",
    "keys": "/accounts/keys/",
}
SCREENSHOTS: Final = ("imports", "models")  # not shown: tests/ml/test_quality_gate.py stops them
LABELLED: Final = 60  # radiographs of a collection
TO_DEMONSTRATION: Final = """
from diagnostics.accounts import services
from diagnostics.accounts.models import User
site = services.get_or_create_demonstration_site()
for user in User.objects.filter(username__in=("technician", "radiologist")):
    user.sites.set([site])
User.objects.get(username="admin").sites.add(site)
"""
RUN: Final = """
import json
from diagnostics.training.models import TrainingRun
run = TrainingRun.objects.order_by("-number").first()
print(json.dumps({"status": run.status, "version": str(run.candidate_id)}))
"""


def main() -> None:
    """Start a new Readroom with the default network, read one case, and save screenshots of its pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="save every page there")
    parser.add_argument("--radiographs", type=Path, metavar="FOLDER", help="upload these files first")
    parser.add_argument("--labelled", type=Path, metavar="FOLDER", help="train a version on this collection")
    options = parser.parse_args()
    folder = options.all or PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    with readroom_stack("embedded") as stack, browser() as chromium:
        fill(stack, options.radiographs)
        take_reading(visitor(chromium, stack, "radiologist", DESKTOP), folder)
        trained = train_version(stack, options.labelled) if options.labelled else {}
        for size, suffix in ((DESKTOP, ""), (PHONE, "-phone")) if options.all else ((DESKTOP, ""),):
            if options.all:
                take(visitor(chromium, stack, "radiologist", size), stack, READER_PAGES, folder, suffix)
            names = ADMINISTRATOR_PAGES if options.all else SCREENSHOTS
            pages = {name: ADMINISTRATOR_PAGES[name] for name in names} | trained
            take(visitor(chromium, stack, "admin", size), stack, pages, folder, suffix)


@contextmanager
def browser() -> Iterator[Any]:
    """Yield the system's Chromium."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGUMENTS)


def fill(stack: Stack, radiographs: Path | None) -> None:
    """Create the demo cases, or cases of the files in a folder, and wait for their predictions."""
    client, count = stack.api_client("technician"), DEMO_CASES
    if radiographs:
        files = sorted(path for path in radiographs.iterdir() if path.suffix in {".png", ".jpg", ".jpeg"})
        count = len(files)
        for number, path in enumerate(files):
            fields = {"patient_ref": f"P-{number:04d}", "accession_number": f"ACC-{number:04d}"}
            client.post("/api/v1/cases/", fields, {"radiograph": (path.name, path.read_bytes())})
    else:
        stack.shell(TO_DEMONSTRATION)  # the staff of the tests work at the main site
        stack.manage("demo")
    wait_until(
        lambda: len(client.get("/api/v1/cases/?status=done").json()["results"]) >= count,
        seconds=180,
        what=f"the predictions\n{stack.tail()}",
    )


def train_version(stack: Stack, collection: Path) -> dict[str, str]:
    """Import a labelled collection, train two versions on it, and return the paths of their pages."""
    stack.manage("import_cases", str(collection), "--limit", str(LABELLED))
    reason = "Pictures for the documentation: the version is never used."
    stopped = train(stack, epochs="4", seed="1")
    first = train(stack, epochs="4", seed="1", leak_reason=reason)
    second = train(stack, epochs="6", seed="2", leak_reason=reason)
    version = json.loads(stack.shell(RUN))["version"]
    return {
        "training-stopped": stopped,
        "training-run": second,
        "training-snapshot": f"{second}snapshot/",
        "training-compare": f"/training/compare/?a={first.split('/')[2]}&b={second.split('/')[2]}",
        "promotion": f"/models/{version}/promote/?target=sensitivity&value=0.9&prevalence=0.1",
        "version": f"/models/{version}/",
        "trust-report": f"/models/{version}/trust/",
        "not-found": "/cases/no-such-page/",
    }


def train(stack: Stack, **fields: str) -> str:
    """Train a tiny network and return the path of its run's page."""
    started = stack.session("admin").post("/training/start/", {"recipe": "tiny-cnn", **fields})
    wait_until(
        lambda: json.loads(stack.shell(RUN))["status"] in ("done", "failed"),
        seconds=600,
        what=f"the end of the run\n{stack.tail()}",
    )
    return urlsplit(started.url).path


def take_reading(page: Any, folder: Path) -> None:
    """Walk from the worklist through a blind reading to the AI result."""
    save(page, folder / "worklist.png")
    page.get_by_role("button", name="Read next").first.click()
    page.wait_for_url("**/review/*-*/")
    page.get_by_text("Normal", exact=False).first.wait_for()
    page.keyboard.press("1")
    page.keyboard.press("7")
    save(page, folder / "reading.png")
    page.keyboard.press("s")
    page.get_by_text("AI result", exact=False).first.wait_for()
    save(page, folder / "ai-result.png")
    page.get_by_role("link", name="Open case page").click()
    page.wait_for_url("**/cases/*-*/")
    if folder != PICTURES:
        save(page, folder / "case.png")


def take(page: Any, stack: Stack, pages: dict[str, str], folder: Path, suffix: str) -> None:
    """Save screenshots of pages by their paths."""
    for name, path in pages.items():
        page.goto(f"{stack.base_url}{path}")
        save(page, folder / f"{name}{suffix}.png")


def visitor(chromium: Any, stack: Stack, username: str, size: dict[str, int]) -> Any:
    """Return a page of a new session of one user."""
    page = chromium.new_context(viewport=size, color_scheme="dark").new_page()
    page.goto(f"{stack.base_url}/accounts/login/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", DEMO_PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login/" not in url)
    return page


def save(page: Any, path: Path) -> None:
    """Save a screenshot once the page is loaded and its radiograph is drawn."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    page.screenshot(path=path)


if __name__ == "__main__":
    main()
