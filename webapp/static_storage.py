"""Static files under names that change with their content."""

from __future__ import annotations

from typing import Any

from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStatic(CompressedManifestStaticFilesStorage):
    """Hash the imports inside JavaScript modules too, so that no browser mixes two versions."""

    support_js_module_import_aggregation = True

    def create_compressor(self, **options: Any) -> Compressor:
        """Compress with gzip alone: Brotli takes 25 s of the first start instead of 2."""
        return Compressor(use_brotli=False, **options)
