"""Reads of staged uploads: only their owner sees them."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet, Sum

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Prediction
from diagnostics.uploads.models import StagedStatus, StagedUpload
from diagnostics.uploads.policy import LIFETIME

UNSENT = Q(status__in=[StagedStatus.RECEIVED, StagedStatus.CHECKED])


def of_user(user: User) -> QuerySet[StagedUpload]:
    """Return the uploads of a user at the user's present sites, in the order of their arrival."""
    return StagedUpload.objects.filter(owner=user, site__in=user.sites.all())


def with_progress(uploads: QuerySet[StagedUpload]) -> QuerySet[StagedUpload]:
    """Add the cases and their predictions, newest first, to the query."""
    predictions = Prediction.objects.order_by("-queued_at")
    return uploads.select_related("case").prefetch_related(Prefetch("case__predictions", predictions))


def sent(user: User) -> QuerySet[StagedUpload]:
    """Return the sent uploads of a user."""
    return with_progress(of_user(user).filter(status=StagedStatus.SENT))


def usage(user: User) -> tuple[int, int, int]:
    """Return how many rows a user has, how many of them are not sent, and the bytes of these."""
    totals = StagedUpload.objects.filter(owner=user).aggregate(
        rows=Count("pk"), files=Count("pk", filter=UNSENT), size=Sum("size", filter=UNSENT)
    )
    return totals["rows"], totals["files"], totals["size"] or 0


def expired(*, now: datetime) -> QuerySet[StagedUpload]:
    """Return the uploads whose time is over."""
    return StagedUpload.objects.filter(staged_at__lt=now - LIFETIME)


def of_cases(cases: list[UUID]) -> QuerySet[StagedUpload]:
    """Return the uploads that were sent to these cases."""
    return StagedUpload.objects.filter(case__in=cases)


def of_patient(site: Site, patient_ref: str, cases: list[UUID]) -> QuerySet[StagedUpload]:
    """Return the uploads of a patient: by case, by reference, by the file's header or by the file's name."""
    named = rf"(^|[^0-9A-Za-z]){re.escape(patient_ref)}([^0-9A-Za-z]|$)"  # not 12 in IMG_20121.dcm
    mentions = Q(patient_ref=patient_ref) | Q(header__patient_ref=patient_ref) | Q(name__regex=named)
    return StagedUpload.objects.filter(Q(case__in=cases) | Q(mentions, site=site))
