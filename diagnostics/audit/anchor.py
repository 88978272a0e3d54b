"""The anchor: the last sealed position and hash, in a file of the home that outlives a truncated table."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True)
class Anchor:
    """The end of the hash chain at one moment."""

    position: int
    hash: str


def path() -> Path:
    """Return the path of the file."""
    return Path(settings.READROOM_HOME) / "audit-anchor.json"


def read() -> Anchor | None:
    """Return the stored anchor; None before the first sealing of this home."""
    try:
        return Anchor(**json.loads(path().read_text()))
    except FileNotFoundError:
        return None


def write(anchor: Anchor) -> None:
    """Replace the stored anchor, atomically and on the disk; only its owner may read it."""
    # A name of its own for each writer: two processes or threads may seal at the same moment.
    descriptor, staged = tempfile.mkstemp(prefix=f"{path().stem}.", suffix=".tmp", dir=path().parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(anchor), file)
            file.flush()
            os.fsync(file.fileno())
        Path(staged).replace(path())
    finally:
        Path(staged).unlink(missing_ok=True)
