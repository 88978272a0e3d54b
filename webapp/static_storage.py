"""Storage of static files under names with a content hash."""

from __future__ import annotations

from functools import cache
from typing import Any

from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStatic(CompressedManifestStaticFilesStorage):
    """Also hash the imports inside JavaScript modules, so that a browser never mixes two versions."""

    support_js_module_import_aggregation = True

    @cache  # noqa: B019 - one storage lives as long as its process, and the manifest does not change in it
    def url(self, name: str, force: bool = False) -> str:
        """Return the address of a file; a list of cases asks for 160 icons."""
        address: str = super().url(name, force)
        return address

    def create_compressor(self, **options: Any) -> Compressor:
        """Return a compressor for gzip only: Brotli would extend the first start from 2 s to 25 s."""
        return Compressor(use_brotli=False, **options)
