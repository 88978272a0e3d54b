"""The Django app of privacy."""

from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "diagnostics.privacy"
    label = "privacy"
