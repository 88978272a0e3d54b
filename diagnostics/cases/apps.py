"""Django's name for this room."""

from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "diagnostics.cases"
    label = "cases"
