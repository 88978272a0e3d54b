"""The page about the demonstration, with the credits of its radiographs."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from webapp.demo.radiographs import demo_radiographs


@require_permission(Permission.SEE_CASES)
@require_safe
def about(request: StaffRequest) -> HttpResponse:
    """Show what the demonstration is, and the source and licence of each of its radiographs."""
    return render(request, "demonstration.html", {"radiographs": demo_radiographs()})
