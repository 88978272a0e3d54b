"""A reference case in a worklist: not recognisable, classified, read, and counted for its reader."""

from __future__ import annotations

import json
import re

import pytest

from tests.radiographs import radiograph_png
from tests.servers import wait_until
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.network]

RADIOGRAPHS = 24  # half of the signatures add a control case: none in 24 happens once in 16 million runs
FILL = """
from django.utils import timezone
from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case, Radiograph
from diagnostics.cases.services.admission import open_case
from diagnostics.review.services.reference_cases import set_reference_case
from diagnostics.review.models import ReadingPolicy
from diagnostics.review.services.readings import sign_reading
site = Site.objects.get(name="{site.name}")
reader = User.objects.get(username="{site.radiologist}")
colleague = User.objects.get(username="{site.colleague}")
now = timezone.now()
radiograph = bytes.fromhex("{radiograph}")
reference = open_case(radiograph=radiograph, patient_ref="REFERENCE-SOURCE", by=colleague, now=now).case
sign_reading(case=reference, by=colleague, finding="normal", now=now)
administrator = User.objects.get(username="admin")
administrator.sites.add(site)
set_reference_case(case=reference, finding="covid-19", basis="rt-pcr", by=administrator, now=now)
ReadingPolicy.objects.create(site=site, reference_percent=50, double_read_percent=100)
cases = [Case(site=site, patient_ref=f"P-{{n}}", accession_number=f"A-{{n}}", opened_by=reader, opened_at=now)
    for n in range({count})]
Case.objects.bulk_create(cases)
Radiograph.objects.bulk_create([Radiograph(case=case, site=site, original="", display="",
    file_sha256=case.pk.hex * 2, pixel_sha256=case.pk.hex * 2, width=64, height=64, bits=8,
    source_format="PNG") for case in cases])
"""
COPIES = """
import json
from diagnostics.cases.models import Case
copies = Case.objects.filter(copy_of__isnull=False, site__name="{site.name}")
print(json.dumps([str(case.pk) for case in copies]))
"""


def test_a_reference_case_is_served_read_and_counted(production_stack: Stack) -> None:
    stack, site = production_stack, production_stack.site("reference")
    stack.shell(FILL.format(site=site, radiograph=radiograph_png(5).hex(), count=RADIOGRAPHS))
    reader, colleague, admin = map(stack.session, (site.radiologist, site.colleague, "admin"))
    read: list[str] = []
    page = reader.post("/review/next/")
    while (case := re.search(r"/review/([0-9a-f-]{36})/", page.url)) and len(read) <= RADIOGRAPHS:
        read.append(case[1])
        reading = {"finding": "covid-19", "confidence": "sure", "note": "", "then": "next"}
        page = reader.post(f"/review/{case[1]}/sign/", reading)
        assert page.status == 200, page.text
    (copy,) = json.loads(stack.shell(COPIES.format(site=site)))
    assert copy in read
    client = stack.api_client(site.radiologist)
    url = f"/api/v1/cases/{copy}/"
    wait_until(lambda: client.get(url).json()["status"] == "done", seconds=120, what=stack.tail())
    prediction = client.get(url).json()["prediction"]
    assert reader.get(f"/cases/{copy}/radiograph.png").status == 200
    assert reader.get(prediction["heatmap_url"]).status == 200
    assert colleague.get(f"/cases/{copy}/").status == 404
    assert admin.get(f"/cases/{copy}/").status == 404
    text = re.sub(r"(<[^>]+>|\s)+", " ", admin.get("/review/readers/").text)
    assert f" {site.radiologist} 1 / 1 " in text
