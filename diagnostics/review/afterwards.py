"""Around the reading: stand by it, ask a colleague, and say how many readers a film has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import May
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.base import NotAllowed
from diagnostics.cases.models import AnswerShown, Case
from diagnostics.review import holds, rights, selectors
from diagnostics.review.models import Judgement, Kind, Policy, Reading, SecondLook, Standing
from diagnostics.review.refusals import NotSettled, ReadFirst, Settled
from diagnostics.review.settling import settle


@transaction.atomic
def keep_reading(*, case: Case, by: User, now: datetime) -> None:
    """Write down that the reader stands by the reading after seeing the machine's answer."""
    case, reading = _read_by(case, by)
    look_again(case, by, reading.finding, now)


@transaction.atomic
def ask_second_opinion(*, case: Case, by: User, now: datetime) -> Judgement:
    """Let one more reader see the film blind; only who has read it asks."""
    case, _reading = _read_by(case, by)
    judgement = Judgement.objects.get(case=case)
    if judgement.standing != Standing.FINAL:
        raise NotSettled(_("Another reader is being waited for already."))
    if selectors.readings_of(case).filter(kind=Kind.ADJUDICATION).exists():
        raise Settled(_("A third reader has decided this case."))
    judgement.readers_needed += 1
    judgement.save(update_fields=["readers_needed"])
    record(action=Action.SECOND_OPINION_ASKED, by=by, target=case, now=now)
    return settle(case, now)


@transaction.atomic
def set_policy(
    *, site: Site, policy: Mapping[str, Any], rules: Mapping[str, Any], by: User, now: datetime
) -> Policy:
    """Say how a site reads, from the next first reading on; `rules` are the site's own columns."""
    if not by.may(May.OVERSEE):
        raise NotAllowed(_("Only administrators say how a site reads."))
    for name, value in rules.items():
        setattr(site, name, value)
    site.save(update_fields=list(rules))
    saved, _created = Policy.objects.update_or_create(site=site, defaults=dict(policy))
    detail = {**policy, **rules}
    record(action=Action.READING_POLICY_CHANGED, by=by, target=site, detail=detail, now=now)
    return saved


def look_again(case: Case, by: User, finding: str, now: datetime) -> None:
    """Keep what the reader says after the machine's answer; the first word after it counts."""
    shown = AnswerShown.objects.filter(case=case, to=by).first()
    first = Reading.objects.filter(case=case, by=by, supersedes=None).first()
    if shown and first and shown.at >= first.signed_at:
        SecondLook.objects.get_or_create(
            reading=first, defaults={"prediction": shown.prediction, "finding": finding, "at": now}
        )


def _read_by(case: Case, by: User) -> tuple[Case, Reading]:
    rights.must_read(case, by)
    case = holds.lock(case)
    reading = selectors.own_reading(case, by)
    if reading is None:
        raise ReadFirst(_("Please sign your own reading first."))
    return case, reading
