"""The record in the admin: to look at, never to change."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from diagnostics.audit.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):
    """One line of the record."""

    list_display = ("at", "by", "action", "target_kind", "target_id")
    list_filter = ("action",)
    list_select_related = ("by",)
    search_fields = ("by__username", "target_id")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: lines come from services."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        """Refuse: what happened stays as it was written."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        """Refuse: what happened stays."""
        return False
