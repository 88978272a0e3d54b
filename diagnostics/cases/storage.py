"""The files of radiographs and predictions under MEDIA_ROOT; names consist of UUIDs, never of user input."""

from __future__ import annotations

import logging
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from django.conf import settings

from diagnostics.cases import upload_validation
from ml.images import decoding
from ml.images import png as png_images
from ml.images.decode_in_child import pack_full_depth_in_child
from ml.records import DecodedRadiograph, Grey

MAX_16_BIT: Final = 65535
FAST_PNG: Final = [cv2.IMWRITE_PNG_COMPRESSION, 1]  # a tenth larger than the default, four times faster

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RadiographFiles:
    """The files of one radiograph, relative to MEDIA_ROOT."""

    original: str  # as uploaded, never served
    display: str  # 8-bit grey for the screen
    grey: str  # 16-bit grey, lossless: the input of networks
    depth: str  # all stored bits before any window, packed for the viewer; written at the first request


@dataclass(frozen=True)
class PredictionFiles:
    """The files of one prediction, relative to MEDIA_ROOT."""

    heatmaps: str
    overlay: str


def radiograph_files(radiograph_id: uuid.UUID) -> RadiographFiles:
    """Return the file names of a radiograph."""
    stem = f"radiographs/{radiograph_id.hex[:2]}/{radiograph_id}"
    return RadiographFiles(
        original=f"{stem}.bin",
        display=f"{stem}.png",
        grey=f"{stem}.grey.png",
        depth=f"{stem}.depth.gz",
    )


def prediction_files(prediction_id: uuid.UUID, token: uuid.UUID) -> PredictionFiles:
    """Return the file names of a prediction; the claim's token keeps two workers from sharing a name."""
    stem = f"{_prediction_folder(prediction_id)}/{prediction_id}-{token}"
    return PredictionFiles(heatmaps=f"{stem}.npz", overlay=f"{stem}.png")


def path(name: str) -> Path:
    """Return the absolute path of a stored file."""
    return Path(settings.MEDIA_ROOT) / name


def store_radiograph(names: RadiographFiles, *, original: bytes, radiograph: DecodedRadiograph) -> None:
    """Write the three files of a new radiograph, or none of them; raises OSError."""
    try:
        store_file(names.original, original)
        store_file(names.display, png_images.display_png(radiograph))
        store_file(names.grey, _grey_png(radiograph.grey))
    except BaseException:
        remove_radiograph(names)
        raise


def store_file(name: str, content: bytes) -> None:
    """Write a file atomically and durably; raises OSError."""
    target = path(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # as durable as the row that names this file
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def link_radiograph(names: RadiographFiles, *, to: RadiographFiles) -> None:
    """Link the three files of a radiograph to new names, or none of them; raises OSError."""
    pairs = ((names.original, to.original), (names.display, to.display), (names.grey, to.grey))
    path(to.original).parent.mkdir(parents=True, exist_ok=True)
    try:
        for old, new in pairs:
            _link(path(old), path(new))
    except BaseException:
        remove_radiograph(to)
        raise


def read_grey(name: str) -> Grey:
    """Read the pixels of a radiograph; raises OSError, or ValueError for a file not in 16-bit grey PNG."""
    stored = np.frombuffer(path(name).read_bytes(), dtype=np.uint8)
    pixels = cv2.imdecode(stored, cv2.IMREAD_UNCHANGED) if stored.size else None
    if pixels is None or pixels.ndim != 2 or pixels.dtype != np.uint16:
        raise ValueError(f"{name} is no 16-bit grey PNG")
    return pixels.astype(np.float32) / np.float32(MAX_16_BIT)


def packed_bit_depth(names: RadiographFiles) -> bytes:
    """Return all stored bits of a radiograph, packed; created from the original at the first call.

    Raises OSError when the original is missing, UnreadableImage when it can no longer be decoded, ServerBusy.
    """
    try:
        return path(names.depth).read_bytes()
    except FileNotFoundError:
        with upload_validation.decoding_slot():
            packed = pack_full_depth_in_child(path(names.original).read_bytes())
    try:
        store_file(names.depth, packed)
    except OSError as error:  # the next request packs the pixels again
        logger.warning("the packed pixels of a radiograph could not be stored: %s", error.strerror)
    return packed


def remove_radiograph(names: RadiographFiles) -> None:
    """Delete the files of a radiograph."""
    for name in (names.original, names.display, names.grey, names.depth):
        _delete(path(name))


def remove_temporary_files(names: RadiographFiles) -> None:
    """Delete the temporary files that a worker left when it died while it wrote a radiograph."""
    original = path(names.original)
    for file in original.parent.glob(f"{original.stem}.*.tmp"):
        _delete(file)


def remove_prediction_files(names: PredictionFiles) -> None:
    """Delete the files of a prediction."""
    for name in (names.heatmaps, names.overlay):
        _delete(path(name))


def remove_stale_prediction_files(prediction_id: uuid.UUID, *, keep: PredictionFiles) -> None:
    """Delete the files of earlier attempts at a prediction, except those of `keep`."""
    for file in path(_prediction_folder(prediction_id)).glob(f"{prediction_id}-*"):
        if file.name not in (Path(keep.heatmaps).name, Path(keep.overlay).name):
            _delete(file)


def _link(old: Path, new: Path) -> None:
    try:
        new.hardlink_to(old)
    except FileNotFoundError:
        raise
    except OSError:  # some network file systems have no hard links
        shutil.copyfile(old, new)


def _delete(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:  # the original error must not be hidden by this one
        logger.warning("%s could not be deleted: %s", file.name, error.strerror)


def _prediction_folder(prediction_id: uuid.UUID) -> str:
    return f"predictions/{prediction_id.hex[:2]}"


def _grey_png(grey: Grey) -> bytes:
    encoded, png = cv2.imencode(".png", decoding.to_16_bit(grey), FAST_PNG)
    if not encoded:
        raise OSError("the radiograph could not be encoded")
    return bytes(png)
