"""The page of a case's lineage."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.selectors import visible_to
from diagnostics.training.presenters.lineage import lineage_page
from diagnostics.training.selectors.lineage import lineage_of
from diagnostics.training.serializers import LineageQuerySerializer


@require_permission(Permission.TRAIN)
@require_safe
def lineage(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show where the predictions of a case come from, and what its labels have taught."""
    case = get_object_or_404(visible_to(request.user), pk=pk)
    query = LineageQuerySerializer(data=request.GET)
    chosen = query.validated_data if query.is_valid() else {}
    audit.record(action=Action.CASE_VIEWED, by=request.user, target=case, now=timezone.now())
    context = {"case": case, "lineage": lineage_page(lineage_of(case, user=request.user, **chosen))}
    return render(request, "training/lineage.html", context)
