"""Every page, looked at by axe-core in Chromium: none may break WCAG 2.2 AA, none may be too wide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.pages.looking import faults, visit
from tests.radiographs import radiograph_png
from tests.stack import Stack, readroom_stack
from tests.webapp.test_permissions import PEOPLE, RIGHTS

pytestmark = [pytest.mark.stack, pytest.mark.browser, pytest.mark.network]

FILL: Final = """
import json
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.imports import services as exchange
from diagnostics.imports.wishes import Wishes
from diagnostics.registry.models import ModelVersion
from diagnostics.review.gold import set_gold
from diagnostics.review.models import SavedView
from diagnostics.review.services import sign_reading
from diagnostics.training.models import TrainingRun
now = timezone.now()
admin, reader = User.objects.get(username="admin"), User.objects.get(username="radiologist")
read, waiting, held = Case.objects.order_by("opened_at")
sign_reading(case=read, by=reader, finding="covid-19", note="Both bases.", now=now)
set_gold(case=read, finding="covid-19", basis="rt-pcr", by=admin, now=now)
SavedView.objects.create(owner=reader, name="STAT", query="priority=stat")
run = TrainingRun.objects.create(number=1, queued_at=now, status="failed", failure_code="internal",
    failure_text="Something broke.", finished_at=now)
folder = settings.INCOMING / "radiographs" / "normal"
folder.mkdir(parents=True)
(folder / "a.png").write_bytes(bytes.fromhex("%s"))
(folder / "b.png").write_bytes(b"no radiograph")
looked = exchange.look_at(
    collection=folder.parent, origin="here", wishes=Wishes(), site=read.site, by=admin, now=now)
version = ModelVersion.objects.get()
pages = {"cases:case": [read, waiting], "review:case": [read, waiting], "review:gold-case": [read, waiting],
    "imports:import": [looked], "training:run": [run], "registry:version": [version],
    "registry:trust": [version]}
print(json.dumps({name: [reverse(name, args=[one.pk]) for one in some] for name, some in pages.items()}))
"""
PLAIN: Final = {  # pages without a number, and who looks at them
    "accounts:login": "",
    "accounts:password": "technician",
    "accounts:profile": "technician",
    "accounts:keys": "radiologist",
    "cases:list": "radiologist",
    "cases:upload": "technician",
    "review:worklist": "radiologist",
    "review:readers": "admin",
    "review:gold": "admin",
    "imports:imports": "admin",
    "training:runs": "admin",
    "registry:versions": "admin",
    "audit:events": "admin",
}
READERS_OWN: Final = ("review:case",)
NO_PAGES: Final = {  # pictures, parts of pages, tables and answers for scripts; Swagger's page is its own
    "cases:radiograph",
    "cases:pixels",
    "cases:heat",
    "cases:overlay",
    "cases:state",
    "review:ahead",
    "review:view-counts",
    "review:readers-export",
    "imports:state",
    "imports:left-out",
    "training:state",
    "training:picture",
    "api-case-list",
    "api-case",
    "api-readings",
    "api-schema",
    "api-docs",
    "health",
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Run a Readroom with the network that is shipped, whose card and trust report are pages too."""
    with readroom_stack("embedded") as stack:
        yield stack


@pytest.fixture(scope="module")
def pages(stack: Stack) -> dict[str, list[str]]:
    """Fill the house with one thing of each kind, and say where their pages are."""
    script = stack.script("technician")
    for seed, priority in ((9_801, "stat"), (9_802, "urgent"), (9_803, "routine")):
        order = {"patient_ref": f"P-{seed}", "accession_number": f"ALL-{seed}", "priority": priority}
        script.post(
            "/api/v1/cases/", order, {"radiograph": ("radiograph.png", radiograph_png(seed, (300, 400)))}
        )
    found: dict[str, list[str]] = json.loads(stack.shell(FILL % radiograph_png(9_804).hex()))
    return found


def test_axe_finds_no_fault_with_any_page(stack: Stack, pages: dict[str, list[str]], browser: Any) -> None:
    looking = {name: visit(browser, stack, name) for name in ("", "technician", "radiologist", "admin")}
    addresses = json.loads(stack.shell(_reverse(PLAIN)))
    found = {address: faults(looking[PLAIN[name]], stack.base_url + address) for name, address in addresses}
    for name, places in pages.items():
        who = looking["radiologist" if name in READERS_OWN else "admin"]
        found |= {address: faults(who, stack.base_url + address) for address in places}
    nowhere, forbidden = f"{stack.base_url}/nowhere/", f"{stack.base_url}/audit/"
    found["no such page"] = faults(looking["technician"], nowhere, expected=404)
    found["forbidden"] = faults(looking["technician"], forbidden, expected=403)
    assert {address: wrong for address, wrong in found.items() if wrong} == {}


def _reverse(names: dict[str, str]) -> str:
    listed = json.dumps(sorted(names))
    told = f"print(json.dumps([[name, reverse(name)] for name in {listed}]))"
    return f"import json; from django.urls import reverse; {told}"


def test_no_page_is_left_out(pages: dict[str, list[str]]) -> None:
    answered = {name for name, (get, _post) in RIGHTS.items() if {"200", "286"} & set(get.split())}
    assert answered - NO_PAGES == set(PLAIN) | set(pages)
    assert len(PEOPLE) == 5
