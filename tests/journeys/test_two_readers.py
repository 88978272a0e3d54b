"""Two readers at their browsers press Next until nothing is left: no radiograph is ever in two hands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.stack import DEMO_PASSWORD, Broker, Stack, readroom_stack
from tests.visitor import Visitor

pytestmark = pytest.mark.stack

RADIOGRAPHS = 200
FILL = f"""
from django.utils import timezone
from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case, Radiograph
site, first = Site.objects.get(is_default=True), User.objects.get(username="radiologist")
User.objects.create_user("colleague", password="{DEMO_PASSWORD}", role="radiologist").sites.set([site])
now = timezone.now()
cases = [Case(site=site, patient_ref=f"P-{{n}}", accession_number=f"A-{{n}}", opened_by=first, opened_at=now)
    for n in range({RADIOGRAPHS})]
Case.objects.bulk_create(cases)
Radiograph.objects.bulk_create([Radiograph(case=case, site=site, original="", display="",
    file_sha256=case.pk.hex * 2, pixel_sha256=case.pk.hex * 2, width=64, height=64, bits=8,
    source_format="PNG") for case in cases])
"""
READ = """
import json
from diagnostics.review.models import Claim, Reading
print(json.dumps({"cases": Reading.objects.values("case").distinct().count(),
    "readings": Reading.objects.count(), "claims": Claim.objects.count(),
    "held": Claim.objects.filter(ended_at=None).count()}))
"""


@pytest.fixture(params=["embedded", "production"])
def stack(request: pytest.FixtureRequest, small_bundle: Path) -> Iterator[Stack]:
    broker: Broker = request.param
    with readroom_stack(broker, bundle=small_bundle) as stack:
        yield stack


def read_all(reader: Visitor) -> list[str]:
    """Press Next and sign until the worklist says that nothing waits; give the cases in hand on the way."""
    held: list[str] = []
    page = reader.post("/review/next/")
    while case := re.search(r"/review/([0-9a-f-]{36})/", page.url):
        held.append(case[1])
        answer = {"finding": "normal", "confidence": "sure", "note": "", "then": "next"}
        page = reader.post(f"/review/{case[1]}/sign/", answer)
        assert page.status == 200, page.text
    return held


def test_two_readers_who_race_for_200_radiographs_never_share_one(stack: Stack) -> None:
    stack.shell(FILL)
    readers = [stack.visitor(name) for name in ("radiologist", "colleague")]
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(read_all, readers)
    assert len(one) + len(other) == RADIOGRAPHS
    assert len({*one, *other}) == RADIOGRAPHS
    assert min(len(one), len(other)) > RADIOGRAPHS / 10, "one reader got nearly everything: that was no race"
    kept = json.loads(stack.shell(READ))
    assert kept == {"cases": RADIOGRAPHS, "readings": RADIOGRAPHS, "claims": RADIOGRAPHS, "held": 0}
