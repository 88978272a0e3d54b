"""Blinding of readers: who may see a prediction, and the record of who has seen it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.cases.models import Case, Prediction, PredictionShown
from diagnostics.cases.selectors.lists import has


def may_see_prediction(user: User, case: Case) -> bool:
    """Return whether the user may see the prediction: never a reader who may still read the case blind."""
    return case.pk not in withheld_cases(user, [case])


def withheld_cases(user: User, cases: Sequence[Case]) -> frozenset[UUID]:
    """Return the cases whose predictions the user may not see yet.

    A reader sees the prediction of an open case after the own reading; other roles see it by the site's rule.
    """
    unread = [case for case in cases if case.finalized_at is None]
    if not user.is_reader:
        visible_at = set(_sites_showing_predictions(user).values_list("pk", flat=True))
        return frozenset(case.pk for case in unread if case.site_id not in visible_at)
    pks = [case.pk for case in unread]
    readings: Any = Case._meta.get_field("readings").related_model  # of an app above this one
    own_readings = readings.objects.filter(by=user, withdrawn_at=None)
    read = Case.objects.filter(has(own_readings), pk__in=pks)  # not by way of all readings of the user
    return frozenset(pks).difference(read.order_by().values_list("pk", flat=True))


def listed_predictions(user: User, cases: Sequence[Case], *, withheld: frozenset[UUID]) -> frozenset[UUID]:
    """Return the cases whose prediction a list may show the user: permitted, and already seen by a reader.

    A list is never a reader's first view of a prediction: fifty rows would end fifty blind readings.
    """
    permitted = frozenset(case.pk for case in cases) - withheld
    if not user.is_reader:
        return permitted
    seen = PredictionShown.objects.filter(to=user, case__in=permitted)
    return frozenset(seen.values_list("case", flat=True))


def _sites_showing_predictions(user: User) -> QuerySet[Site]:
    is_administrator = user.role == Role.ADMINISTRATOR
    rule = "administrators_see_predictions" if is_administrator else "technicians_see_predictions"
    return Site.objects.filter(**{rule: True})


def record_prediction_shown(user: User, predictions: Sequence[Prediction], now: datetime) -> None:
    """Record that a reader has seen these predictions; only the first view of a case is stored."""
    if user.is_reader:
        PredictionShown.objects.bulk_create(
            [PredictionShown(case_id=each.case_id, to=user, prediction=each, at=now) for each in predictions],
            ignore_conflicts=True,
        )
