"""Raising, renewing, acknowledging and closing alerts."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.monitoring.errors.alerts import AlreadyAcknowledged
from diagnostics.monitoring.models import Alert
from diagnostics.monitoring.policy import CLOSE_AFTER
from diagnostics.monitoring.selectors.breaches import Breach, breaches


def check_sites(*, now: datetime) -> None:
    """Raise or renew the alerts of every site, and close those whose condition has not been met for a day."""
    for site in Site.objects.all():
        for breach in breaches(site, now=now):
            _raise_or_renew(site, breach, now=now)
    for alert in Alert.objects.filter(closed_at=None, last_met_at__lte=now - CLOSE_AFTER):
        _close(alert, now=now)


@transaction.atomic
def acknowledge(*, alert: Alert, by: User, now: datetime) -> Alert:
    """Record who has seen an alert; raises NotAllowed or AlreadyAcknowledged."""
    require(by, Permission.MONITOR)
    fresh = Alert.objects.filter(pk=alert.pk, acknowledged_at=None)
    if not fresh.update(acknowledged_at=now, acknowledged_by=by):
        raise AlreadyAcknowledged(_("This alert was acknowledged before. Reload the page to see by whom."))
    audit.record(action=Action.ALERT_ACKNOWLEDGED, by=by, target=alert, detail=_detail(alert), now=now)
    alert.refresh_from_db()
    return alert


def _raise_or_renew(site: Site, breach: Breach, *, now: datetime) -> None:
    measured = {
        "version_id": breach.version,
        "value": breach.value,
        "limit": breach.limit,
        "cases": breach.cases,
        "hours": round(breach.window.total_seconds() / 3600),
        "last_met_at": now,
    }
    same = Alert.objects.filter(site=site, rule=breach.rule, subject=breach.subject, closed_at=None)
    if same.update(**measured):
        return
    try:
        with transaction.atomic():
            alert = Alert.objects.create(
                site=site, rule=breach.rule, subject=breach.subject, opened_at=now, **measured
            )
            audit.record(action=Action.ALERT_RAISED, by=None, target=alert, detail=_detail(alert), now=now)
    except IntegrityError:
        return  # another task has raised it meanwhile


@transaction.atomic
def _close(alert: Alert, *, now: datetime) -> None:
    if Alert.objects.filter(pk=alert.pk, closed_at=None).update(closed_at=now):
        audit.record(action=Action.ALERT_CLOSED, by=None, target=alert, detail=_detail(alert), now=now)


def _detail(alert: Alert) -> dict[str, str]:
    return {"rule": alert.rule} | ({"subject": alert.subject} if alert.subject else {})
