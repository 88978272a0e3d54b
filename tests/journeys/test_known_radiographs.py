"""A gold case on its way: mixed in unseen, classified by the workers, read, and counted for its reader."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.radiographs import radiograph_png
from tests.servers import wait_until
from tests.stack import DEMO_PASSWORD, Stack, readroom_stack

pytestmark = [pytest.mark.stack, pytest.mark.network]

RADIOGRAPHS = 24  # half of the signatures mix one in: that none of 24 does happens once in 16 million runs
FILL = f"""
from django.utils import timezone
from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case, Radiograph
from diagnostics.cases.services import open_case
from diagnostics.review.gold import set_gold
from diagnostics.review.models import Policy
from diagnostics.review.services import sign_reading
site, first = Site.objects.get(is_default=True), User.objects.get(username="radiologist")
colleague = User.objects.create_user("colleague", password="{DEMO_PASSWORD}", role="radiologist")
colleague.sites.set([site])
now = timezone.now()
radiograph = bytes.fromhex("%s")
known = open_case(radiograph=radiograph, patient_ref="GOLD-SOURCE", by=colleague, now=now).case
sign_reading(case=known, by=colleague, finding="normal", now=now)
administrator = User.objects.get(username="admin")
set_gold(case=known, finding="covid-19", basis="rt-pcr", by=administrator, now=now)
Policy.objects.create(site=site, gold_percent=50, double_read_percent=100)
cases = [Case(site=site, patient_ref=f"P-{{n}}", accession_number=f"A-{{n}}", opened_by=first, opened_at=now)
    for n in range({RADIOGRAPHS})]
Case.objects.bulk_create(cases)
Radiograph.objects.bulk_create([Radiograph(case=case, site=site, original="", display="",
    file_sha256=case.pk.hex * 2, pixel_sha256=case.pk.hex * 2, width=64, height=64, bits=8,
    source_format="PNG") for case in cases])
"""
COPY = """
import json
from diagnostics.cases.models import Case
copies = Case.objects.filter(copy_of__isnull=False)
print(json.dumps([str(case.pk) for case in copies]))
"""


@pytest.fixture
def stack(small_bundle: Path) -> Iterator[Stack]:
    with readroom_stack("production", bundle=small_bundle) as stack:
        yield stack


def test_a_gold_case_is_served_read_and_counted(stack: Stack) -> None:
    stack.shell(FILL % radiograph_png(5).hex())
    reader, colleague, administrator = map(stack.visitor, ("radiologist", "colleague", "admin"))
    read: list[str] = []
    page = reader.post("/review/next/")
    while (case := re.search(r"/review/([0-9a-f-]{36})/", page.url)) and len(read) <= RADIOGRAPHS:
        read.append(case[1])
        answer = {"finding": "covid-19", "confidence": "sure", "note": "", "then": "next"}
        page = reader.post(f"/review/{case[1]}/sign/", answer)
        assert page.status == 200, page.text
    (copy,) = json.loads(stack.shell(COPY))
    assert copy in read
    script = stack.script("radiologist")
    case_url = f"/api/v1/cases/{copy}/"
    wait_until(lambda: script.get(case_url).json()["status"] == "done", seconds=120, what=stack.tail())
    answered = script.get(case_url).json()
    assert reader.get(f"/cases/{copy}/radiograph.png").status == 200
    assert reader.get(answered["prediction"]["heatmap_url"]).status == 200
    assert colleague.get(f"/cases/{copy}/").status == 404
    assert administrator.get(f"/cases/{copy}/").status == 404
    measured = re.sub(r"\s+", " ", administrator.get("/review/readers/").text)
    assert '<th scope="row">radiologist</th><td class="rr-num">1 / 1</td>' in measured
