"""What lies on a reader's desk: the film alone before the signature, the machine's answer after it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.cases import showing
from diagnostics.cases.answers import note_shown
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import latest_prediction, standing_answer
from diagnostics.review import second_thoughts, selectors
from diagnostics.review.models import Reading, Standing


def common(case: Case, by: User, now: datetime, *, beside: str = "") -> dict[str, Any]:
    """Gather what stands around the film in either state; nothing of the machine's."""
    priors = list(selectors.priors(case, by))
    today = selectors.today(by, now)
    return {
        "case": case,
        "number": showing.number(case),
        "view": case.radiograph.get_view_display() if case.radiograph.view else "",
        "film_url": reverse("cases:film", args=[case.pk]),
        "priors": priors,
        "prior": next((prior for prior in priors if str(prior.pk) == beside), None),
        "today": today,
        "just_signed": second_thoughts.just_signed(by, now),
        "worklist_count": today.waiting,
    }


def blind(case: Case, by: User, now: datetime) -> dict[str, Any]:
    """Add who holds the case, for how long, and what other readers leave to decide."""
    holder = selectors.holder(case, now)
    mine = holder if holder and holder.by_id == by.pk else None
    standing = selectors.standing(case)
    return {
        "standing": standing,
        "votes": selectors.votes(case) if mine and standing == Standing.DISAGREE else [],
        "seen": selectors.has_seen_answer(case, by),
        "mine": mine,
        "other": None if mine else holder,
        "seconds_left": int((mine.until - now).total_seconds()) if mine else 0,
    }


def signed(case: Case, reading: Reading, by: User, now: datetime) -> dict[str, Any]:
    """Add the reader's own answer, what all come to, and what the machine says beside it."""
    answer = standing_answer(case)
    if answer:
        note_shown(by, [answer], now)
    return {
        "reading": reading,
        "just_signed": None,  # what stands on this page cannot be unseen
        "judgement": selectors.judgement(case),
        "claim": selectors.last_claim(case, by),
        "readings": selectors.readings_of(case),
        "latest": latest_prediction(case),
        "answer": showing.answer(answer) if answer else None,
    }
