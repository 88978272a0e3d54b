"""The Django app of the audit log."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "diagnostics.audit"
    label = "audit"
