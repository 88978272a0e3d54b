"""The metrics page: who may read it, what it counts, and that it names no patient."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from diagnostics.accounts.models import User
from diagnostics.cases.errors import UnusableRadiograph
from diagnostics.cases.models import Prediction
from diagnostics.cases.services import admission
from diagnostics.jobs.models import Heartbeat, JobStatus
from diagnostics.registry.models import ModelVersion
from tests.conftest import ROOT
from tests.radiographs import radiograph_png

TOKEN = "a-token-of-a-test"
DASHBOARD = ROOT / "docs" / "deployment" / "grafana" / "readroom.json"
ALERTS = ROOT / "docs" / "deployment" / "prometheus" / "alerts.yml"
NAME = re.compile(r"\breadroom_[a-z0-9_]+")

SUFFIXES = {"gauge": [""], "counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def scrape(client: Client, db: None, settings: Any) -> Any:
    """Return a function that reads the metrics: (name, sorted labels) -> value."""
    settings.METRICS_TOKEN = TOKEN

    def read() -> Samples:
        cache.clear()
        return dict(_samples(page_of(client)))

    return read


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer another-token", f"Token {TOKEN}", TOKEN])
def test_without_the_token_the_page_does_not_exist(
    client: Client, db: None, settings: Any, authorization: str
) -> None:
    settings.METRICS_TOKEN = TOKEN

    assert client.get("/metrics", headers={"Authorization": authorization}).status_code == 404


@pytest.mark.parametrize("authorization", ["", "Bearer "])
def test_without_a_configured_token_no_request_may_read_it(
    client: Client, db: None, authorization: str
) -> None:
    assert client.get("/metrics", headers={"Authorization": authorization}).status_code == 404


@pytest.mark.parametrize(("address", "status"), [("10.1.2.3", 200), ("10.2.0.1", 404), ("", 404)])
def test_a_permitted_network_needs_no_token(
    client: Client, db: None, settings: Any, address: str, status: int
) -> None:
    settings.METRICS_NETWORKS = [ipaddress.ip_network("10.1.0.0/16")]

    assert client.get("/metrics", REMOTE_ADDR=address).status_code == status


def test_prometheus_is_not_redirected_to_https(client: Client, scrape: Any, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert scrape()


def test_requests_are_counted_by_view_and_status(client: Client, scrape: Any) -> None:
    labels = {"view": "accounts:login", "method": "GET", "status": "200"}
    before = scrape()

    for _ in range(3):
        client.get("/accounts/login/?next=/cases/")

    after = scrape()
    assert (
        value(after, "readroom_requests_total", labels) - value(before, "readroom_requests_total", labels)
        == 3
    )
    timed = {"view": "accounts:login", "method": "GET"}
    name = "readroom_request_seconds_count"
    assert value(after, name, timed) - value(before, name, timed) == 3


def test_paths_and_methods_of_a_client_add_no_label(client: Client, scrape: Any) -> None:
    client.get("/no-such-page-CANARY/")
    client.generic("CANARY", "/accounts/login/")

    samples = scrape()

    assert not [labels for _, labels in samples if "CANARY" in str(labels)]
    assert (
        value(samples, "readroom_requests_total", {"view": "unresolved", "method": "GET", "status": "404"})
        >= 1
    )
    assert any(("method", "other") in labels for _, labels in samples)


def test_jobs_are_counted_by_type_status_code_and_attempts(
    scrape: Any, technician: User, now: datetime
) -> None:
    real_now = timezone.now()
    running = prediction_of(technician, 1, now)
    running.status, running.lease_until = JobStatus.RUNNING, real_now - timedelta(minutes=1)
    running.save()
    queued = prediction_of(technician, 2, now)
    queued.queued_at = real_now - timedelta(hours=2)
    queued.save()
    failed = prediction_of(technician, 3, now)
    failed.status, failed.failure_code, failed.attempts = JobStatus.FAILED, "worker_lost", 3
    failed.save()

    samples = scrape()

    of_type = {"job_type": "cases.prediction"}
    statuses = {
        status: value(samples, "readroom_jobs", of_type | {"status": status})
        for status in ("queued", "running", "done", "failed")
    }
    assert statuses == {"queued": 1, "running": 1, "done": 0, "failed": 1}
    assert value(samples, "readroom_failed_jobs", of_type | {"code": "worker_lost"}) == 1
    assert value(samples, "readroom_job_attempts", of_type | {"attempts": "3"}) == 1
    assert value(samples, "readroom_jobs_without_heartbeat", of_type) == 1
    age = value(samples, "readroom_oldest_queued_job_seconds", of_type)
    assert 7200 <= age < 7200 + 600


def test_the_age_of_the_last_heartbeat_is_given_by_process_and_host(scrape: Any) -> None:
    real_now = timezone.now()
    Heartbeat.objects.create(name="scheduler", host="north", at=real_now - timedelta(seconds=120))
    Heartbeat.objects.create(name="scheduler", host="", requested_at=real_now)  # a request, no heartbeat

    samples = scrape()

    ages = {
        labels: age for (name, labels), age in samples.items() if name == "readroom_heartbeat_age_seconds"
    }
    ((labels, age),) = ages.items()
    assert dict(labels) == {"process": "scheduler", "host": "north"}
    assert 120 <= age < 120 + 600


def test_predictions_are_counted_by_version(scrape: Any, technician: User, now: datetime) -> None:
    for number, cases in ((4, 2), (7, 1)):
        version = ModelVersion.objects.create(
            number=number,
            bundle=f"v{number}",
            weights_sha256=f"{number}" * 64,
            manifest={},
            registered_at=now,
        )
        for seed in range(cases):
            prediction = prediction_of(technician, number * 10 + seed, now)
            prediction.status, prediction.version = JobStatus.DONE, version
            prediction.save()

    samples = scrape()

    assert value(samples, "readroom_predictions", {"version": "4"}) == 2
    assert value(samples, "readroom_predictions", {"version": "7"}) == 1


def test_a_refused_upload_is_counted_by_its_code(scrape: Any, technician: User, now: datetime) -> None:
    before = scrape()

    with pytest.raises(UnusableRadiograph):
        admission.open_case(radiograph=b"no image", patient_ref="CANARY-1", by=technician, now=now)

    name, labels = "readroom_refused_radiographs_total", {"code": "unknown_format"}
    assert value(scrape(), name, labels) - value(before, name, labels) == 1


def test_the_page_names_no_patient_and_no_user(scrape: Any, technician: User, now: datetime) -> None:
    prediction_of(technician, 5, now)

    assert not [labels for _, labels in scrape() if "CANARY" in str(labels) or "technician" in str(labels)]


def test_a_second_scrape_within_seconds_queries_no_table(client: Client, scrape: Any) -> None:
    scrape()

    with CaptureQueriesContext(connection) as queries:
        client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})

    assert not [query["sql"] for query in queries if "cases_prediction" in query["sql"]]


def test_without_a_database_the_page_says_so(client: Client, scrape: Any) -> None:
    def is_down(*_: Any) -> None:
        raise OperationalError("the connection was closed")

    with connection.execute_wrapper(is_down):
        samples = dict(_samples(page_of(client)))

    assert value(samples, "readroom_database_up", {}) == 0
    assert value(samples, "readroom_home_free_bytes", {}) > 0


def test_every_query_of_the_dashboard_names_an_existing_metric(client: Client, scrape: Any) -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(queries) >= 10

    assert names_in(queries) <= exported_names(page_of(client))


def test_every_alert_names_an_existing_metric(client: Client, scrape: Any) -> None:
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    assert len(rules) >= 5

    assert all({"alert", "expr", "for", "labels", "annotations"} <= set(rule) for rule in rules)
    assert names_in([rule["expr"] for rule in rules]) <= exported_names(page_of(client))


def prediction_of(technician: User, seed: int, now: datetime) -> Prediction:
    case = admission.open_case(
        radiograph=radiograph_png(seed), patient_ref=f"CANARY-{seed}", by=technician, now=now
    ).case
    return Prediction.objects.get(case=case)


def page_of(client: Client) -> str:
    return client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()


def value(samples: Samples, name: str, labels: dict[str, str]) -> float:
    return samples.get((name, tuple(sorted(labels.items()))), 0.0)


def names_in(queries: list[str]) -> set[str]:
    return {name for query in queries for name in NAME.findall(query)}


def exported_names(page: str) -> set[str]:
    """Return the sample names of the page, and those that it will have with the first event of their kind."""
    families = [*text_string_to_metric_families(page), *REGISTRY.collect()]
    return {f"{family.name}{suffix}" for family in families for suffix in SUFFIXES[family.type]}


def _samples(text: str) -> Iterator[tuple[tuple[str, tuple[tuple[str, str], ...]], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield (sample.name, tuple(sorted(sample.labels.items()))), sample.value
