"""Django's name for the wiring."""

from django.apps import AppConfig


class WebappConfig(AppConfig):
    name = "webapp"

    def ready(self) -> None:
        """Register the checks of the start."""
        from webapp import checks  # noqa: F401
