"""Limits of a user's upload list."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MAX_FILES: Final = 500  # not yet sent, of one user
MAX_ROWS: Final = 2 * MAX_FILES  # with those already sent, which stay until they are cleared or expire
MAX_ARCHIVE_BYTES: Final = 1_000_000_000  # of a ZIP as received
LIFETIME: Final = timedelta(hours=24)  # of a row and its files
DUPLICATE: Final = "duplicate"  # code of a note that does not stop the sending
THUMBNAIL_SIDE: Final = 96  # pixels, longer side; shown at half of it
