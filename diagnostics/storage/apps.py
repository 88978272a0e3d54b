"""The Django app of stored files."""

from django.apps import AppConfig


class StorageConfig(AppConfig):
    name = "diagnostics.storage"
    label = "storage"
