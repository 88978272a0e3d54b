"""Reads of final cases for FHIR."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Max, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import with_predictions
from diagnostics.integrations.fhir_search import Search


def final_cases(user: User) -> QuerySet[Any]:
    """Return the final cases of the user's sites, the one changed longest ago first; no control cases.

    `updated` is the time of the last change of a resource, `studied_at` that of the radiograph.
    """
    if not user.has_permission(Permission.FHIR):
        return Case.objects.none()
    cases = Case.objects.filter(
        site__in=list(user.sites.values_list("pk", flat=True)),
        finalized_at__isnull=False,
        withdrawn_at=None,
        copy_of=None,
    ).exclude(consensus__finding="")
    changes = [
        Coalesce(Max(column), F("finalized_at"))
        for column in ("readings__signed_at", "predictions__finished_at", "corrections__at")
    ]
    return with_predictions(cases).annotate(
        updated=Greatest(F("finalized_at"), *changes),
        studied_at=Coalesce("radiograph__study_at", "opened_at"),
    )


def search(user: User, query: Search) -> list[Any]:
    """Return at most one more than `query.count` matching cases."""
    cases = final_cases(user).order_by("updated", "pk")
    if query.ids is not None:
        cases = cases.filter(pk__in=query.ids)
    if query.accession_number:
        same = Q(accession_number=query.accession_number)
        cases = cases.filter(same | Q(pk=_uuid(query.accession_number)))
    if query.patient_ref:
        cases = cases.filter(patient_ref=query.patient_ref)
    for column, bounds in (("studied_at", query.dates), ("updated", query.updated)):
        for bound in bounds:
            cases = cases.filter(**{f"{column}__{bound.lookup}": bound.at})
    if query.after:
        cases = cases.filter(_after(*query.after))
    return list(cases[: query.count + 1])


def _after(updated: datetime, pk: UUID) -> Q:
    return Q(updated__gt=updated) | Q(updated=updated, pk__gt=pk)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text.removeprefix("urn:uuid:"))
    except ValueError:
        return None
