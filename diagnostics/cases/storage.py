"""Where the files of radiographs and heat maps lie; every name is made of uuids, never of what somebody typed."""

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

from ml.images import png as png_images
from ml.images import reading
from ml.images.decode import pack_depth_in_child
from ml.records import DecodedRadiograph, Grey

MAX_16_BIT: Final = 65535  # white in 16 bits
FAST: Final = [cv2.IMWRITE_PNG_COMPRESSION, 1]  # a tenth larger than the default, four times faster

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RadiographFiles:
    """The files of one radiograph, relative to MEDIA_ROOT."""

    original: str  # as uploaded, never served
    display: str  # 8-bit grey for the screen
    grey: str  # 16-bit grey, lossless: what networks read
    depth: str  # stored grey before any window, packed for the viewer; written when first looked at


@dataclass(frozen=True)
class PredictionFiles:
    """The two files of one answer, relative to MEDIA_ROOT."""

    maps: str
    overlay: str


def radiograph_files(radiograph_id: uuid.UUID) -> RadiographFiles:
    """Name the files of a radiograph after its row."""
    stem = f"radiographs/{radiograph_id.hex[:2]}/{radiograph_id}"
    return RadiographFiles(
        original=f"{stem}.bin",
        display=f"{stem}.png",
        grey=f"{stem}.grey.png",
        depth=f"{stem}.depth.gz",
    )


def prediction_files(prediction_id: uuid.UUID, token: uuid.UUID) -> PredictionFiles:
    """Name the files of an answer after its row and the claim, so that no two workers share a name."""
    stem = f"{_answer_folder(prediction_id)}/{prediction_id}-{token}"
    return PredictionFiles(maps=f"{stem}.npz", overlay=f"{stem}.png")


def path(name: str) -> Path:
    """Say where a named file lies."""
    return Path(settings.MEDIA_ROOT) / name


def store_radiograph(names: RadiographFiles, *, original: bytes, radiograph: DecodedRadiograph) -> None:
    """Write the three files of a new radiograph; leaves none behind when one of them fails with OSError."""
    try:
        store_file(names.original, original)
        store_file(names.display, png_images.display_png(radiograph))
        store_file(names.grey, _grey_png(radiograph.grey))
    except BaseException:
        remove_radiograph(names)
        raise


def store_file(name: str, content: bytes) -> None:
    """Write one file whole or not at all; raises OSError."""
    target = path(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # the row that names this file is written durably too
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def link_radiograph(names: RadiographFiles, *, to: RadiographFiles) -> None:
    """Give the files of a radiograph a second name each; leaves none behind when one fails with OSError."""
    pairs = ((names.original, to.original), (names.display, to.display), (names.grey, to.grey))
    path(to.original).parent.mkdir(parents=True, exist_ok=True)
    try:
        for old, new in pairs:
            _same_file(path(old), path(new))
    except BaseException:
        remove_radiograph(to)
        raise


def read_grey(name: str) -> Grey:
    """Read a radiograph back as it was accepted; raises OSError, ValueError when it is no 16-bit grey PNG."""
    stored = np.frombuffer(path(name).read_bytes(), dtype=np.uint8)
    pixels = cv2.imdecode(stored, cv2.IMREAD_UNCHANGED) if stored.size else None
    if pixels is None or pixels.ndim != 2 or pixels.dtype != np.uint16:
        raise ValueError(f"{name} is no 16-bit grey PNG")
    return pixels.astype(np.float32) / np.float32(MAX_16_BIT)


def packed_bit_depth(names: RadiographFiles) -> bytes:
    """Give a radiograph's full depth, packed; made of the original once, in a limited child.

    Raises OSError where the original is gone, UnreadableImage where it cannot be decoded any more.
    """
    try:
        return path(names.depth).read_bytes()
    except FileNotFoundError:
        packed = pack_depth_in_child(path(names.original).read_bytes())
    try:
        store_file(names.depth, packed)
    except OSError as trouble:  # a full disk costs time at the next look, not this one
        logger.warning("the depth of a radiograph could not be kept: %s", trouble.strerror)
    return packed


def remove_radiograph(names: RadiographFiles) -> None:
    """Take the files of a radiograph away again."""
    for name in (names.original, names.display, names.grey, names.depth):
        _discard(path(name))


def remove_temporary_files(names: RadiographFiles) -> None:
    """Clear away what a worker that died left of an earlier attempt to write a radiograph's files."""
    first = path(names.original)
    for left in first.parent.glob(f"{first.stem}.*.tmp"):
        _discard(left)


def remove_prediction_files(names: PredictionFiles) -> None:
    """Take the files of an answer away again."""
    for name in (names.maps, names.overlay):
        _discard(path(name))


def remove_stale_prediction_files(prediction_id: uuid.UUID, *, but: PredictionFiles) -> None:
    """Clear away what workers that died left of earlier attempts at this row."""
    for left in path(_answer_folder(prediction_id)).glob(f"{prediction_id}-*"):
        if left.name not in (Path(but.maps).name, Path(but.overlay).name):
            _discard(left)


def _same_file(old: Path, new: Path) -> None:
    try:
        new.hardlink_to(old)
    except FileNotFoundError:
        raise
    except OSError:  # some network file systems know no second names
        shutil.copyfile(old, new)


def _discard(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as trouble:  # a disk that refuses this too must not hide why we clear up
        logger.warning("%s could not be removed: %s", file.name, trouble.strerror)


def _answer_folder(prediction_id: uuid.UUID) -> str:
    return f"answers/{prediction_id.hex[:2]}"


def _grey_png(grey: Grey) -> bytes:
    done, png = cv2.imencode(".png", reading.to_16_bit(grey), FAST)
    if not done:
        raise OSError("the radiograph could not be encoded")
    return bytes(png)
