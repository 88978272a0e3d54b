"""The Django app of background jobs."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "diagnostics.jobs"
    label = "jobs"
