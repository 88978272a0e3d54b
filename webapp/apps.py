"""The Django app of the wiring."""

from django.apps import AppConfig


class WebappConfig(AppConfig):
    name = "webapp"

    def ready(self) -> None:
        """Register the system checks."""
        from webapp import checks  # noqa: F401
