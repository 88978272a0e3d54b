"""The button that has a radiograph scored in spite of the quality gate."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.cases import selectors
from diagnostics.cases.services import quality_override
from diagnostics.errors import DomainError


@require_permission(Permission.OVERRIDE_QUALITY_GATE)
@require_POST
def override(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Queue a stopped prediction again, to be scored for the given reason."""
    case = get_object_or_404(selectors.with_predictions(selectors.visible_to(request.user)), pk=pk)
    reason = request.POST.get("reason", "")
    try:
        quality_override.override_quality_gate(case=case, reason=reason, by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("cases:case", pk=pk)
