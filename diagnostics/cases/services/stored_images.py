"""Images of a case from their stored files; a missing or damaged file is recorded and never shown."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from typing import TypeVar

from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.cases import file_damage, storage, upload_validation
from diagnostics.cases.errors import ImageUnavailable, StorageUnavailable
from diagnostics.cases.models import Case, Prediction, Radiograph
from diagnostics.cases.storage import UnusableFile
from diagnostics.files import FileProblem
from ml.errors import UnreadableImage
from ml.images import thumbnail
from ml.images.decode_in_child import pack_full_depth_in_child
from ml.inference import heatmap_files
from ml.records import ClassMap, Frame

T = TypeVar("T")
logger = logging.getLogger(__name__)


def display_png(radiograph: Radiograph, *, by: User, now: datetime) -> bytes:
    """Return the 8-bit PNG of a radiograph; raises ImageUnavailable."""
    name, sha256 = radiograph.display, radiograph.display_sha256
    return _recorded(radiograph.case, "display", lambda: storage.read_verified(name, sha256), by, now)


def thumbnail_jpeg(radiograph: Radiograph, *, by: User, now: datetime) -> bytes:
    """Return a small JPEG of a radiograph; made from the display PNG at the first call.

    Raises ImageUnavailable.
    """
    name = storage.radiograph_files(radiograph.pk).thumbnail
    if radiograph.thumbnail_sha256:
        try:
            return storage.read_verified(name, radiograph.thumbnail_sha256)
        except UnusableFile as error:  # made again from the display PNG
            logger.warning("the thumbnail of radiograph %s is %s", radiograph.pk, error.problem)
    made = thumbnail.jpeg_of(display_png(radiograph, by=by, now=now))
    _store_derived(radiograph, name, made, "thumbnail_sha256")
    return made


def overlay_png(prediction: Prediction, *, by: User, now: datetime) -> bytes:
    """Return the image of radiograph and heatmap of a finished prediction; raises ImageUnavailable."""
    name, sha256 = prediction.overlay_file, prediction.overlay_sha256
    return _recorded(prediction.case, "overlay", lambda: storage.read_verified(name, sha256), by, now)


def heatmaps(prediction: Prediction, *, by: User, now: datetime) -> tuple[dict[str, ClassMap], Frame]:
    """Return the class maps of a finished prediction and their frame; raises ImageUnavailable."""

    def read() -> tuple[dict[str, ClassMap], Frame]:
        name = prediction.heatmap_file
        content = storage.read_verified(name, prediction.heatmap_sha256)
        try:
            return heatmap_files.load_heatmaps(BytesIO(content))
        except (ValueError, KeyError, EOFError, OSError) as error:
            raise UnusableFile(name, FileProblem.DAMAGED) from error

    return _recorded(prediction.case, "heatmaps", read, by, now)


def packed_bit_depth(radiograph: Radiograph, *, by: User, now: datetime) -> bytes:
    """Return all stored bits of a radiograph, packed; created from the original at the first call.

    Raises ImageUnavailable, ServerBusy.
    """
    names = storage.radiograph_files(radiograph.pk)
    if radiograph.depth_sha256:
        try:
            return storage.read_verified(names.depth, radiograph.depth_sha256)
        except UnusableFile as error:  # made again from the original
            logger.warning("the packed pixels of radiograph %s are %s", radiograph.pk, error.problem)

    def pack() -> bytes:
        try:
            original = storage.read_verified(names.original, radiograph.file_sha256)
            with upload_validation.decoding_slot():
                return pack_full_depth_in_child(original)
        except UnreadableImage as error:
            logger.warning("no full-depth pixels of radiograph %s: %s", radiograph.pk, type(error).__name__)
            raise ImageUnavailable(_("The radiograph cannot be shown in full bit depth.")) from error

    packed = _recorded(radiograph.case, "original", pack, by, now)
    _store_derived(radiograph, names.depth, packed, "depth_sha256")
    return packed


def _store_derived(radiograph: Radiograph, name: str, content: bytes, column: str) -> None:
    """Store a file that is made from another one, and its checksum."""
    try:
        sha256 = storage.store_file(name, content)
    except (OSError, StorageUnavailable) as error:  # the next request makes it again
        logger.warning("a file made from a radiograph could not be stored: %s", type(error).__name__)
    else:
        Radiograph.objects.filter(pk=radiograph.pk).update(**{column: sha256})


def _recorded(case: Case, kind: str, read: Callable[[], T], by: User, now: datetime) -> T:
    try:
        return read()
    except UnusableFile as error:
        file_damage.record(case, kind, error, by=by, now=now)
        raise ImageUnavailable(
            _(
                "The stored file of this image is missing or damaged, and is not shown. "
                "Upload the radiograph again, or ask an administrator to restore the file from a backup."
            )
        ) from error
    except OSError as error:
        logger.error("a stored file of case %s cannot be read: %s", case.pk, error.strerror)
        raise ImageUnavailable(
            _("The stored file of this image cannot be read. Ask an administrator to check the storage.")
        ) from error
