"""The Django app of model versions."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "diagnostics.registry"
    label = "registry"
