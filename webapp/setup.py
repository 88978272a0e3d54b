"""Setup of the home before any process starts; it may run any number of times."""

from __future__ import annotations

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from diagnostics import disk
from diagnostics.registry import services as registry
from diagnostics.registry.selectors import active_version, bundle_path
from ml.inference import engine_cache
from webapp import static_files


def prepare() -> None:
    """Migrate the database, create the cache table, collect static files and register the default model."""
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    static_files.collect_if_changed()
    disk.keep_reserve()
    if (settings.DEFAULT_BUNDLE / "manifest.json").is_file():
        registry.adopt_default(now=timezone.now())
    registry.publish_missing()
    _prepare_engine()


def _prepare_engine() -> None:
    """Export the active version's network for serving; without this the first prediction does it."""
    version = active_version()
    if version is not None and settings.SERVING_ENGINE != "tensorflow":
        engine_cache.prepare(bundle_path(version), settings.ENGINES)
