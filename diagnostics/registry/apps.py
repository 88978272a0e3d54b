"""Django's name for this room."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "diagnostics.registry"
    label = "registry"
