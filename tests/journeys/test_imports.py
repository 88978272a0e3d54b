"""An import on real processes: a killed worker loses no film and brings none in twice."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest

from tests.films import film_png
from tests.servers import wait_until
from tests.stack import Stack, readroom_stack
from tests.visitor import Visitor

pytestmark = pytest.mark.stack

FILMS = 120
COUNT = """
import json
from diagnostics.audit.models import AuditEvent
from diagnostics.cases.models import Case
from diagnostics.exchange.models import ImportedFile, ImportedLabel
print(json.dumps({
    "cases": Case.objects.count(),
    "films": Case.objects.values("radiograph__pixel_sha256").distinct().count(),
    "labels": ImportedLabel.objects.count(),
    "opened": ImportedFile.objects.filter(ending="opened").count(),
    "ends": AuditEvent.objects.filter(action="import-finished").count(),
}))
"""


def collection() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(FILMS):
            finding = ("normal", "covid")[number % 2]
            archive.writestr(f"{finding}/{number:03d}.png", film_png(70_000 + number, (640, 640)))
    return out.getvalue()


def test_a_worker_killed_in_the_middle_of_an_import_costs_no_film_and_repeats_none() -> None:
    with readroom_stack("embedded") as stack:
        admin = stack.visitor("admin")
        page = admin.post("/imports/look/", files={"upload": ("ward.zip", collection())})
        assert f"Import {FILMS} films" in page.text
        assert json.loads(stack.shell(COUNT))["cases"] == 0

        admin.post(f"{page.url}begin/")
        wait_until(lambda: _done(admin, page.url) >= 5, seconds=60, what=f"five films\n{stack.tail()}")
        stack.kill9_inference()
        before = json.loads(stack.shell(COUNT))
        assert 5 <= before["cases"] < FILMS, "the worker was through before it was killed"
        stack.restart_inference()

        wait_until(
            lambda: "Done" in admin.get(f"{page.url}state/").text,
            seconds=180,
            what=f"the end\n{stack.tail()}",
        )
        assert json.loads(stack.shell(COUNT)) == {
            "cases": FILMS,
            "films": FILMS,
            "labels": FILMS,
            "opened": FILMS,
            "ends": 1,
        }
        _no_file_is_left_over(stack)


def _done(admin: Visitor, url: str) -> int:
    words = re.search(r"Film (\d+) of", admin.get(f"{url}state/").text)
    return int(words[1]) if words else 0


def _no_file_is_left_over(stack: Stack) -> None:
    kept = list((stack.home / "media" / "films").rglob("*"))
    assert len([path for path in kept if path.is_file()]) == 3 * FILMS
    assert not list((stack.home / "incoming").iterdir())
