"""Writes first_version.zip: an installation of the version that is checked out, used as staff use it.

`python -m tests.upgrade.make_first_version OUT` on a checkout of the first version; all images are drawn.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile

from tests.journeys.conftest import wait_for_case
from tests.radiographs import radiograph_dicom, radiograph_png
from tests.small_bundle import make_bundle
from tests.stack import Stack, readroom_stack
from tests.upgrade.first_version import APPS, FILES, ROWS
from webapp.processes import INFERENCE, SCHEDULER, WEB

SIZE: Final = (96, 96)
NEUTRAL: Final = {"worker": "inference@host", "base_folder": "/srv/collections/drawn", "password": "!"}
USE: Final = """
from datetime import timedelta
from django.utils import timezone
from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.cases.services import pcr
from diagnostics.review.models import ReadingPolicy
from diagnostics.review.services import claims, readings, saved_views
now = timezone.now()
reader = User.objects.get(username="radiologist")
first, second = Case.objects.order_by("opened_at")
claims.claim(case=first, by=reader, now=now)
reading = readings.sign_reading(
    case=first, by=reader, finding="covid-19", note="bilateral opacities", now=now
)
readings.amend_reading(
    reading=reading, by=reader, finding="pneumonia", confidence="unsure", note="unilateral",
    reason="compared with the prior", now=now + timedelta(minutes=1),
)
claims.claim(case=second, by=reader, now=now)
ReadingPolicy.objects.create(site=first.site, double_read_percent=20)
"""
DUMP: Final = """
import json
from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import GeneratedField
rows = {}
for app in %r:
    for model in apps.get_app_config(app).get_models(include_auto_created=True):
        columns = [c.attname for c in model._meta.concrete_fields if not isinstance(c, GeneratedField)]
        rows[model._meta.label] = list(model._base_manager.order_by("pk").values(*columns))
print(json.dumps(rows, cls=DjangoJSONEncoder))
"""


def main(out: Path) -> None:
    """Use a fresh installation as staff do, then store its rows and its files."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        make_bundle(bundle)
        with readroom_stack(bundle=bundle, processes=(WEB, INFERENCE, SCHEDULER)) as stack:
            _upload(stack)
            stack.shell(USE)
            _import(stack, Path(folder) / "collection")
            _store(stack, out)


def _upload(stack: Stack) -> None:
    client = stack.api_client("technician")
    files = {"radiograph.dcm": radiograph_dicom(1, SIZE), "radiograph.png": radiograph_png(2, SIZE)}
    for number, file in enumerate(files.items()):
        fields = {"patient_ref": f"MRN-{number}", "accession_number": f"ACC-{number}"}
        answer = client.post("/api/v1/cases/", fields, {"radiograph": file})
        wait_for_case(stack, client, f"/api/v1/cases/{answer.json()['id']}/")


def _import(stack: Stack, collection: Path) -> None:
    for number, finding in enumerate(("covid-19", "normal") * 2):
        target = collection / finding / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(radiograph_png(10 + number, SIZE))
    stack.manage("import_cases", str(collection), "--label-source", "drawn")


def _store(stack: Stack, out: Path) -> None:
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        archive.writestr(ROWS, json.dumps(_neutral(json.loads(stack.shell(DUMP % (APPS,)))), indent=1))
        for path in sorted((stack.home / "media").rglob("*")):
            if path.is_file():
                archive.write(path, FILES + str(path.relative_to(stack.home)))


def _neutral(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Replace the values that describe the host on which this ran."""
    for stored in rows.values():
        for row in stored:
            row |= {name: value for name, value in NEUTRAL.items() if name in row}
    return rows


if __name__ == "__main__":
    main(Path(sys.argv[1]))
