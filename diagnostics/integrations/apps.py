"""The Django app of integrations."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "diagnostics.integrations"
    label = "integrations"
