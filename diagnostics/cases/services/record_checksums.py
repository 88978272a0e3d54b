"""Checksums of files that were stored before rows had columns for them."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from typing import Final

import cv2
import numpy as np

from diagnostics.cases import selectors
from diagnostics.cases.models import Prediction, Radiograph
from diagnostics.stores.base import StoredFile
from ml.inference import heatmap_files

Model = type[Radiograph] | type[Prediction]


def record_missing_checksums() -> int:
    """Record the SHA-256 of each readable file without one and return how many; others stay without.

    That such a file was not altered before is unknown: only that it can be decoded.
    """
    return sum(_record(file) for file in selectors.stored_files() if not file.sha256)


def _record(file: StoredFile) -> bool:
    model, column, is_readable = COLUMNS[file.kind]
    try:
        content = file.read()
    except FileNotFoundError:
        return False
    if not is_readable(content):
        return False
    rows = model._default_manager.filter(**{"pk": file.row, column: ""})
    return bool(rows.update(**{column: sha256(content).hexdigest()}))


def _is_png(content: bytes) -> bool:
    stored = np.frombuffer(content, dtype=np.uint8)
    return stored.size > 0 and cv2.imdecode(stored, cv2.IMREAD_UNCHANGED) is not None


def _is_npz(content: bytes) -> bool:
    try:
        heatmap_files.load_heatmaps(BytesIO(content))
    except (ValueError, KeyError, EOFError, OSError):
        return False
    return True


COLUMNS: Final[dict[str, tuple[Model, str, Callable[[bytes], bool]]]] = {
    "display": (Radiograph, "display_sha256", _is_png),
    "grey": (Radiograph, "grey_sha256", _is_png),
    "heatmaps": (Prediction, "heatmap_sha256", _is_npz),
    "overlay": (Prediction, "overlay_sha256", _is_png),
}
