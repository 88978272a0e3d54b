"""The manifest of a backup: its files with their SHA-256, the rows of each table, and the migrations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from django.utils.translation import gettext as _

from webapp.backup.errors import DamagedBackup

FORMAT: Final = 1
MEMBER: Final = "manifest.json"  # the last member of an archive: without it the archive is incomplete
DATABASES: Final = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
SECRET_KEY: Final = "secret_key"  # noqa: S105 - the name of a file
HOME: Final = "home/"  # before the path of each file below READROOM_HOME


@dataclass(frozen=True)
class StoredFile:
    """SHA-256 and size in bytes of one file."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """What an archive contains."""

    created_at: str  # ISO 8601
    vendor: str  # of the database: sqlite or postgresql
    migrations: tuple[tuple[str, str], ...]  # app and name of each applied migration
    rows: Mapping[str, int]  # table -> number of rows
    files: Mapping[str, StoredFile]
    missing: tuple[str, ...] = ()  # files that a row names and that were not on the disk
    format: int = field(default=FORMAT)

    @property
    def database(self) -> str:
        """Return the name of the archived database."""
        return DATABASES[self.vendor]

    @property
    def size(self) -> int:
        """Return the size of all files in bytes."""
        return sum(file.size for file in self.files.values())

    def to_json(self) -> bytes:
        """Return the manifest as JSON."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()


def parse(text: bytes) -> Manifest:
    """Return the manifest of JSON; raises DamagedBackup."""
    try:
        stored = json.loads(text)
        if stored["format"] != FORMAT:
            raise DamagedBackup(_("The archive has a format that this version of Readroom cannot read."))
        return Manifest(
            created_at=stored["created_at"],
            vendor=stored["vendor"],
            migrations=tuple((app, name) for app, name in stored["migrations"]),
            rows=stored["rows"],
            files={name: StoredFile(**file) for name, file in stored["files"].items()},
            missing=tuple(stored["missing"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedBackup(_("%(name)s is damaged.") % {"name": MEMBER}) from error
