"""The Django app of uploads."""

from django.apps import AppConfig


class UploadsConfig(AppConfig):
    name = "diagnostics.uploads"
    label = "uploads"
