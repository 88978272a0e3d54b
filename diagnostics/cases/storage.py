"""The files of radiographs and predictions, on the disk or in S3; names are UUIDs, never user input."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from errno import ENOENT, ETIME
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from django.conf import settings

from diagnostics.files import FileProblem, write_durably
from diagnostics.stores import chosen
from diagnostics.stores.base import Store, StoredFile
from ml.images import png as png_images
from ml.records import DecodedRadiograph, Grey

MAX_16_BIT: Final = 65535
SAFE_AGE: Final = timedelta(hours=24)  # of a file without a row, before the sweeper removes it
ADOPTION_AGE: Final = SAFE_AGE / 2  # of a file that a row may still begin to name
FAST_PNG: Final = [cv2.IMWRITE_PNG_COMPRESSION, 1]  # a tenth larger than the default, four times faster


@dataclass(frozen=True)
class RadiographFiles:
    """The files of one radiograph in the store."""

    original: str  # as uploaded, never served
    display: str  # 8-bit grey for the screen
    grey: str  # 16-bit grey, lossless: the input of networks
    depth: str  # all stored bits before any window, packed for the viewer; written at the first request
    thumbnail: str  # small JPEG for lists; written at the first request


@dataclass(frozen=True)
class RadiographChecksums:
    """The SHA-256 of the stored files of one radiograph, named like the columns of its row."""

    file_sha256: str
    display_sha256: str
    grey_sha256: str


@dataclass(frozen=True)
class PredictionChecksums:
    """The SHA-256 of the files of one prediction, named like the columns of its row."""

    heatmap_sha256: str
    overlay_sha256: str


@dataclass(frozen=True)
class PredictionFiles:
    """The files of one prediction in the store."""

    heatmaps: str
    overlay: str


class UnusableFile(OSError):
    """A stored file is missing, or differs from the one that was written."""

    def __init__(self, name: str, problem: FileProblem) -> None:
        super().__init__(f"{name} is {problem}")
        self.name, self.problem = name, problem


def radiograph_files(radiograph_id: uuid.UUID) -> RadiographFiles:
    """Return the file names of a radiograph."""
    stem = f"radiographs/{radiograph_id.hex[:2]}/{radiograph_id}"
    return RadiographFiles(
        original=f"{stem}.bin",
        display=f"{stem}.png",
        grey=f"{stem}.grey.png",
        depth=f"{stem}.depth.gz",
        thumbnail=f"{stem}.thumbnail.jpg",
    )


def prediction_files(prediction_id: uuid.UUID, token: uuid.UUID) -> PredictionFiles:
    """Return the file names of a prediction; the claim's token keeps two workers from sharing a name."""
    stem = f"{_prediction_folder(prediction_id)}/{prediction_id}-{token}"
    return PredictionFiles(heatmaps=f"{stem}.npz", overlay=f"{stem}.png")


def store() -> Store:
    """Return where these files are."""
    return chosen.media()


def path(name: str) -> Path:
    """Return the path of a stored file on the disk."""
    return Path(settings.MEDIA_ROOT) / name


def readable_path(name: str) -> Path:
    """Return where a program that reads paths finds a file: on the disk, or its copy of an object in S3."""
    return Path(settings.COPIES) / name if settings.S3 else path(name)


def fetch(name: str, sha256: str) -> None:
    """Copy an object in S3 to its readable path; raises UnusableFile, OSError, StorageUnavailable."""
    if settings.S3:
        write_durably(readable_path(name), read_verified(name, sha256))


def discard_copies() -> None:
    """Delete all copies of objects on this host."""
    shutil.rmtree(settings.COPIES, ignore_errors=True)


def stored_file(kind: str, row: uuid.UUID, name: str, sha256: str) -> StoredFile:
    """Return a file that a row names."""
    return StoredFile(kind, str(row), name, sha256, store())


def store_radiograph(
    names: RadiographFiles, *, original: bytes, radiograph: DecodedRadiograph
) -> RadiographChecksums:
    """Write the three files of a radiograph that has no row yet, or none of them; raises OSError."""
    try:
        return restore_radiograph(names, original=original, radiograph=radiograph)
    except BaseException:
        _remove_unnamed(*_stored_names(names))
        raise


def restore_radiograph(
    names: RadiographFiles, *, original: bytes, radiograph: DecodedRadiograph
) -> RadiographChecksums:
    """Write the three files of a radiograph, each in place of the one that is there; raises OSError."""
    checksums = RadiographChecksums(
        file_sha256=store_file(names.original, original),
        display_sha256=store_file(names.display, png_images.display_png(radiograph)),
        grey_sha256=store_file(names.grey, _grey_png(radiograph.grey)),
    )
    store().settle(names.original)
    return checksums


def store_prediction(names: PredictionFiles, *, heatmaps: bytes, overlay: bytes) -> PredictionChecksums:
    """Write the two files of a prediction that no row names yet, or none of them; raises OSError."""
    try:
        checksums = PredictionChecksums(
            heatmap_sha256=store_file(names.heatmaps, heatmaps),
            overlay_sha256=store_file(names.overlay, overlay),
        )
        store().settle(names.overlay)
    except BaseException:
        _remove_unnamed(names.heatmaps, names.overlay)
        raise
    return checksums


def store_file(name: str, content: bytes) -> str:
    """Write a file atomically and durably, and return its SHA-256; raises OSError."""
    return store().write(name, content)


def link_radiograph(names: RadiographFiles, *, to: RadiographFiles) -> None:
    """Link the three files of a radiograph to names without a row, or none of them; raises OSError."""
    try:
        for old, new in zip(_stored_names(names), _stored_names(to), strict=True):
            store().copy(old, to=new)
        store().settle(to.original)
    except BaseException:
        _remove_unnamed(*_stored_names(to))
        raise


def read_verified(name: str, sha256: str) -> bytes:
    """Return a stored file with this checksum, or with any if it is empty; raises UnusableFile."""
    try:
        content = store().read(name)
    except FileNotFoundError as error:
        raise UnusableFile(name, FileProblem.MISSING) from error
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise UnusableFile(name, FileProblem.DAMAGED)
    return content


def read_grey(name: str, sha256: str = "") -> Grey:
    """Read the pixels of a radiograph; raises OSError, or ValueError for a file not in 16-bit grey PNG."""
    stored = np.frombuffer(read_verified(name, sha256), dtype=np.uint8)
    pixels = cv2.imdecode(stored, cv2.IMREAD_UNCHANGED) if stored.size else None
    if pixels is None or pixels.ndim != 2 or pixels.dtype != np.uint16:
        raise ValueError(f"{name} is no 16-bit grey PNG")
    return pixels.astype(np.float32) / np.float32(MAX_16_BIT)


def require_recent(*names: str, now: datetime) -> None:
    """Check, last before a commit, that files without a row are there and not about to be swept.

    Raises OSError. A process that was suspended for hours between writing the files and the commit must not
    commit a row whose files the sweeper has removed or is about to remove.
    """
    written_at = store().written_at(names)
    for name in names:
        if name not in written_at:
            raise FileNotFoundError(ENOENT, "the file is missing", name)
        if written_at[name] < now - ADOPTION_AGE:
            raise TimeoutError(ETIME, "the files were written too long ago", name)


def _remove_unnamed(*names: str) -> None:
    """Delete files whose names no row was ever given."""
    store().delete(names)


def _stored_names(names: RadiographFiles) -> tuple[str, str, str]:
    return names.original, names.display, names.grey


def _prediction_folder(prediction_id: uuid.UUID) -> str:
    return f"predictions/{prediction_id.hex[:2]}"


def _grey_png(grey: Grey) -> bytes:
    encoded, png = cv2.imencode(".png", png_images.to_16_bit(grey), FAST_PNG)
    if not encoded:
        raise OSError("the radiograph could not be encoded")
    return bytes(png)
