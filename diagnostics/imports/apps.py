"""The Django app of imports."""

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    name = "diagnostics.imports"
    label = "imports"
