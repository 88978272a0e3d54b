"""The list of identity conflicts, and their resolution."""

from __future__ import annotations

import uuid
from typing import Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.errors import DomainError
from diagnostics.patients import presenters, selectors, services
from diagnostics.patients.forms import ResolveForm
from diagnostics.patients.models import IdentityConflict

PAGE_SIZE: Final = 25


@require_permission(Permission.CORRECT)
@never_cache
@require_safe
def conflicts(request: StaffRequest) -> HttpResponse:
    """List the conflicts of the user's sites with full identities, open ones first; each view is audited."""
    page = Paginator(selectors.conflicts_visible_to(request.user), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    for conflict in page:
        audit.record(
            action=Action.IDENTITY_CONFLICT_VIEWED, by=request.user, target=conflict, now=timezone.now()
        )
    rows = [(presenters.conflict_row(conflict), _form(conflict)) for conflict in page]
    return render(request, "patients/conflicts.html", {"page": page, "rows": rows})


@require_permission(Permission.CORRECT)
@require_POST
def resolve(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Resolve a conflict."""
    conflict = get_object_or_404(selectors.conflicts_visible_to(request.user), pk=pk)
    resolution, reason = request.POST.get("resolution", ""), request.POST.get("reason", "")
    try:
        services.resolve(
            conflict=conflict, resolution=resolution, reason=reason, by=request.user, now=timezone.now()
        )
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The conflict is resolved."))
    return redirect("patients:conflicts")


def _form(conflict: IdentityConflict) -> ResolveForm | None:
    if conflict.resolved_at is not None:
        return None
    return ResolveForm(choices=presenters.resolution_choices(conflict), key=conflict.pk.hex)
