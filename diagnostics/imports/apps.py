"""The exchange room as Django sees it."""

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    name = "diagnostics.imports"
    label = "imports"
