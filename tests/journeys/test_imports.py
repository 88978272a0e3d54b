"""An import on running processes: a killed worker loses no radiograph and imports none twice."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest

from tests.http_client import HttpClient
from tests.radiographs import radiograph_png
from tests.servers import wait_until
from tests.stack import Stack
from tests.stack_fixtures import SHARED_PROCESSES, StartStack

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
    "opened": ImportedFile.objects.filter(status="imported").count(),
    "ends": AuditEvent.objects.filter(action="import-finished").count(),
}))
"""


def collection() -> bytes:
    """Return a ZIP archive of radiographs in one folder for each finding."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(RADIOGRAPHS):
            finding = ("normal", "covid")[number % 2]
            archive.writestr(f"{finding}/{number:03d}.png", radiograph_png(70_000 + number, (640, 640)))
    return out.getvalue()


@pytest.mark.nightly
def test_a_worker_killed_during_an_import_loses_no_radiograph_and_repeats_none(
    start_stack: StartStack,
) -> None:
    with start_stack("embedded", processes=SHARED_PROCESSES) as stack:
        admin = stack.session("admin")
        page = admin.post("/imports/scan/", files={"upload": ("ward.zip", collection())})
        assert f"Start import ({RADIOGRAPHS} radiographs)" in page.text
        assert json.loads(stack.shell(COUNT))["cases"] == 0

        admin.post(f"{page.url}start/")
        wait_until(
            lambda: _imported(admin, page.url) >= 5, seconds=90, what=f"five radiographs\n{stack.tail()}"
        )
        stack.kill9_inference()
        before = json.loads(stack.shell(COUNT))
        assert 5 <= before["cases"] < RADIOGRAPHS, "the import was over before the kill: this proves nothing"
        stack.restart_inference()

        wait_until(
            lambda: "Done" in admin.get(f"{page.url}state/").text,
            seconds=180,
            what=f"the end of the import\n{stack.tail()}",
        )
        assert json.loads(stack.shell(COUNT)) == {
            "cases": RADIOGRAPHS,
            "radiographs": RADIOGRAPHS,
            "labels": RADIOGRAPHS,
            "opened": RADIOGRAPHS,
            "ends": 1,
        }
        assert_no_file_is_left_over(stack)


def _imported(admin: HttpClient, url: str) -> int:
    progress = re.search(r"Radiograph (\d+) of", admin.get(f"{url}state/").text)
    return int(progress[1]) if progress else 0


def assert_no_file_is_left_over(stack: Stack) -> None:
    # The staging folder is removed after the commit that ends the import.
    incoming = stack.home / "incoming"
    wait_until(lambda: not list(incoming.iterdir()), seconds=20, what="an empty staging folder")
    # The sweeper removes what the killed worker wrote; at this age only while nothing else runs.
    for name in list(stack.processes):
        stack.stop_process(name)
    stack.manage("sweep_storage", "--older-than-hours", "0")
    stored = list((stack.home / "media" / "radiographs").rglob("*"))
    assert len([path for path in stored if path.is_file()]) == 3 * RADIOGRAPHS
