"""Records of patients: what uploads state of them, contradictions, and the merge of two records."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random, SystemRandom
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.patients.errors import AlreadyResolved, ReasonRequired, UnknownResolution
from diagnostics.patients.models import ConflictKind, IdentityConflict, Patient, Resolution

RANDOM: Final = SystemRandom()
MIN_REASON: Final = 5  # characters
MAX_REASON: Final = 200
FIELDS: Final = {  # of a conflict about one patient
    ConflictKind.NAME: "name",
    ConflictKind.BIRTH_DATE: "birth_date",
    ConflictKind.SEX: "sex",
}


@dataclass(frozen=True, repr=False)
class PatientFacts:
    """What an upload states of a patient; empty values are unknown."""

    name: str = ""
    birth_date: date | None = None
    sex: str = ""


@transaction.atomic
def record_patient(*, site: Site, reference: str, facts: PatientFacts, by: User, now: datetime) -> None:
    """Store what an upload states of a patient.

    The first value is kept; a later one that contradicts it becomes a conflict for a person.
    """
    if facts == PatientFacts():
        return
    patient, _created = Patient.objects.select_for_update().get_or_create(site=site, reference=reference)
    for kind, field in FIELDS.items():
        known, found = getattr(patient, field), getattr(facts, field)
        if not known:
            setattr(patient, field, found)
        elif found and not _is_same(kind, known, found):
            open_conflict(
                kind=kind, site=site, reference=reference, known=str(known), found=str(found), by=by, now=now
            )
    patient.save()


def open_conflict(
    *,
    kind: ConflictKind,
    site: Site,
    reference: str,
    other_reference: str = "",
    known: str = "",
    found: str = "",
    by: User,
    now: datetime,
) -> None:
    """Store a contradiction for a person, once while it is open, and audit it without its values."""
    conflict, created = IdentityConflict.objects.get_or_create(
        site=site,
        kind=kind,
        reference=reference,
        other_reference=other_reference,
        found=found,
        resolved_at=None,
        defaults={"known": known, "found_at": now},
    )
    if created:
        detail = {"kind": kind.value}
        audit.record(action=Action.IDENTITY_CONFLICT_FOUND, by=by, target=conflict, detail=detail, now=now)


@transaction.atomic
def resolve(
    *, conflict: IdentityConflict, resolution: str, reason: str, by: User, now: datetime
) -> IdentityConflict:
    """Settle a conflict; a value that is taken replaces the known one of the patient.

    Raises NotAllowed, AlreadyResolved, UnknownResolution, ReasonRequired.
    """
    require(by, Permission.CORRECT)
    conflict = IdentityConflict.objects.select_for_update().get(pk=conflict.pk)
    if conflict.resolved_at is not None:
        raise AlreadyResolved(_("Another user has resolved this conflict. Reload the page."))
    conflict.resolution = _checked_resolution(conflict, resolution)
    conflict.reason = _checked_reason(reason)
    conflict.resolved_at, conflict.resolved_by = now, by
    if conflict.resolution == Resolution.TAKE_FOUND:
        _take_found(conflict)
    conflict.save()
    detail = {"kind": conflict.kind, "resolution": conflict.resolution}
    audit.record(action=Action.IDENTITY_CONFLICT_RESOLVED, by=by, target=conflict, detail=detail, now=now)
    return conflict


@transaction.atomic
def merge_records(*, site: Site, reference: str, into: str, by: User, now: datetime) -> None:
    """Move what is known under a reference to another reference of the same patient.

    Contradictions between the two records become conflicts. The caller moves the cases.
    """
    _move_conflicts(site, reference, into)
    patient = Patient.objects.filter(site=site, reference=reference).first()
    if patient is None:
        return
    facts = PatientFacts(patient.name, patient.birth_date, patient.sex)
    patient.delete()
    record_patient(site=site, reference=into, facts=facts, by=by, now=now)


def _move_conflicts(site: Site, reference: str, into: str) -> None:
    """Let the open conflicts about a patient follow; one that the other reference has too is kept once."""
    still_open = IdentityConflict.objects.filter(site=site, kind__in=FIELDS, resolved_at=None)
    for conflict in still_open.filter(reference=reference):
        if still_open.filter(reference=into, kind=conflict.kind, found=conflict.found).exists():
            conflict.delete()
        else:
            still_open.filter(pk=conflict.pk).update(reference=into)


def record_synthetic(
    *,
    site: Site,
    reference: str,
    like: str,
    not_of: str,
    age: int | None,
    at: datetime,
    chance: Random = RANDOM,
) -> None:
    """Record a patient for a control copy where the patient of `like` has a record, with the same columns.

    Family and given name come from two other patients of the site, never from that of `not_of`, whose
    radiograph is copied; the birth date gives the age at the study.
    """
    model = Patient.objects.filter(site=site, reference=like).first()
    if model is None:
        return
    donors = Patient.objects.filter(site=site, sex=model.sex).exclude(name="").order_by("pk")
    donors = donors.exclude(reference__in=[like, not_of])
    has_age = model.birth_date is not None and age is not None
    Patient.objects.create(
        site=site,
        reference=reference,
        name=_mixed_name(donors, chance) if model.name else "",
        birth_date=_born(at, age or 0, chance) if has_age else None,
        sex=model.sex,
    )


def _born(at: datetime, age: int, chance: Random) -> date:
    return at.date() - timedelta(days=int(365.25 * age) + chance.randrange(1, 364))


def _mixed_name(donors: QuerySet[Patient], chance: Random) -> str:
    count = donors.count()
    if not count:
        return ""
    first, second = (donors[chance.randrange(count)].name.split(" (")[0] for _ in range(2))
    family, given = first.partition(", ")[0], second.partition(", ")[2]
    return f"{family}, {given}" if given else family


def _is_same(kind: ConflictKind, known: object, found: object) -> bool:
    return _is_same_name(str(known), str(found)) if kind == ConflictKind.NAME else known == found


def _is_same_name(known: str, found: str) -> bool:
    """Return whether all words of the shorter name are in the longer one: middle names come and go."""
    first, second = _words(known), _words(found)
    return first == second or (min(len(first), len(second)) > 1 and (first <= second or second <= first))


def _words(name: str) -> frozenset[str]:
    text = unicodedata.normalize("NFKC", name.split(" (")[0]).casefold()
    return frozenset(re.findall(r"\w+", text))


def _checked_resolution(conflict: IdentityConflict, resolution: str) -> str:
    is_about_one_patient = conflict.kind in FIELDS
    if resolution not in Resolution.values or (
        resolution == Resolution.TAKE_FOUND and not is_about_one_patient
    ):
        raise UnknownResolution(_("Please choose how this conflict is resolved."))
    return resolution


def _checked_reason(reason: str) -> str:
    reason = " ".join(reason.split())
    if not MIN_REASON <= len(reason) <= MAX_REASON:
        raise ReasonRequired(_("Please enter a reason of 5 to 200 characters."))
    return reason


def _take_found(conflict: IdentityConflict) -> None:
    field = FIELDS[ConflictKind(conflict.kind)]
    value = date.fromisoformat(conflict.found) if field == "birth_date" else conflict.found
    Patient.objects.update_or_create(
        site_id=conflict.site_id, reference=conflict.reference, defaults={field: value}
    )
