"""Django app configuration of review."""

from django.apps import AppConfig


class ReviewConfig(AppConfig):
    name = "diagnostics.review"
    label = "review"
