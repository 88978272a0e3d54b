"""The stores of this installation: folders of the home, or a bucket if the settings name one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from diagnostics.stores.base import Store
from diagnostics.stores.on_disk import DiskStore

if TYPE_CHECKING:
    from diagnostics.stores.on_s3 import S3Store


def media() -> Store:
    """Return the store of radiographs and heatmaps."""
    return s3("media") or DiskStore(Path(settings.MEDIA_ROOT))


def bundles() -> S3Store | None:
    """Return the store from which other hosts take bundles; None if all processes share a home."""
    return s3("bundles")


def s3(label: str) -> S3Store | None:
    """Return a part of the bucket; None without a bucket."""
    if settings.S3 is None:
        return None
    from diagnostics.stores.on_s3 import S3Store  # boto3 takes 30 MB, which an installation without it keeps

    return S3Store(settings.S3, label)
