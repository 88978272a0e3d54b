"""An import on real processes: a killed worker loses no radiograph and brings none in twice."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest

from tests.radiographs import radiograph_png
from tests.servers import wait_until
from tests.stack import Stack, readroom_stack
from tests.visitor import Visitor

pytestmark = pytest.mark.stack

RADIOGRAPHS = 120
COUNT = """
import json
from diagnostics.audit.models import AuditEvent
from diagnostics.cases.models import Case
from diagnostics.imports.models import ImportedFile, ImportedLabel
print(json.dumps({
    "cases": Case.objects.count(),
    "radiographs": Case.objects.values("radiograph__pixel_sha256").distinct().count(),
    "labels": ImportedLabel.objects.count(),
    "opened": ImportedFile.objects.filter(ending="opened").count(),
    "ends": AuditEvent.objects.filter(action="import-finished").count(),
}))
"""


def collection() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(RADIOGRAPHS):
            finding = ("normal", "covid")[number % 2]
            archive.writestr(f"{finding}/{number:03d}.png", radiograph_png(70_000 + number, (640, 640)))
    return out.getvalue()


def test_a_worker_killed_in_the_middle_of_an_import_costs_no_radiograph_and_repeats_none() -> None:
    with readroom_stack("embedded") as stack:
        admin = stack.visitor("admin")
        page = admin.post("/imports/look/", files={"upload": ("ward.zip", collection())})
        assert f"Import {RADIOGRAPHS} radiographs" in page.text
        assert json.loads(stack.shell(COUNT))["cases"] == 0

        admin.post(f"{page.url}begin/")
        wait_until(lambda: _done(admin, page.url) >= 5, seconds=60, what=f"five radiographs\n{stack.tail()}")
        stack.kill9_inference()
        before = json.loads(stack.shell(COUNT))
        assert 5 <= before["cases"] < RADIOGRAPHS, "the worker was through before it was killed"
        stack.restart_inference()

        wait_until(
            lambda: "Done" in admin.get(f"{page.url}state/").text,
            seconds=180,
            what=f"the end\n{stack.tail()}",
        )
        assert json.loads(stack.shell(COUNT)) == {
            "cases": RADIOGRAPHS,
            "radiographs": RADIOGRAPHS,
            "labels": RADIOGRAPHS,
            "opened": RADIOGRAPHS,
            "ends": 1,
        }
        _no_file_is_left_over(stack)


def _done(admin: Visitor, url: str) -> int:
    words = re.search(r"Radiograph (\d+) of", admin.get(f"{url}state/").text)
    return int(words[1]) if words else 0


def _no_file_is_left_over(stack: Stack) -> None:
    kept = list((stack.home / "media" / "radiographs").rglob("*"))
    assert len([path for path in kept if path.is_file()]) == 3 * RADIOGRAPHS
    assert not list((stack.home / "incoming").iterdir())
