"""Readers see nothing of a shadow run: every page and response is the same, in as many queries."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.monitoring.models import ShadowPrediction
from diagnostics.monitoring.services import shadow
from diagnostics.registry.models import ModelVersion
from diagnostics.review.models import Reading
from diagnostics.review.services.consensus import update_consensus
from tests.cases.conftest import Login
from tests.monitoring.conftest import Classified
from tests.monitoring.shadow import score, scores

CHANGING = re.compile(r'csrfmiddlewaretoken" value="[^"]*"|"X-CSRFToken": "[^"]*"')
OF_A_CASE = (
    *("cases:case", "cases:state", "review:case", "review:prefetch", "reports:page"),
    *("api-case", "api-readings"),
)
LISTS = (
    "home",
    "cases:list",
    "cases:rows",
    "review:view-counts",
    "api-case-list",
    "registry:versions",
    "api-versions",
)


@pytest.fixture
def cases(classified: Classified, radiologist: User, now: datetime) -> list[Case]:
    """Return a final case and an open one, which the radiologist has claimed."""
    final, unread = classified(0.7).case, classified(0.6).case
    Reading.objects.create(case=final, by=radiologist, finding="normal", signed_at=now)
    update_consensus(final, now)
    return [final, unread]


def urls(cases: list[Case], version: ModelVersion) -> list[str]:
    own = [reverse(name, args=[case.pk]) for name in OF_A_CASE for case in cases]
    versions = [reverse(name, args=[version.pk]) for name in ("registry:version", "api-version")]
    return [*own, *versions, *map(reverse, LISTS)]


def seen(client: Client, addresses: list[str]) -> dict[str, tuple[int, str, int]]:
    """Return status, content and number of queries of each address."""
    found = {}
    for address in addresses:
        client.get(address)  # the first view is recorded
        with CaptureQueriesContext(connection) as queries:
            response = client.get(address)
        content = CHANGING.sub("", response.content.decode())
        found[address] = (response.status_code, content, len(queries))
    return found


@pytest.mark.parametrize("by_token", [False, True])
def test_nothing_that_a_radiologist_sees_changes_with_a_shadow_run(
    by_token: bool,
    cases: list[Case],
    candidate: ModelVersion,
    radiologist: User,
    administrator: User,
    api_client: Login,
    client: Client,
    now: datetime,
) -> None:
    client.force_login(radiologist)
    reader = api_client(radiologist) if by_token else client
    addresses = urls(cases, candidate)
    before = seen(reader, addresses)

    run = shadow.start(version=candidate, by=administrator, now=now)
    for case in cases:
        score(run, case.predictions.get(), scores(0.123))
    after = seen(reader, addresses)

    assert ShadowPrediction.objects.count() == len(cases)
    assert {status for status, _content, _queries in after.values()} >= {200}
    assert after == before


@pytest.mark.parametrize("role", ["radiologist", "technician"])
def test_no_address_of_a_run_is_open_to_readers(
    role: str, candidate: ModelVersion, api_client: Login, request: pytest.FixtureRequest
) -> None:
    user = request.getfixturevalue(role)
    session = Client()
    session.force_login(user)
    for name in ("monitoring:shadow", "api-version-shadow"):
        for client in (session, api_client(user)):
            assert client.get(reverse(name, args=[candidate.pk])).status_code in (302, 403), name
