"""The Django app of patients."""

from django.apps import AppConfig


class PatientsConfig(AppConfig):
    name = "diagnostics.patients"
    label = "patients"
