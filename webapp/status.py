"""The status page of administrators."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from webapp import system_status


@require_permission(Permission.OPERATE)
@require_safe
def page(request: StaffRequest) -> HttpResponse:
    """Show the state of every component; the page refreshes itself."""
    now = timezone.now()
    return render(request, "status.html", {"components": system_status.components(now=now), "now": now})
