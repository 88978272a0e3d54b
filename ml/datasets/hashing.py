"""TODO: ml.datasets.hashing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from ml.records import LabelledImage


def fingerprint(radiographs: Iterable[LabelledImage]) -> str:
    """Name a set of radiographs by content, label and patient (SHA-256); their order and paths do not matter."""
    lines = sorted(
        f"{content_sha256(radiograph.path)} {radiograph.label} {radiograph.patient}"
        for radiograph in radiographs
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def content_sha256(path: Path) -> str:
    """Hash a file's content; of one that cannot be read, its name."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return hashlib.sha256(f"unreadable {path.name}".encode()).hexdigest()


def share_of(name: str, purpose: str) -> float:
    """Give a name its fixed place in 0 to 1, evenly spread and different for each purpose."""
    return int(hashlib.sha256(f"{purpose}:{name}".encode()).hexdigest()[:8], 16) / 2**32
