"""E-mails about alerts: sent until the mail server accepts them; a failure is stored with the alert."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Q

from diagnostics.monitoring import alert_texts
from diagnostics.monitoring.models import Alert
from diagnostics.monitoring.policy import FIRST_RETRY, LONGEST_PAUSE

MOST_AT_ONCE: Final = 20
MAX_ERROR: Final = 200

logger = logging.getLogger(__name__)


def send_due(*, now: datetime) -> int:
    """Send the e-mails of open alerts that are due; return how many the mail server accepted."""
    if not settings.ALERT_EMAILS:
        return 0
    waiting = Alert.objects.filter(mailed_at=None, closed_at=None)
    due = waiting.filter(Q(mail_due_at=None) | Q(mail_due_at__lte=now)).select_related("site", "version")
    return sum(_send(alert, now=now) for alert in due.order_by("opened_at")[:MOST_AT_ONCE])


def _send(alert: Alert, *, now: datetime) -> bool:
    attempt = alert.mail_attempts + 1
    # One conditional update: only one of two tasks sends it, and a killed task is followed by an attempt.
    claimed = Alert.objects.filter(pk=alert.pk, mailed_at=None, mail_attempts=alert.mail_attempts).update(
        mail_attempts=attempt, mail_due_at=now + pause_after(attempt)
    )
    if not claimed:
        return False
    try:
        send_mail(alert_texts.mail_subject(alert), alert_texts.mail_body(alert), None, settings.ALERT_EMAILS)
    except (OSError, SMTPException) as error:
        logger.warning("the e-mail of alert %s was not accepted: %s", alert.pk, type(error).__name__)
        Alert.objects.filter(pk=alert.pk).update(mail_error=f"{type(error).__name__}: {error}"[:MAX_ERROR])
        return False
    Alert.objects.filter(pk=alert.pk).update(mailed_at=now, mail_error="", mail_due_at=None)
    return True


def pause_after(attempt: int) -> timedelta:
    """Return the pause after an attempt, each twice as long as the last."""
    return min(FIRST_RETRY * 2 ** min(attempt - 1, 10), LONGEST_PAUSE)
