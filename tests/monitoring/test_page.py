"""The page and the API of monitoring: what they show, to whom, and what they cost."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.monitoring.models import Alert
from diagnostics.monitoring.policy import REFERENCE_CASES
from diagnostics.monitoring.services import watch
from diagnostics.registry.models import ModelVersion, Promotion
from tests.conftest import create_user
from tests.monitoring.conftest import Store, measures_of


def page(client: Client, user: User, query: str = "") -> str:
    client.force_login(user)
    return re.sub(r"\s+", " ", client.get(f"/monitoring/{query}").text)


@pytest.fixture
def drifted(store: Store) -> datetime:
    """Store a reference of last week and 100 inverted radiographs of today; return when that was."""
    now = timezone.now()
    for seed in range(REFERENCE_CASES):
        store(seed, at=now - timedelta(days=12, minutes=seed))
    for seed in range(1000, 1100):
        store(seed, at=now - timedelta(seconds=seed - 1000), input_measures=measures_of(seed, inverted=True))
    watch.watch(now=now)
    return now


def test_an_empty_installation_says_what_is_missing(client: Client, administrator: User) -> None:
    text = page(client, administrator)

    assert "No open alert" in text
    assert "no reference yet" in text
    assert "None in this range" in text
    assert "within its limit" not in text


def test_the_page_shows_alerts_drift_and_its_reference(
    client: Client, administrator: User, drifted: datetime
) -> None:
    text = page(client, administrator, "?days=7")

    assert "Input drift: Corners minus spine" in text
    assert re.search(r"PSI \d+\.\d\d, limit 0.25; n = 100, last hour", text)
    assert f"the first {REFERENCE_CASES} AI results of v1 there" in text
    # Of the measures the score is unchanged, and the corners are beyond their limit.
    row = re.search(r'<th scope="row">Corners minus spine</th>(.*?)</tr>', text)
    assert row
    assert "beyond its limit" in row[1]
    assert ">100<" in row[1]


def test_fewer_than_thirty_are_too_few_and_never_good(
    client: Client, administrator: User, store: Store
) -> None:
    for seed in range(29):
        store(seed, at=timezone.now())
    watch.watch(now=timezone.now())

    text = page(client, administrator)

    assert "too few" in text
    assert "within its limit" not in text
    assert "rr-tone-good" not in text
    assert (
        "rr-tone-good" not in re.sub(r".*tile-monitoring", "", client.get("/").text.replace("\n", ""))[:2000]
    )


def test_an_alert_is_acknowledged_from_the_page(
    client: Client, administrator: User, drifted: datetime
) -> None:
    alert = Alert.objects.latest("opened_at")
    client.force_login(administrator)

    client.post(f"/monitoring/alerts/{alert.pk}/acknowledge/")

    assert "acknowledged by administrator" in page(client, administrator)
    assert client.post(f"/monitoring/alerts/{alert.pk}/acknowledge/").status_code == 409


def test_the_queries_do_not_grow_with_the_cases(
    client: Client,
    administrator: User,
    store: Store,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client.force_login(administrator)
    for seed in range(2):
        store(seed, at=timezone.now())
    watch.watch(now=timezone.now())
    client.get("/monitoring/")

    with django_assert_num_queries(13):
        client.get("/monitoring/")
    for seed in range(2, 60):
        store(seed, at=timezone.now() - timedelta(days=seed % 9), view="AP" if seed % 2 else "PA")
    watch.watch(now=timezone.now())
    with django_assert_num_queries(13):
        client.get("/monitoring/")


def test_a_new_version_uses_the_image_reference_of_the_earlier_one(
    client: Client, administrator: User, drifted: datetime, version: ModelVersion
) -> None:
    Promotion.objects.filter(active=True).update(active=False, until=drifted)
    newer = ModelVersion.objects.create(
        number=2, bundle="v2", weights_sha256="", manifest={}, registered_at=drifted
    )
    Promotion.objects.create(version=newer, reason="For a test.", since=drifted)

    text = page(client, administrator)

    assert "for the measures of images the first 200 AI results of v1 there" in text


def test_the_api_reports_the_same_figures_and_lists_alerts(
    client: Client, administrator: User, drifted: datetime
) -> None:
    client.force_login(administrator)

    body = client.get("/api/v1/monitoring/?days=7").json()
    listed = client.get("/api/v1/monitoring/alerts/").json()["results"]

    by_measure = {each["measure"]: each for each in body["drift"]}
    corners = by_measure["corner_excess"]
    assert (corners["state"], corners["n"], corners["reference_n"]) == ("beyond", 100, REFERENCE_CASES)
    assert corners["psi"] > 0.25
    assert corners["ks_interval"][0] <= corners["ks"] <= corners["ks_interval"][1]
    assert by_measure["score"]["state"] in ("good", "inconclusive")  # drawn from the same distribution
    assert body["counts"]["done"] == 100
    assert {each["dimension"] for each in body["strata"]} == {"view", "sex", "age", "device"}
    assert body["rolling"][-1]["agreement"] == {"count": 0, "n": 0, "value": None, "low": None, "high": None}
    assert {each["subject"] for each in listed} >= {"corner_excess"}
    assert client.get("/api/v1/monitoring/?days=8").status_code == 400

    url = f"/api/v1/monitoring/alerts/{listed[0]['id']}/acknowledge/"
    assert client.post(url).json()["acknowledged_by"] == "administrator"
    assert client.post(url).json()["code"] == "already_acknowledged"


def test_another_site_sees_none_of_the_figures(client: Client, other_site: Site, drifted: datetime) -> None:
    client.force_login(create_user("elsewhere", Role.ADMINISTRATOR, other_site))

    body = client.get("/api/v1/monitoring/").json()

    assert body["counts"] == {}
    assert {each["state"] for each in body["drift"]} == {"too-few"}
    assert client.get("/api/v1/monitoring/alerts/").json()["results"] == []
