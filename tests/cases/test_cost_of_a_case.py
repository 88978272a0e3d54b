"""What one case costs the services that all workers share: statements and S3 requests (docs/scale_out.md)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.jobs.lease import Clock
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.stores.options import S3Options
from tests.cases.conftest import SendRadiograph
from tests.cases.network import compute
from tests.cases.predictions import finish_prediction

WRITES = ("INSERT", "UPDATE", "DELETE")


@pytest.fixture
def options(settings: Settings, bucket: S3Options) -> S3Options:
    settings.S3 = bucket
    return bucket


@contextmanager
def requests(options: S3Options) -> Iterator[Counter[str]]:
    """Count the requests that are sent to the bucket."""
    from diagnostics.stores.on_s3 import s3_storage

    counted: Counter[str] = Counter()

    def count(request: Any, **others: Any) -> None:
        is_list = "list-type" in (query := parse_qs(urlsplit(request.url).query)) or "prefix" in query
        counted["LIST" if is_list else request.method] += 1

    events = s3_storage(options, os.getpid()).connection.meta.client.meta.events
    events.register("before-send.s3", count)
    yield counted
    events.unregister("before-send.s3", count)


def statements(captured: CaptureQueriesContext) -> Counter[str]:
    """Count statements by their first word."""
    return Counter(query["sql"].split()[0] for query in captured.captured_queries)


@pytest.mark.slow
def test_an_upload_puts_three_objects_and_inserts_four_rows(
    send_radiograph: SendRadiograph, version: ModelVersion, options: S3Options
) -> None:
    with requests(options) as sent, CaptureQueriesContext(connection) as captured:
        send_radiograph(1)

    assert sent == {"PUT": 3, "LIST": 1}
    counted = statements(captured)
    assert (counted["INSERT"], counted["UPDATE"], counted["DELETE"]) == (4, 0, 0)


@pytest.mark.network
@pytest.mark.usefixtures("storage_folders")
def test_a_prediction_gets_one_object_puts_two_and_writes_five_rows(
    send_radiograph: SendRadiograph, first: ModelVersion, clock: Clock, options: S3Options
) -> None:
    case = send_radiograph(2)

    with requests(options) as sent, CaptureQueriesContext(connection) as captured:
        prediction = compute(case, clock)

    assert prediction.status == JobStatus.DONE
    assert sent == {"GET": 1, "PUT": 2, "LIST": 1}
    assert sum(statements(captured)[word] for word in WRITES) <= 5


@pytest.mark.slow
def test_an_image_is_one_request(
    send_radiograph: SendRadiograph,
    version: ModelVersion,
    options: S3Options,
    client: Client,
    technician: User,
) -> None:
    case = send_radiograph(3)
    finish_prediction(case, version)
    client.force_login(technician)

    for page in ("radiograph", "overlay"):
        with requests(options) as sent:
            assert client.get(reverse(f"cases:{page}", args=[case.pk])).status_code == 200
        assert sent == {"GET": 1}, page
