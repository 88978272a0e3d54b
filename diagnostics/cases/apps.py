"""The Django app of cases."""

from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "diagnostics.cases"
    label = "cases"
