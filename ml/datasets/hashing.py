"""SHA-256 of files and of data sets, and the hash that assigns a name to a part of a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from ml.records import LabelledImage


def fingerprint(radiographs: Iterable[LabelledImage]) -> str:
    """Return the SHA-256 of the contents, labels and patients of radiographs in any order."""
    lines = sorted(
        f"{content_sha256(radiograph.path)} {radiograph.label} {radiograph.patient}"
        for radiograph in radiographs
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def content_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, or of its name if the file cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return hashlib.sha256(f"unreadable {path.name}".encode()).hexdigest()


def hash_fraction(name: str, purpose: str) -> float:
    """Map a name to a fixed number from 0 to 1, uniformly distributed and independent for each purpose."""
    return int(hashlib.sha256(f"{purpose}:{name}".encode()).hexdigest()[:8], 16) / 2**32
