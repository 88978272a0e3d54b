"""What lies on a reader's desk: the radiograph alone before the signature, the machine's answer after it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.cases.presenters import case as case_presenters
from diagnostics.cases.selectors import latest_done_prediction, latest_prediction
from diagnostics.cases.services.blinding import record_prediction_shown
from diagnostics.review.models import ConsensusStatus, Reading
from diagnostics.review.selectors import claims, readings, worklist
from diagnostics.review.services import undo_signature


def common(case: Case, by: User, now: datetime, *, beside: str = "") -> dict[str, Any]:
    """Gather what stands around the radiograph in either state; nothing of the machine's."""
    priors = list(readings.priors(case, by))
    today = worklist.today(by, now)
    return {
        "case": case,
        "number": case_presenters.short_number(case),
        "view": case.radiograph.get_view_display() if case.radiograph.view else "",
        "radiograph_url": reverse("cases:radiograph", args=[case.pk]),
        "priors": priors,
        "prior": next((prior for prior in priors if str(prior.pk) == beside), None),
        "today": today,
        "just_signed": undo_signature.undoable_reading(by, now),
        "worklist_count": today.waiting,
    }


def blind(case: Case, by: User, now: datetime) -> dict[str, Any]:
    """Add who holds the case, for how long, and what other readers leave to decide."""
    holder = claims.claim_on(case, now)
    mine = holder if holder and holder.by_id == by.pk else None
    standing = readings.consensus_status(case)
    return {
        "standing": standing,
        "votes": readings.conflicting_readings(case) if mine and standing == ConsensusStatus.DISAGREE else [],
        "seen": readings.has_seen_prediction(case, by),
        "mine": mine,
        "other": None if mine else holder,
        "seconds_left": int((mine.until - now).total_seconds()) if mine else 0,
    }


def signed(case: Case, reading: Reading, by: User, now: datetime) -> dict[str, Any]:
    """Add the reader's own answer, what all come to, and what the machine says beside it."""
    answer = latest_done_prediction(case)
    if answer:
        record_prediction_shown(by, [answer], now)
    return {
        "reading": reading,
        "just_signed": None,  # what stands on this page cannot be unseen
        "consensus": readings.consensus(case),
        "claim": claims.last_claim(case, by),
        "readings": readings.readings_of(case),
        "latest": latest_prediction(case),
        "answer": case_presenters.prediction_summary(answer) if answer else None,
    }
