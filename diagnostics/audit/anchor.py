"""The anchor: the last sealed position and hash, in a file of the home that outlives a truncated table."""

from __future__ import annotations

import json
import os
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
    """Replace the stored anchor, atomically and on the disk."""
    staged = path().with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(anchor), file)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path())
