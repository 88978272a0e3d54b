"""Django's name for this room."""

from django.apps import AppConfig


class ReviewConfig(AppConfig):
    name = "diagnostics.review"
    label = "review"
