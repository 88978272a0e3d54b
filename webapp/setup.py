"""What must be true of a home before anything is started on it; doing it twice does no harm."""

from __future__ import annotations

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from diagnostics.registry import services as registry
from webapp import static_files


def prepare() -> None:
    """Bring tables, cache, static files and the first model version into the home."""
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    static_files.collect_if_changed()
    if (settings.DEFAULT_BUNDLE / "manifest.json").is_file():
        registry.adopt_default(now=timezone.now())
