"""Restores radiographs, heatmaps and bundles into an S3 bucket, where the settings name one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from diagnostics.registry import bundle_store
from diagnostics.stores import chosen
from ml.networks import bundle
from webapp.backup.errors import RestoreRefused

MEDIA: Final = "media"
BUNDLES: Final = "bundles"


def refuse_unless_empty() -> None:
    """Raise RestoreRefused for a bucket with files of Readroom."""
    for label in (MEDIA, BUNDLES):
        store = chosen.s3(label)
        if store and store.folders(""):
            raise RestoreRefused(
                _("The bucket is not empty: it has objects in %(folder)s. Restore into a new bucket.")
                % {"folder": f"{label}/"}
            )


def fill(unpacked: Path) -> None:
    """Put the files of an unpacked home into the bucket, before a row names them; raises StorageUnavailable.

    Radiographs and heatmaps are then removed from the unpacked home; bundles stay as its copy.
    """
    store = chosen.s3(MEDIA)
    if store is None:
        return
    media = unpacked / MEDIA
    for file in sorted(media.rglob("*")):
        if file.is_file():
            store.write(file.relative_to(media).as_posix(), file.read_bytes())
    shutil.rmtree(media, ignore_errors=True)
    for directory in sorted((unpacked / BUNDLES).glob("*")):
        bundle_store.publish(directory, directory.name, bundle.read_manifest(directory).weights_sha256)
