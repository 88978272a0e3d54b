"""Alerts: when they open, renew and close, who acknowledges them, and whom they reach."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.errors import NotAllowed
from diagnostics.jobs.models import JobStatus
from diagnostics.monitoring import policy
from diagnostics.monitoring.errors.alerts import AlreadyAcknowledged
from diagnostics.monitoring.models import Alert
from diagnostics.monitoring.policy import Rule, State
from diagnostics.monitoring.selectors.alerts import alerts_raised_since, alerts_visible_to
from diagnostics.monitoring.services import alerts, watch
from diagnostics.registry.models import ModelVersion
from diagnostics.review.services import readings
from tests.conftest import create_user
from tests.monitoring.conftest import Store

MakeAlert = Callable[..., Alert]


@pytest.fixture
def make_alert(site: Site, now: datetime) -> MakeAlert:
    def make(**changes: object) -> Alert:
        values = {"site": site, "rule": Rule.STOPPED, "value": 0.9, "limit": 0.1, "cases": 40, "hours": 1}
        return Alert.objects.create(**values | {"opened_at": now, "last_met_at": now} | changes)

    return make


class RefusingMailServer(EmailBackend):
    """A mail server that accepts nothing."""

    def send_messages(self, email_messages: object) -> int:
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")


def test_failures_raise_one_alert_that_is_renewed_and_closed_a_day_after_the_last(
    store: Store, now: datetime
) -> None:
    for seed in range(40):
        store(seed, status=JobStatus.FAILED, failure_code="model_damaged", version=None)
    watch.watch(now=now + timedelta(minutes=5))
    watch.watch(now=now + timedelta(minutes=10))

    alert = Alert.objects.get()
    assert (alert.rule, alert.value, alert.cases, alert.hours) == (Rule.FAILED, 1.0, 40, 1)
    assert (alert.opened_at, alert.closed_at) == (now + timedelta(minutes=5), None)
    assert alert.last_met_at == now + timedelta(minutes=10)

    watch.watch(now=now + timedelta(hours=60))
    alert.refresh_from_db()
    assert alert.closed_at == now + timedelta(hours=60)
    actions = AuditEvent.objects.filter(target_id=str(alert.pk)).order_by("pk")
    assert [event.action for event in actions] == [Action.ALERT_RAISED, Action.ALERT_CLOSED]


def test_fewer_than_thirty_cases_raise_nothing(store: Store, now: datetime) -> None:
    for seed in range(29):
        store(seed, status=JobStatus.FAILED, failure_code="model_damaged", version=None)

    watch.watch(now=now + timedelta(minutes=5))

    assert not Alert.objects.exists()


def test_slow_results_raise_an_alert_with_their_percentile(store: Store, now: datetime) -> None:
    for seed in range(30):
        store(seed, queued_at=now - timedelta(minutes=20), started_at=now)

    watch.watch(now=now + timedelta(minutes=5))

    alert = Alert.objects.get()
    assert (alert.rule, alert.limit) == (Rule.WAITING, 600)
    assert alert.value == pytest.approx(1200, rel=10 ** (1 / 20) - 1)  # within a bin


def test_readers_who_contradict_the_evaluated_version_raise_an_alert(
    store: Store, version: ModelVersion, radiologist: User, now: datetime
) -> None:
    accuracy = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 200}
    version.manifest = {"metrics": {"test": {"accuracy": accuracy, "per_class": {}}}}
    version.save()
    for seed in range(30):
        finding = "normal" if seed < 15 else "pneumonia"
        case: Case = store(seed, finding="normal").case
        readings.sign_reading(case=case, by=radiologist, finding=finding, now=now)

    watch.watch(now=now + timedelta(minutes=5))

    alert = Alert.objects.get()
    assert (alert.rule, alert.value, alert.limit, alert.cases) == (Rule.AGREEMENT, 0.5, 0.8, 30)


@pytest.mark.parametrize(
    ("count", "of", "state"),
    [(29, 29, "too-few"), (3, 30, "good"), (4, 30, "watch"), (20, 30, "beyond")],
)
def test_the_whole_interval_of_a_share_must_be_beyond_its_limit(count: int, of: int, state: str) -> None:
    # Wilson's lower bounds: 4 of 30 0.053, 20 of 30 0.488.
    assert policy.share_state(count, of, 0.1) == State(state)


@pytest.mark.parametrize(("count", "state"), [(27, "good"), (22, "watch"), (15, "beyond")])
def test_the_whole_interval_must_be_below_the_floor(count: int, state: str) -> None:
    # Wilson's upper bounds: 22 of 30 0.858, 15 of 30 0.669.
    assert policy.floor_state(count, 30, 0.8) == State(state)
    assert policy.floor_state(count, 30, None) == State.TOO_FEW


def test_an_alert_is_sent_once_to_all_addresses(
    make_alert: MakeAlert, settings: Settings, now: datetime
) -> None:
    settings.ALERT_EMAILS = ["a@example.org", "b@example.org"]
    make_alert()

    watch.watch(now=now)
    watch.watch(now=now + timedelta(hours=1))

    assert [message.to for message in mail.outbox] == [["a@example.org", "b@example.org"]]
    assert mail.outbox[0].subject == "Readroom, North: Stopped at the quality gate"
    assert "0.90, limit 0.10; n = 40, last hour" in mail.outbox[0].body
    assert Alert.objects.get().mailed_at == now


def test_an_email_that_is_refused_is_retried_and_the_page_says_so(
    make_alert: MakeAlert, administrator: User, client: Client, settings: Settings, now: datetime
) -> None:
    settings.ALERT_EMAILS = ["a@example.org"]
    settings.EMAIL_BACKEND = f"{__name__}.RefusingMailServer"
    make_alert()

    watch.watch(now=now)
    watch.watch(now=now + timedelta(minutes=4))  # not due
    watch.watch(now=now + timedelta(minutes=5))

    alert = Alert.objects.get()
    assert (alert.mail_attempts, alert.mailed_at) == (2, None)
    assert alert.mail_due_at == now + timedelta(minutes=15)
    client.force_login(administrator)
    assert "E-mail not sent after 2 attempts: SMTPServerDisconnected" in client.get("/monitoring/").text

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    watch.watch(now=now + timedelta(minutes=15))
    alert.refresh_from_db()
    assert (alert.mailed_at, alert.mail_error) == (now + timedelta(minutes=15), "")


def test_an_alert_is_acknowledged_once_with_name_and_audit(
    make_alert: MakeAlert, administrator: User, radiologist: User, now: datetime
) -> None:
    alert = make_alert()

    acknowledged = alerts.acknowledge(alert=alert, by=administrator, now=now)

    assert (acknowledged.acknowledged_by, acknowledged.acknowledged_at) == (administrator, now)
    event = AuditEvent.objects.get(action=Action.ALERT_ACKNOWLEDGED)
    assert (event.by, event.target_id, event.detail) == (administrator, str(alert.pk), {"rule": "stopped"})
    with pytest.raises(AlreadyAcknowledged):
        alerts.acknowledge(alert=alert, by=administrator, now=now)
    with pytest.raises(NotAllowed):
        alerts.acknowledge(alert=make_alert(rule=Rule.FAILED), by=radiologist, now=now)


def test_alerts_of_another_site_are_invisible(
    make_alert: MakeAlert, other_site: Site, administrator: User, radiologist: User
) -> None:
    make_alert(site=other_site)
    own = make_alert()

    assert list(alerts_visible_to(administrator)) == [own]
    assert not alerts_visible_to(radiologist)
    assert len(alerts_visible_to(create_user("both", Role.ADMINISTRATOR, own.site, other_site))) == 2


def test_webhooks_read_the_alerts_since_the_last_one_in_order(make_alert: MakeAlert, now: datetime) -> None:
    first = make_alert()
    same_time = sorted(
        (make_alert(rule=rule, opened_at=now + timedelta(1)) for rule in ("failed", "waiting")),
        key=lambda each: each.pk,
    )

    assert list(alerts_raised_since(now)) == [first, *same_time]
    assert list(alerts_raised_since(now + timedelta(1), after=same_time[0].pk)) == [same_time[1]]
    assert not alerts_raised_since(now + timedelta(1), after=same_time[1].pk)
