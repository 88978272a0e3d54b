"""Every page in Chromium: none breaks a WCAG 2.2 AA rule of axe-core, none is wider than the screen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.pages.page_checks import faults, open_page
from tests.radiographs import radiograph_png
from tests.servers import wait_until
from tests.stack import Stack
from tests.stack_fixtures import StartStack
from tests.webapp.access_table import EXPECTED_STATUS, ROLES
from webapp.processes import INFERENCE, WEB

pytestmark = [
    *(pytest.mark.stack, pytest.mark.browser, pytest.mark.network),
    pytest.mark.xdist_group("every page"),
]

FILL: Final = """
import json
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services.corrections import correct
from diagnostics.imports.services import scans
from diagnostics.imports.options import ImportOptions
from diagnostics.integrations.models import DicomNode, WebhookEndpoint
from diagnostics.monitoring.models import ShadowPrediction, ShadowRun
from diagnostics.patients.models import IdentityConflict
from diagnostics.privacy.models import Erasure
from diagnostics.registry.models import ModelVersion
from diagnostics.review.services.reference_cases import set_reference_case
from diagnostics.review.models import SavedView
from diagnostics.review.services.readings import sign_reading
from diagnostics.training.models import TrainingRun
now = timezone.now()
admin, reader = User.objects.get(username="admin"), User.objects.get(username="radiologist")
read, waiting, held = Case.objects.order_by("opened_at")
sign_reading(case=read, by=reader, finding="covid-19", note="Both bases.", now=now)
set_reference_case(case=read, finding="covid-19", basis="rt-pcr", by=admin, now=now)
IdentityConflict.objects.create(site=read.site, kind="birth-date", reference="P-9801", known="1958-04-17",
    found="1985-04-17", found_at=now)
correct(case=waiting, kind="view", value="AP", reason="seen on the image", by=admin, now=now)
SavedView.objects.create(owner=reader, name="STAT", query="priority=stat")
run = TrainingRun.objects.create(number=1, queued_at=now, status="failed", failure_code="internal",
    failure_text="Something broke.", finished_at=now)
folder = settings.INCOMING / "radiographs" / "normal"
folder.mkdir(parents=True)
(folder / "a.png").write_bytes(bytes.fromhex("%s"))
(folder / "b.png").write_bytes(b"no radiograph")
scan = dict(collection=folder.parent, origin="here", options=ImportOptions(), by=admin, now=now)
import_job = scans.scan_path(site=read.site, **scan)
erasure = Erasure.objects.create(site=read.site, cause="request", by=admin, at=now, patient="0" * 64)
version = ModelVersion.objects.get()
candidate = ModelVersion.objects.create(number=2, bundle="v2", weights_sha256="0" * 64, registered_at=now,
    manifest=version.manifest)
shadow = ShadowRun.objects.create(version=candidate, against=version.promotions.get(), started_by=admin,
    started_at=now, covers_from=now)
for each in Prediction.objects.filter(status="done"):
    covid = each.probabilities["covid-19"]
    ShadowPrediction.objects.create(run=shadow, case=each.case, prediction=each, status="done", queued_at=now,
        probabilities={"covid-19": 1 - covid, "normal": covid})
node = DicomNode.objects.create(site=read.site, name="PACS", ae_title="PACS", host="127.0.0.1", port=1)
endpoint = WebhookEndpoint.objects.create(site=read.site, name="Bus", url="https://8.8.8.8/",
    created_by=admin, created_at=now)
pages = {"dicom:node": [node], "integrations:webhook": [endpoint],
    "cases:case": [read, waiting], "cases:correct": [read, waiting],
    "review:case": [read, waiting], "review:reference-case": [read, waiting],
    "reports:page": [read],
    "imports:import": [import_job], "administration:account": [reader],
    "privacy:erasure": [erasure],
    "training:run": [run], "registry:version": [version], "monitoring:shadow": [candidate],
    "registry:trust-report": [version]}
print(json.dumps({name: [reverse(name, args=[one.pk]) for one in some] for name, some in pages.items()}))
"""
PLAIN: Final = {  # pages without an id, and a user who may see them
    "home": "admin",
    "accounts:login": "",
    "accounts:password": "technician",
    "accounts:profile": "technician",
    "accounts:keys": "radiologist",
    "accounts:factors": "technician",
    "accounts:confirm": "technician",
    "accounts:staff": "admin",
    "accounts:staff-new": "admin",
    "cases:upload": "technician",
    "patients:conflicts": "admin",
    "cases:list": "radiologist",
    "review:readers": "admin",
    "review:policy": "admin",
    "review:reference-cases": "admin",
    "imports:imports": "admin",
    "training:runs": "admin",
    "registry:versions": "admin",
    "audit:events": "admin",
    "demonstration": "technician",
    "privacy:retention": "admin",
    "status": "admin",
    "monitoring:page": "admin",
    "dicom:nodes": "admin",
    "dicom:new-node": "admin",
    "dicom:received": "admin",
    "dicom:results": "admin",
    "dicom:query": "admin",
    "integrations:webhooks": "admin",
    "integrations:deidentification": "admin",
}
FOR_RADIOLOGISTS: Final = ("review:case",)
INTERFACES: Final = ("api-", "dicomweb-", "fhir-")  # of programs; Swagger UI is third-party
NO_PAGES: Final = {  # images, fragments and tables
    "accounts:reset",  # needs a link: test_second_factor_in_chromium opens one
    "cases:radiograph",
    "cases:thumbnail",
    "cases:pixels",
    "cases:heatmap",
    "cases:overlay",
    "cases:state",
    "cases:rows",
    "uploads:list",
    "uploads:progress",
    "uploads:thumbnail",
    "review:prefetch",
    "review:view-counts",
    "review:readers-export",
    "reports:pdf",
    "imports:state",
    "imports:exclusions",
    "training:state",
    "training:manifest",
    *(
        "training:snapshot",
        "training:lineage",
        "training:flips",
        "training:compare",
        "registry:promote",
    ),  # a finished run is
    # needed: journeys/test_review_and_training opens them
    "training:plot",
    *("monitoring:version-evidence", "monitoring:case-evidence", "monitoring:case-evidence-pdf"),
    "registry:trust-figure",
    "audit:export-csv",
    "audit:export-json-lines",
    "health",
    "health-live",
    "health-ready",
}


@pytest.fixture(scope="module")
def stack(start_stack: StartStack) -> Iterator[Stack]:
    """Run Readroom with the default bundle, because its model card and trust report are pages too."""
    with start_stack("embedded", bundle=None, processes=(WEB, INFERENCE)) as stack:
        yield stack


@pytest.fixture(scope="module")
def pages(stack: Stack) -> dict[str, list[str]]:
    """Create one object of each kind and return the addresses of their pages."""
    technician = stack.api_client("technician")
    for seed, priority in ((9_801, "stat"), (9_802, "urgent"), (9_803, "routine")):
        order = {"patient_ref": f"P-{seed}", "accession_number": f"ALL-{seed}", "priority": priority}
        technician.post(
            "/api/v1/cases/", order, {"radiograph": ("radiograph.png", radiograph_png(seed, (300, 400)))}
        )
    wait_until(
        lambda: len(technician.get("/api/v1/cases/?status=done").json()["results"]) == 3,
        seconds=180,
        what=f"three predictions\n{stack.tail()}",
    )
    addresses: dict[str, list[str]] = json.loads(stack.shell(FILL % radiograph_png(9_804).hex()))
    return addresses


def test_every_page_passes_axe_and_fits_the_screen(
    stack: Stack, pages: dict[str, list[str]], browser: Any
) -> None:
    sessions = {name: open_page(browser, stack, name) for name in ("", "technician", "radiologist", "admin")}
    addresses = json.loads(stack.shell(_reverse(PLAIN)))
    found = {address: faults(sessions[PLAIN[name]], stack.base_url + address) for name, address in addresses}
    for name, urls in pages.items():
        page = sessions["radiologist" if name in FOR_RADIOLOGISTS else "admin"]
        found |= {address: faults(page, stack.base_url + address) for address in urls}
    nowhere, forbidden = f"{stack.base_url}/nowhere/", f"{stack.base_url}/audit/"
    found["no such page"] = faults(sessions["technician"], nowhere, expected=404)
    found["forbidden"] = faults(sessions["technician"], forbidden, expected=403)
    assert {address: each for address, each in found.items() if each} == {}


def _reverse(names: dict[str, str]) -> str:
    printing = f"print(json.dumps([[name, reverse(name)] for name in {sorted(names)}]))"
    return f"import json; from django.urls import reverse; {printing}"


def test_the_list_of_pages_is_complete(pages: dict[str, list[str]]) -> None:
    readable = {
        name
        for name, (get, _post) in EXPECTED_STATUS.items()
        if {"200", "286"} & set(get.split()) and not name.startswith(INTERFACES)
    }
    final_cases_only = {"reports:page"}  # 409 for the case of the access table
    assert (readable - NO_PAGES) | final_cases_only == set(PLAIN) | set(pages)
    assert len(ROLES) == 5
