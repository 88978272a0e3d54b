"""Which files of the home belong to a backup.

Radiographs, heatmaps, bundles and the folders of training runs are those that a row of the database copy
names. Of the rest of the home everything is kept except what another start creates again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings

from diagnostics import disk
from diagnostics.audit import anchor
from diagnostics.cases import selectors as cases
from diagnostics.jobs.models import OPEN_STATUSES
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion
from diagnostics.stores.base import StoredFile
from diagnostics.training.models import TrainingRun
from diagnostics.training.selectors import runs
from diagnostics.training.snapshot import FILE as SNAPSHOT

CREATED_AGAIN: Final = frozenset(
    {
        "static",
        "broker",
        "log",
        "imports",
        "secret_key",
        "uploads",
        "staged",
        "metrics",
        "engines",
        "copies",
        "api-rate",
        disk.RESERVE_FILE,
    }
)
MADE_AGAIN: Final = frozenset({"depth", "thumbnail"})  # from the original when they are missing
OF_ROWS: Final = frozenset({"media", "bundles", "runs"})
DATABASE_FILES: Final = "db.sqlite3*"
VOLATILE: Final = (DATABASE_FILES, "*.log", "*.pid", "*.lock", "*.tmp", "beat-schedule*")


def audit_anchor() -> tuple[str, bytes] | None:
    """Return the end of the audit chain as a name and content, to be read before the database is copied.

    A later one may be ahead of the copy, which would then lack events.
    """
    path = anchor.path()
    return (path.name, path.read_bytes()) if path.exists() else None


def named_files(using: str) -> Iterator[StoredFile]:
    """Yield the files that rows name, on the disk or in S3: each must be in the backup."""
    return (file for file in cases.stored_files(using) if file.kind not in MADE_AGAIN)


def other_files(using: str, *, with_checkpoints: bool) -> Iterator[Path]:
    """Yield the files of bundles and training runs, and the rest of the home, relative to the home."""
    for version in ModelVersion.objects.using(using):
        yield from _below(registry.bundle_path(version))  # fetched from S3 if this home has no copy
    for run in TrainingRun.objects.using(using):
        for path in _below(runs.folder(run)):
            if _is_kept(path.relative_to(runs.folder(run).relative_to(_home())), run, with_checkpoints):
                yield path
    elsewhere = CREATED_AGAIN | OF_ROWS | {anchor.path().name}
    for entry in sorted(_home().iterdir()):
        if entry.name not in elsewhere and not _is_volatile(entry):
            yield from _below(entry)


def _is_kept(path: Path, run: TrainingRun, with_checkpoints: bool) -> bool:
    if run.status in OPEN_STATUSES:  # a worker changes its files
        return path.name == SNAPSHOT
    return with_checkpoints or path.parts[0] != runs.CHECKPOINTS


def _below(entry: Path) -> Iterator[Path]:
    for path in sorted(entry.rglob("*")) if entry.is_dir() else [entry]:
        if path.is_file() and not path.is_symlink() and not _is_volatile(path):
            yield path.relative_to(_home())


def _is_volatile(path: Path) -> bool:
    return path.name.startswith(".") or any(path.match(pattern) for pattern in VOLATILE)


def _home() -> Path:
    return Path(settings.READROOM_HOME)
