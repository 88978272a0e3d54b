"""Settings of the caches."""

from __future__ import annotations

from typing import Any

CACHES: dict[str, Any] = {
    # In the database, which pages need anyway: a page must not depend on the broker.
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "readroom_cache"},
    # Rendered rows of lists, in the memory of each process.
    "fragments": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "fragments",
        "OPTIONS": {"MAX_ENTRIES": 5000},
    },
}
