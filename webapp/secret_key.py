"""The signing key of an installation without SECRET_KEY."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from django.core.exceptions import ImproperlyConfigured

MIN_LENGTH: Final = 32  # characters; a key made here has 86


def stored_key(path: Path) -> str:
    """Return the key stored at `path`; create it if missing, readable by its owner only.

    Raises ImproperlyConfigured for an empty or truncated key: a new one made silently would end all sessions
    and give every patient a new pseudonym in data sets.
    """
    if not path.exists():
        _create(path)
    key = path.read_text(encoding="ascii").strip()
    if len(key) < MIN_LENGTH:
        state = "is empty" if not key else f"holds only {len(key)} characters"
        raise ImproperlyConfigured(
            f"The file with the signing key, {path}, {state}. Restore it from a backup. "
            "Without a backup delete the file: Readroom then makes a new key, all users have to log in "
            "again, and patients get new pseudonyms in data sets."
        )
    path.chmod(0o600)
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
    ) as file:
        file.write(secrets.token_urlsafe(64))
        file.flush()
        os.fsync(file.fileno())  # after a power cut the linked file must not be empty
    try:
        os.link(draft, path)  # fails when another process was first; its key is used then
    except FileExistsError:
        pass
    finally:
        draft.unlink()
