"""Who may see the machine's answer yet, who has seen it, and whether asking again could bring a new one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission, Role
from diagnostics.cases.models import Case, Prediction, PredictionShown
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus
from diagnostics.registry.models import ModelVersion


def may_see_prediction(user: User, case: Case) -> bool:
    """Say whether the answer may leave the server: no reader sees it who may still read the case blind."""
    return case.pk not in withheld_cases(user, [case])


def withheld_cases(user: User, cases: Sequence[Case]) -> frozenset[UUID]:
    """Name the cases whose answers are kept back: from readers until they have read, from others by rule."""
    if not user.has_permission(Permission.READ):
        shown_at = set(_sites_that_show(user).values_list("pk", flat=True))
        waiting = [case for case in cases if case.finalized_at is None]
        return frozenset(case.pk for case in waiting if case.site_id not in shown_at)
    still_read = [case.pk for case in cases if case.finalized_at is None]
    read = Case.objects.filter(pk__in=still_read).filter(Q(readings__by=user)).values_list("pk", flat=True)
    return frozenset(still_read).difference(read)


def _sites_that_show(user: User) -> QuerySet[Site]:
    """Give the sites whose rules show the machine's answers to people of this role."""
    is_administrator = user.role == Role.ADMINISTRATOR
    rule = "administrators_see_predictions" if is_administrator else "technicians_see_predictions"
    return Site.objects.filter(**{rule: True})


def record_prediction_shown(user: User, answers: Sequence[Prediction], now: datetime) -> None:
    """Write down that a reader sees these answers; the first time counts."""
    if user.has_permission(Permission.READ):
        PredictionShown.objects.bulk_create(
            [
                PredictionShown(case_id=answer.case_id, to=user, prediction=answer, at=now)
                for answer in answers
            ],
            ignore_conflicts=True,
        )


def may_retry(latest: Prediction | None, active_version: ModelVersion | None) -> bool:
    """Say whether asking could bring something new: never asked, after a failure, or by another version."""
    if latest is None:  # the radiograph came with its finding, in an import
        return active_version is not None
    if latest.status in OPEN_STATUSES:
        return False
    return latest.status == JobStatus.FAILED or (
        active_version is not None and latest.version_id != active_version.pk
    )
