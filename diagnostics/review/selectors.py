"""What may be known of the worklist, of claims and of readings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Case as When_
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat, NullIf, Trim
from django.utils import timezone
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import May, Role, may
from diagnostics.base import Status
from diagnostics.cases.models import AnswerShown, Case, Prediction
from diagnostics.cases.selectors import visible_to
from diagnostics.findings import LEARNABLE
from diagnostics.review.models import Assignment, Claim, GoldCase, Judgement, Queue, Reading, Served, Standing
from diagnostics.review.refusals import ReadFirst
from diagnostics.review.worklist import NOT_GIVEN, ORDERS, State, Wanted

URGENT_FIRST = ORDERS[""]
SUSPECTED_FIRST = ("priority_rank", "-suspicion", "due_at", "pk")
ALL_OPEN = Wanted()
JUDGED = {State.DISAGREE: Standing.DISAGREE, State.SECOND_READ: Standing.SECOND_READ}
MACHINE = {
    State.RECEIVED: Status.QUEUED,
    State.PROCESSING: Status.RUNNING,
    State.FAILED: Status.FAILED,
}
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
    return _free(_readable(user).exclude(pk__in=_disagreed()), user, now)


def turns(user: User, now: datetime, *, by_suspicion: bool) -> Iterator[tuple[QuerySet[Case], Served]]:
    """Give the cases from whose head the next one comes, one list after another, and why it would.

    By suspicion: STAT, then what is overdue, then by urgency and suspicion. The overdue ones are the cap: no
    film waits longer for being suspected less. What the reader gave back comes last.
    """
    every = waiting(user, now)
    for cases in (untouched(every, user), every):
        if by_suspicion:
            yield cases.filter(lane=0), Served.DUE
            yield cases.filter(lane=1, due_at__lte=now), Served.DUE
            yield cases.filter(lane=1).order_by(*SUSPECTED_FIRST), Served.SUSPECTED
        else:
            yield cases, Served.DUE


def undecided(user: User, now: datetime) -> QuerySet[Case]:
    """Cases about which others disagree and that this reader may decide, the most urgent first."""
    return _free(_readable(user).filter(pk__in=_disagreed()), user, now)


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


def worklist(user: User, wanted: Wanted = ALL_OPEN, *, now: datetime) -> QuerySet[Case]:
    """The table of the worklist: open cases unless a status says otherwise, without any score.

    No row is looked at for its state here, so that a hundred thousand cost what a page costs; see `dressed`.
    """
    is_open = wanted.status != State.FINAL
    cases = _open(user) if is_open else _final(user)
    if wanted.status and is_open:
        cases = _in_state(cases, State(wanted.status), now)
    if wanted.q:
        cases = cases.filter(accession_number__icontains=wanted.q)
    if wanted.priority:
        cases = cases.filter(priority=wanted.priority)
    if wanted.view:
        cases = cases.filter(radiograph__view="" if wanted.view == NOT_GIVEN else wanted.view)
    if wanted.mine:
        cases = cases.filter(assignment__to=user)
    return cases.order_by(*(ORDERS[wanted.sort] if is_open or wanted.sort else ("-settled_at", "pk")))


def dressed(cases: Iterable[Case], now: datetime) -> list[Any]:
    """Give a page's cases in their order with film, state, and who reads them or is to read them."""
    order = [case.pk for case in cases]
    found = _with_state(Case.objects.filter(pk__in=order), now).select_related("radiograph", "assignment__to")
    rows = {case.pk: case for case in found}
    return [rows[pk] for pk in order]


def readers_of(sites: Iterable[Any]) -> QuerySet[User]:
    """List who reads films at any of these sites."""
    roles = [role for role in Role.values if may(role, May.READ)]
    return (
        User.objects.filter(is_active=True, role__in=roles, sites__in=sites).distinct().order_by("username")
    )


def counts(user: User, now: datetime) -> dict[str, int]:
    """Count the cases of each state; the empty key counts all that wait for a reader."""
    still_read = _open(user)
    found = {"": still_read.count(), State.FINAL.value: _final(user).count()}
    few = [state for state in State if state not in (State.TO_READ, State.FINAL)]
    found |= {state.value: _in_state(still_read, state, now).count() for state in few}
    return found | {State.TO_READ.value: found[""] - sum(found[state] for state in few)}


def today(user: User, now: datetime, *, still_read: int | None = None) -> Today:
    """Count what a reader has signed since midnight and what waits for this reader.

    `still_read` spares counting all open cases again.
    """
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    signed = Reading.objects.filter(by=user, supersedes=None, signed_at__gte=midnight).count()
    every = _open(user).count() if still_read is None else still_read
    closed = _closed_to(user) | Q(pk__in=_disagreed()) | Q(pk__in=_held(now).exclude(by=user).values("case"))
    return Today(signed=signed, waiting=every - _open(user).filter(closed).count())


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


def last_claim(case: Case, user: User) -> Claim | None:
    """Return how a reader last came to a case."""
    return Claim.objects.filter(case=case, by=user).order_by("-since").first()


def queue_of(case: Case, user: User) -> Queue:
    """Say from which queue a reader came to a case, and so goes on with."""
    last = last_claim(case, user)
    if last is None or last.served in (Served.DUE, Served.SUSPECTED, Served.CHOSEN):
        return Queue.CLINICAL
    return Queue.DISAGREEMENTS if last.served == Served.DISAGREEMENT else Queue.LEARNING


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
    """Earlier cases of the same patient at the same site, the newest first.

    A copy is no patient's: one may come to bear the reference that was made up for it.
    """
    same_patient = visible_to(user).filter(
        site=case.site_id, patient_ref=case.patient_ref, opened_at__lte=case.opened_at, copy_of=None
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
    blind = Reading.objects.filter(supersedes=None, finding__in=LEARNABLE, **final)
    blind = blind.filter(case__copy_of=None).exclude(Exists(changed)).exclude(Exists(known_films("case")))
    newest = blind.filter(case=OuterRef("case")).order_by("-signed_at", "-pk").values("pk")[:1]
    return blind.filter(pk=Subquery(newest)).select_related("case", "case__radiograph").order_by("pk")


def known_films(case: str) -> QuerySet[GoldCase]:
    """Find gold cases, whatever their site, with the pixels of an outer query's `case`; they never teach."""
    pixels = f"{case}__radiograph__pixel_sha256"
    return GoldCase.objects.filter(case__radiograph__pixel_sha256=OuterRef(pixels))


def _open(user: User) -> QuerySet[Case]:
    return visible_to(user).filter(settled_at=None, listed=True)


def _final(user: User) -> QuerySet[Case]:
    return visible_to(user).filter(settled_at__isnull=False)


def _readable(user: User) -> QuerySet[Case]:
    """Open cases, not handed to another, that this reader has neither read nor seen the answer of."""
    return _open(user).exclude(_closed_to(user))


def _closed_to(user: User) -> Q:
    mine = Reading.objects.filter(by=user, case__settled_at=None)
    seen = AnswerShown.objects.filter(to=user, case__settled_at=None)
    others = Assignment.objects.exclude(to=user)
    return Q(pk__in=mine.values("case")) | Q(pk__in=seen.values("case")) | Q(pk__in=others.values("case"))


def _free(cases: QuerySet[Case], user: User, now: datetime) -> QuerySet[Case]:
    held_by_others = _held(now).exclude(by=user).values("case")
    return cases.exclude(pk__in=held_by_others).order_by(*URGENT_FIRST)


def _held(now: datetime) -> QuerySet[Claim]:
    return Claim.objects.filter(ended_at=None, until__gt=now)


def _stands(*standings: Standing) -> QuerySet[Any, Any]:
    return Judgement.objects.filter(standing__in=standings).values("case")


def _disagreed() -> QuerySet[Any, Any]:
    return _stands(Standing.DISAGREE)


def _in_state(cases: QuerySet[Case], state: State, now: datetime) -> QuerySet[Case]:
    """Find the cases of a state from the few rows that put them there; as `_with_state` tells it."""
    held = _held(now).values("case")
    if state == State.READING:
        return cases.filter(pk__in=held)
    free = cases.exclude(pk__in=held)
    if state in JUDGED:
        return free.filter(pk__in=_stands(JUDGED[state]))
    unread = free.exclude(pk__in=_stands(*JUDGED.values()))
    if state in MACHINE:
        return unread.filter(pk__in=_machine(MACHINE[state]))
    return unread.exclude(pk__in=_machine(*MACHINE.values()))


def _machine(*statuses: Status) -> QuerySet[Any, Any]:
    # Waiting, running and failed predictions are always the latest of their case.
    return Prediction.objects.filter(status__in=statuses).values("case")


def _with_state(cases: QuerySet[Case], now: datetime) -> QuerySet[Any]:
    held = _held(now).filter(case=OuterRef("pk"))
    machine = Prediction.objects.filter(case=OuterRef("pk")).order_by("-queued_at")
    return cases.annotate(
        reader=Subquery(held.annotate(name=_NAME).values("name")[:1]),
        machine=Subquery(machine.values("status")[:1]),
    ).annotate(
        state=When_(
            When(settled_at__isnull=False, then=Value(State.FINAL)),
            When(reader__isnull=False, then=Value(State.READING)),
            *(When(judgement__standing=standing, then=Value(state)) for state, standing in JUDGED.items()),
            *(When(Q(machine=status), then=Value(state)) for state, status in MACHINE.items()),
            default=Value(State.TO_READ),
        )
    )
