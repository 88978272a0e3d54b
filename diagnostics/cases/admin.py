"""Read-only admin pages of cases and predictions, without patient data."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from diagnostics.accounts.models import User
from diagnostics.cases import selectors
from diagnostics.cases.models import Case, Prediction


class ReadOnlyAdmin(admin.ModelAdmin):
    """An admin page that lists and shows rows and changes none."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    list_display = ["id", "site", "priority", "opened_by", "opened_at"]
    list_filter = ["priority", "site"]
    list_select_related = ["site", "opened_by"]
    # No patient data: it is shown on the case page alone, where each view is audited.
    fields = ["id", "site", "priority", "opened_by", "opened_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        return super().get_queryset(request).filter(pk__in=_visible_cases(request))


@admin.register(Prediction)
class PredictionAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "status",
        "attempts",
        "version",
        "queued_at",
        "finished_at",
        "failure_code",
        "worker",
    ]
    list_filter = ["status", "failure_code", "version"]
    list_select_related = ["version"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Prediction]:
        return super().get_queryset(request).filter(case__in=_visible_cases(request))


def _visible_cases(request: HttpRequest) -> QuerySet[Case]:
    return selectors.visible_to(request.user) if isinstance(request.user, User) else Case.objects.none()
