"""Which files of the home belong to a backup.

Radiographs, heatmaps, bundles and the folders of training runs are those that a row of the database copy
names. Of the rest of the home everything is kept except what another start creates again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings

from diagnostics.cases import storage
from diagnostics.cases.models import Prediction, Radiograph
from diagnostics.jobs.models import OPEN_STATUSES
from diagnostics.registry.models import ModelVersion
from diagnostics.training.models import TrainingRun
from diagnostics.training.selectors import runs
from diagnostics.training.snapshot import FILE as SNAPSHOT

CREATED_AGAIN: Final = frozenset({"static", "broker", "log", "imports", "secret_key"})
OF_ROWS: Final = frozenset({"media", "bundles", "runs"})
DATABASE_FILES: Final = "db.sqlite3*"
VOLATILE: Final = (DATABASE_FILES, "*.log", "*.pid", "*.lock", "*.tmp", "beat-schedule*")


def named_files(using: str) -> Iterator[Path]:
    """Yield the files that rows name: each must be in the backup; paths are relative to the home."""
    media = Path(settings.MEDIA_ROOT).relative_to(settings.READROOM_HOME)
    for radiograph in Radiograph.objects.using(using).values_list("pk", flat=True).iterator():
        names = storage.radiograph_files(radiograph)
        yield from (media / name for name in (names.original, names.display, names.grey))
    predictions = Prediction.objects.using(using).exclude(heatmap_file="")
    for pair in predictions.values_list("heatmap_file", "overlay_file").iterator():
        yield from (media / name for name in pair)


def other_files(using: str, *, with_checkpoints: bool) -> Iterator[Path]:
    """Yield the files of bundles and training runs, and the rest of the home, relative to the home."""
    for version in ModelVersion.objects.using(using):
        yield from _below(Path(settings.BUNDLES) / version.bundle)
    for run in TrainingRun.objects.using(using):
        for path in _below(runs.folder(run)):
            if _is_kept(path.relative_to(runs.folder(run).relative_to(_home())), run, with_checkpoints):
                yield path
    for entry in sorted(_home().iterdir()):
        if entry.name not in CREATED_AGAIN | OF_ROWS and not _is_volatile(entry):
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
