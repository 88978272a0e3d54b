"""What may be known of the worklist, of claims and of readings."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Case as When_
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat, NullIf, Trim
from django.utils import timezone
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.base import Status
from diagnostics.cases.models import AnswerShown, Case, Prediction
from diagnostics.cases.selectors import visible_to
from diagnostics.exchange.selectors import brought_by_an_import
from diagnostics.findings import LEARNABLE
from diagnostics.review.models import Claim, Judgement, Reading, Standing
from diagnostics.review.refusals import ReadFirst
from diagnostics.review.worklist import State

URGENT_FIRST = ("priority_rank", "opened_at", "pk")
_FULL_NAME = Trim(Concat("by__first_name", Value(" "), "by__last_name"))
_NAME = Coalesce(NullIf(_FULL_NAME, Value("")), "by__username")


class Today(NamedTuple):
    """How far a reader has come today."""

    signed: int
    waiting: int

    @property
    def number(self) -> int:
        return self.signed + 1

    @property
    def of(self) -> int:
        return self.signed + self.waiting


def waiting(user: User, now: datetime) -> QuerySet[Case]:
    """Cases that this reader may read and nobody else holds, the most urgent first."""
    return _free(_readable(user).exclude(_disagree()), user, now)


def undecided(user: User, now: datetime) -> QuerySet[Case]:
    """Cases about which others disagree and that this reader may decide, the most urgent first."""
    return _free(_readable(user).filter(_disagree()), user, now)


def untouched(cases: QuerySet[Case], user: User) -> QuerySet[Case]:
    """Leave out what this reader took and gave back."""
    given_back = Claim.objects.filter(case=OuterRef("pk"), by=user, ended_at__lt=F("until"))
    return cases.exclude(Exists(given_back))


def standing(case: Case) -> str:
    """Say where a case stands; nowhere before its first reading."""
    found = Judgement.objects.filter(case=case).values_list("standing", flat=True).first()
    return found or ""


def judgement(case: Case) -> Judgement | None:
    """Give what the readings of a case come to; None before the first."""
    return Judgement.objects.filter(case=case).first()


def has_seen_answer(case: Case, user: User) -> bool:
    """Say whether a reader has seen what the machine says of a case."""
    return AnswerShown.objects.filter(case=case, to=user).exists()


def votes(case: Case) -> list[Reading]:
    """Give what readers who disagree have said, in an order that tells nothing of who or when."""
    return sorted(readings_of(case).filter(superseded_by=None), key=lambda reading: reading.pk.hex)


def worklist(user: User, *, status: str = "", q: str = "", now: datetime) -> QuerySet[Case]:
    """The table of the worklist: open cases unless a status says otherwise, without any score."""
    is_open = status != State.FINAL
    cases = _with_state(_open(user) if is_open else _final(user), now)
    if status and is_open:
        cases = cases.filter(state=status)
    if q:
        cases = cases.filter(accession_number__icontains=q)
    cases = cases.select_related("radiograph")
    return cases.order_by(*URGENT_FIRST) if is_open else cases.order_by("-opened_at", "pk")


def counts(user: User, now: datetime) -> dict[str, int]:
    """Count the cases of each state; the empty key counts all that wait for a reader."""
    still_read = _with_state(_open(user), now).order_by().values_list("state").annotate(n=Count("pk"))
    found = {**dict.fromkeys(State.values, 0), **dict(still_read)}
    found[""] = sum(found.values())
    found[State.FINAL] = _final(user).count()
    return found


def today(user: User, now: datetime) -> Today:
    """Count what a reader has signed since midnight and what waits for this reader."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    signed = Reading.objects.filter(by=user, supersedes=None, signed_at__gte=midnight).count()
    readable = _readable(user).exclude(_disagree())
    held = Claim.objects.filter(ended_at=None, until__gt=now, case__in=readable).exclude(by=user)
    return Today(signed=signed, waiting=readable.count() - held.count())


def open_claim(case: Case) -> Claim | None:
    """Return the claim on a case that nobody has ended yet, even where its time has run out."""
    return Claim.objects.filter(case=case, ended_at=None).select_related("by").first()


def held_by(user: User, now: datetime) -> Claim | None:
    """Return the claim that a reader still holds, the oldest where there are several."""
    mine = Claim.objects.filter(by=user, ended_at=None, until__gt=now, case__in=visible_to(user))
    return mine.select_related("case").order_by("since").first()


def holder(case: Case, now: datetime) -> Claim | None:
    """Return the claim that holds a case now."""
    return Claim.objects.filter(case=case, ended_at=None, until__gt=now).select_related("by").first()


def readings_of(case: Case) -> QuerySet[Reading]:
    """All readings of a case, amended ones too, the newest first."""
    return Reading.objects.filter(case=case).select_related("by", "superseded_by").order_by("-signed_at")


def current_reading(case: Case) -> Reading | None:
    """Return the newest reading of a case that no amendment has superseded."""
    return readings_of(case).filter(superseded_by=None).first()


def own_reading(case: Case, user: User) -> Reading | None:
    """Return what a reader says of a case as of now."""
    return readings_of(case).filter(by=user, superseded_by=None).first()


def readings_shown_to(user: User, case: Case) -> QuerySet[Reading]:
    """List the readings of a case to somebody who has signed one, or to whom nothing is left to sign."""
    readings = readings_of(case)
    if case.settled_at is None and readings.exists() and not readings.filter(by=user).exists():
        raise ReadFirst(_("Please sign your own reading first, then the others' are shown."))
    return readings


def priors(case: Case, user: User) -> QuerySet[Case]:
    """Earlier cases of the same patient at the same site, the newest first."""
    same_patient = visible_to(user).filter(
        site=case.site_id, patient_ref=case.patient_ref, opened_at__lte=case.opened_at
    )
    return same_patient.exclude(pk=case.pk).select_related("radiograph").order_by("-opened_at")


def labelled() -> QuerySet[Reading]:
    """The readings to learn from: per final case the newest that agrees, was given blind and was kept.

    A reader sees the machine's answer after the first signature. A finding changed since then may be the
    machine's own and would teach it what it already says, so such a reading teaches nothing.
    """
    changed = Reading.objects.filter(case=OuterRef("case"), by=OuterRef("by")).exclude(
        finding=OuterRef("finding")
    )
    final = {"case__judgement__standing": Standing.FINAL, "case__judgement__finding": F("finding")}
    blind = Reading.objects.filter(supersedes=None, finding__in=LEARNABLE, **final).exclude(Exists(changed))
    newest = blind.filter(case=OuterRef("case")).order_by("-signed_at", "-pk").values("pk")[:1]
    return blind.filter(pk=Subquery(newest)).select_related("case", "case__radiograph").order_by("pk")


def _open(user: User) -> QuerySet[Case]:
    # What an import brought has its finding and would bury the work: it is read when somebody opens it.
    return visible_to(user).filter(settled_at=None).exclude(brought_by_an_import(), judgement=None)


def _final(user: User) -> QuerySet[Case]:
    return visible_to(user).filter(settled_at__isnull=False)


def _readable(user: User) -> QuerySet[Case]:
    """Open cases that this reader has neither read nor seen the machine's answer for."""
    mine = Reading.objects.filter(case=OuterRef("pk"), by=user)
    seen = AnswerShown.objects.filter(case=OuterRef("pk"), to=user)
    return _open(user).exclude(Exists(mine)).exclude(Exists(seen))


def _free(cases: QuerySet[Case], user: User, now: datetime) -> QuerySet[Case]:
    held_by_others = Claim.objects.filter(case=OuterRef("pk"), ended_at=None, until__gt=now).exclude(by=user)
    return cases.exclude(Exists(held_by_others)).order_by(*URGENT_FIRST)


def _disagree() -> Exists:
    return Exists(Judgement.objects.filter(case=OuterRef("pk"), standing=Standing.DISAGREE))


def _with_state(cases: QuerySet[Case], now: datetime) -> QuerySet[Any]:
    held = Claim.objects.filter(case=OuterRef("pk"), ended_at=None, until__gt=now)
    machine = Prediction.objects.filter(case=OuterRef("pk")).order_by("-queued_at")
    return cases.annotate(
        reader=Subquery(held.annotate(name=_NAME).values("name")[:1]),
        machine=Subquery(machine.values("status")[:1]),
    ).annotate(
        state=When_(
            When(settled_at__isnull=False, then=Value(State.FINAL)),
            When(reader__isnull=False, then=Value(State.READING)),
            When(judgement__standing=Standing.DISAGREE, then=Value(State.DISAGREE)),
            When(judgement__standing=Standing.SECOND_READ, then=Value(State.SECOND_READ)),
            When(Q(machine=Status.QUEUED), then=Value(State.RECEIVED)),
            When(Q(machine=Status.RUNNING), then=Value(State.PROCESSING)),
            When(Q(machine=Status.FAILED), then=Value(State.FAILED)),
            default=Value(State.TO_READ),
        )
    )
