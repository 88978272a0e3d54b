"""Removal of files that no row names, and the record of damaged files."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.services import sweep as cases
from diagnostics.cases.storage import SAFE_AGE
from diagnostics.files import delete, old_files
from diagnostics.imports.services import scans
from diagnostics.registry import services as registry
from diagnostics.training.services import sweep as training
from diagnostics.uploads.services import editing as uploads


@dataclass(frozen=True)
class SweepResult:
    """How many files and folders a sweep has deleted."""

    media: int
    bundles: int
    runs: int
    imports: int
    uploads: int
    drafts: int

    @property
    def total(self) -> int:
        return sum(asdict(self).values())


def sweep(*, now: datetime, older_than: timedelta = SAFE_AGE, share: int | None = None) -> SweepResult:
    """Delete files that no row names and that are older; record how many, if any.

    A share restricts the sweep to a part of MEDIA_ROOT.
    """
    result = SweepResult(
        media=cases.sweep(older_than=older_than, now=now, share=share),
        bundles=registry.sweep(older_than=older_than, now=now),
        runs=training.sweep(older_than=older_than, now=now),
        imports=scans.sweep_staging(older_than=older_than, now=now),
        uploads=uploads.sweep(older_than=older_than, now=now),
        drafts=_sweep_drafts(older_than, now),
    )
    if result.total:
        audit.record(action=Action.FILES_SWEPT, by=None, detail=asdict(result), now=now)
    return result


def _sweep_drafts(older_than: timedelta, now: datetime) -> int:
    """Delete what killed processes left: drafts of messages and of the signing key, partial uploads."""
    home = Path(settings.READROOM_HOME)
    drafts = [
        *(file for file in old_files(home, older_than, now=now) if file.name.startswith("secret_key.")),
        *(
            file
            for file in old_files(home / "broker" / "messages", older_than, now=now)
            if file.suffix == ".draft"
        ),
        *old_files(Path(str(settings.FILE_UPLOAD_TEMP_DIR)), older_than, now=now),
    ]
    return delete(drafts)
