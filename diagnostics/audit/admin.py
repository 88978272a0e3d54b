"""The audit log in the admin, read-only."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from diagnostics.audit.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):
    """Events of the audit log."""

    list_display = ("at", "by", "action", "target_kind", "target_id")
    list_filter = ("action",)
    list_select_related = ("by",)
    search_fields = ("by__username", "target_id")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: services record the events."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        """Return False: events are immutable."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        """Return False: events are never deleted."""
        return False
