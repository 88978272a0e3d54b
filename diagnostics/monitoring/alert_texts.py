"""Alerts as texts: for the page, the API and e-mails. None names a case."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _

from diagnostics.monitoring.measures import Measure
from diagnostics.monitoring.models import Alert
from diagnostics.monitoring.policy import Rule

MINUTE: Final = 60  # seconds


def title(alert: Alert) -> str:
    """Return what an alert is about."""
    label = str(Rule(alert.rule).label)
    return f"{label}: {Measure(alert.subject).label}" if alert.subject else label


def sentence(alert: Alert) -> str:
    """Return what was measured and its limit."""
    values = {"value": _number(alert, alert.value), "limit": _number(alert, alert.limit)}
    values |= {"n": str(alert.cases), "window": _window(alert.hours)}
    texts = {
        Rule.INPUT_DRIFT: _("PSI %(value)s, limit %(limit)s; n = %(n)s, %(window)s"),
        Rule.SCORE_DRIFT: _("PSI %(value)s, limit %(limit)s; n = %(n)s, %(window)s"),
        Rule.WAITING: _("95th percentile %(value)s, limit %(limit)s; n = %(n)s, %(window)s"),
        Rule.AGREEMENT: _("%(value)s, lower bound on the test set %(limit)s; n = %(n)s, %(window)s"),
        Rule.SENSITIVITY: _("%(value)s, lower bound on the test set %(limit)s; n = %(n)s, %(window)s"),
    }
    return texts.get(Rule(alert.rule), _("%(value)s, limit %(limit)s; n = %(n)s, %(window)s")) % values


def advice(alert: Alert) -> str:
    """Return what to do about an alert."""
    texts = {
        Rule.INPUT_DRIFT: _("Compare recent radiographs with older ones: inverted greys, a new device?"),
        Rule.SCORE_DRIFT: _("Compare the case mix, then the readings with the AI results."),
        Rule.STOPPED: _("Open the cases without an AI result; check the export of the device."),
        Rule.FAILED: _("Open the failed cases and the status page."),
        Rule.DISTANT: _("Compare recent radiographs with the training data of the version."),
        Rule.WAITING: _("Check the workers on the status page."),
        Rule.AGREEMENT: _("Review the disagreements, and roll back if the AI results are wrong."),
        Rule.SENSITIVITY: _("Review the missed cases, and roll back if the AI results are wrong."),
    }
    return texts[Rule(alert.rule)]


def mail_text(alert: Alert) -> str:
    """Return whether the e-mail was sent; empty where none is sent."""
    if alert.mailed_at:
        return _("E-mail sent %(at)s") % {"at": _at(alert.mailed_at)}
    if alert.mail_error:
        text = _("E-mail not sent after %(n)d attempts: %(error)s")
        return text % {"n": alert.mail_attempts, "error": alert.mail_error}
    return ""


def mail_subject(alert: Alert) -> str:
    """Return the subject of the e-mail, one line."""
    subject = _("Readroom, %(site)s: %(title)s") % {"site": alert.site.name, "title": title(alert)}
    return " ".join(subject.split())


def mail_body(alert: Alert) -> str:
    """Return the text of the e-mail."""
    lines = (
        f"{title(alert)}: {sentence(alert)}",
        _("Site: %(site)s") % {"site": alert.site.name},
        _("Model version: %(version)s") % {"version": alert.version} if alert.version else "",
        _("Opened: %(at)s") % {"at": _at(alert.opened_at)},
        advice(alert),
        _("Acknowledge it on the page Monitoring of Readroom."),
    )
    return "\n".join(filter(None, lines)) + "\n"


def _number(alert: Alert, value: float) -> str:
    if alert.rule == Rule.WAITING:
        return _("%(n).1f min") % {"n": value / MINUTE}
    return f"{value:.2f}"


def _window(hours: int) -> str:
    if hours == 1:
        return _("last hour")
    if hours <= 24:
        return _("last %(n)d hours") % {"n": hours}
    return _("last %(n)d days") % {"n": hours // 24}


def _at(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
