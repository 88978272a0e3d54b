"""The exchange room as Django sees it."""

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "diagnostics.exchange"
    label = "exchange"
