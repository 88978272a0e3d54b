"""The Django app of monitoring."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "diagnostics.monitoring"
    label = "monitoring"
