"""The sessions of the own account."""

from __future__ import annotations

from datetime import datetime

from django.contrib.sessions.models import Session
from django.db import transaction

from diagnostics.accounts import selectors
from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action


@transaction.atomic
def end_other_sessions(*, by: User, current: str | None, now: datetime) -> int:
    """End all sessions of a user but the one with the key `current`; return how many ended."""
    others = [each.key for each in selectors.sessions_of(by, now=now) if each.key != current]
    Session.objects.filter(session_key__in=others).delete()
    if others:
        detail = {"sessions": len(others)}
        audit.record(action=Action.SESSIONS_ENDED, by=by, detail=detail, now=now)
    return len(others)
