"""The cases whose flag a promotion would change, as a part of the promotion page."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.errors import DomainError
from diagnostics.registry import selectors as registry
from diagnostics.registry import services as registry_services
from diagnostics.registry.forms import OperatingPointForm
from diagnostics.registry.policy import target_of
from diagnostics.training.presenters.flips import flip_rows, source_text
from diagnostics.training.selectors import flips as selectors


@require_permission(Permission.PROMOTE)
@require_safe
def flips(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show thumbnails of the cases that would be flagged, or no longer, with a chosen operating point."""
    version = get_object_or_404(registry.versions(), pk=pk)
    active, form = registry.active_version(), OperatingPointForm(request.GET)
    try:
        point = form.point() if form.is_valid() else None
        after = registry_services.points_of(version, point)
    except DomainError as error:
        return render(request, "training/flips.html", {"error": str(error)})
    if active is None:
        return render(request, "training/flips.html")
    found = selectors.flips(
        candidate=version,
        active=active,
        finding=target_of(version.manifest),
        before=registry.deployed_points(active),
        after=after,
        user=request.user,
    )
    context = {
        "flips": found,
        "source": source_text(found, candidate=str(version), active=str(active)),
        "rows": flip_rows(found),
    }
    return render(request, "training/flips.html", context)
