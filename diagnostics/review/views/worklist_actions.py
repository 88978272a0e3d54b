"""Bulk actions on selected cases, and their export."""

from __future__ import annotations

import csv
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.cases.models import Case, Priority
from diagnostics.cases.selectors import visible_to
from diagnostics.cases.services import bulk_retry, bulk_withdrawal, priority
from diagnostics.errors import DomainError
from diagnostics.review.forms.worklist import (
    ASSIGN,
    END_CLAIMS,
    RETRY,
    WITHDRAW,
    BulkActionForm,
    SelectedCasesForm,
)
from diagnostics.review.presenters import worklist as presenter
from diagnostics.review.selectors import readers
from diagnostics.review.services import assignments, claims
from diagnostics.review.services import export as export_services
from diagnostics.review.views.saved_views import back_to_list


@require_permission(Permission.SEE_CASES)
@require_POST
def bulk(request: StaffRequest) -> HttpResponse:
    """Change the priority of the selected cases, assign them, end their claims, or run AI again.

    Each service checks the permission for its action.
    """
    form = BulkActionForm(
        request.POST, readers=readers.readers_of(request.user.sites.values_list("pk", flat=True))
    )
    if not form.is_valid():
        return _rejected(request, form)
    cases = visible_to(request.user).filter(pk__in=form.cleaned_data["case"])
    try:
        count, text = _apply(form.cleaned_data, cases, by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.add_message(request, messages.SUCCESS if count else messages.INFO, text)
    return back_to_list(request)


@require_permission(Permission.ASSIGN)
@never_cache
@require_POST
def export(request: StaffRequest) -> HttpResponse:
    """Return the selected cases as CSV, without patient references."""
    form, now = SelectedCasesForm(request.POST), timezone.now()
    if not form.is_valid():
        return _rejected(request, form)
    cases = visible_to(request.user).filter(pk__in=form.cleaned_data["case"])
    rows = export_services.export(cases=cases, by=request.user, now=now)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="cases-{timezone.localdate(now)}.csv"'
    csv.writer(response).writerows([export_services.COLUMNS, *rows])
    return response


def _apply(data: dict[str, Any], cases: QuerySet[Case], *, by: User, now: datetime) -> tuple[int, str]:
    """Apply a bulk action; return the number of changed cases and the message."""
    action = data["action"]
    if action == RETRY:
        result = bulk_retry.retry_many(cases=cases, by=by, now=now)
        return result.queued, presenter.retry_message(result)
    if action == END_CLAIMS:
        count = claims.end_claims(cases=cases, by=by, now=now)
    elif action == ASSIGN:
        count = assignments.assign(cases=cases, to=data["to"], by=by, now=now)
    elif action == WITHDRAW:
        count = bulk_withdrawal.withdraw_many(cases=cases, reason=data["reason"], by=by, now=now)
    else:
        count = priority.set_priority(cases=cases, priority=Priority(action), by=by, now=now)
    return count, presenter.changed_message(count)


def _rejected(request: StaffRequest, form: SelectedCasesForm) -> HttpResponse:
    messages.error(request, form.error_text)
    return back_to_list(request)
