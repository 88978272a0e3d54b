"""Read-only admin pages of claims and readings."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from diagnostics.review.models import Claim, Reading


class ReadOnlyAdmin(admin.ModelAdmin):
    """Admin pages that neither add, change nor delete."""

    list_select_related = ["by"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Reading)
class ReadingAdmin(ReadOnlyAdmin):
    list_display = ["signed_at", "by", "finding", "confidence", "case_id", "withdrawn_at"]
    list_filter = ["finding", "confidence"]


@admin.register(Claim)
class ClaimAdmin(ReadOnlyAdmin):
    list_display = ["since", "by", "until", "ended_at", "case_id"]
