"""Two readers claim the next case until none is left: no case is ever claimed by both."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.http_client import HttpClient
from tests.stack import Stack

pytestmark = pytest.mark.stack

RADIOGRAPHS = 200
FILL = """
from django.utils import timezone
from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case, Radiograph
site, technician = Site.objects.get(name="{site.name}"), User.objects.get(username="{site.technician}")
now = timezone.now()
cases = [
    Case(site=site, patient_ref=f"P-{{n}}", accession_number=f"A-{{n}}", opened_by=technician, opened_at=now)
    for n in range({count})]
Case.objects.bulk_create(cases)
Radiograph.objects.bulk_create([Radiograph(case=case, site=site, original="", display="",
    file_sha256=case.pk.hex * 2, pixel_sha256=case.pk.hex * 2, width=64, height=64, bits=8,
    source_format="PNG") for case in cases])
"""
READ = """
import json
from diagnostics.review.models import Claim, Reading
readings = Reading.objects.filter(case__site__name="{site.name}")
claims = Claim.objects.filter(case__site__name="{site.name}")
print(json.dumps({{"cases": readings.values("case").distinct().count(), "readings": readings.count(),
    "claims": claims.count(), "open": claims.filter(ended_at=None).count()}}))
"""


def read_all(reader: HttpClient) -> list[str]:
    """Claim and sign until the worklist is empty; return the cases that were claimed."""
    claimed: list[str] = []
    page = reader.post("/review/next/")
    while case := re.search(r"/review/([0-9a-f-]{36})/", page.url):
        claimed.append(case[1])
        reading = {"finding": "normal", "confidence": "sure", "note": "", "then": "next"}
        page = reader.post(f"/review/{case[1]}/sign/", reading)
        assert page.status == 200, page.text
    return claimed


def test_two_readers_who_race_for_200_radiographs_never_claim_the_same_one(stack: Stack) -> None:
    site = stack.site("race")
    stack.shell(FILL.format(site=site, count=RADIOGRAPHS))
    readers = [stack.session(name) for name in (site.radiologist, site.colleague)]
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(read_all, readers)
    assert len(one) + len(other) == RADIOGRAPHS
    assert len({*one, *other}) == RADIOGRAPHS
    assert min(len(one), len(other)) > RADIOGRAPHS / 10, "one reader claimed nearly all: that was no race"
    stored = json.loads(stack.shell(READ.format(site=site)))
    assert stored == {"cases": RADIOGRAPHS, "readings": RADIOGRAPHS, "claims": RADIOGRAPHS, "open": 0}
