"""Django's name for this room."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "diagnostics.accounts"
    label = "accounts"
