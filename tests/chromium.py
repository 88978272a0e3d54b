"""The system's Chromium, as browser tests start it."""

from __future__ import annotations

import shutil
from typing import Final

CHROMIUM_ARGUMENTS: Final = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--disable-quic"),
]


def chromium_path() -> str:
    """Return the path of the system's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is not installed; `make apt` installs what the tests need"
    return path
