"""`manage.py fetch_dataset`: download a public collection into the folder for imports."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from diagnostics.imports import downloads
from diagnostics.imports.dataset_catalogue import DATASETS, Dataset, Part
from diagnostics.imports.downloads import DownloadError

MEGABYTE: Final = 1_000_000
BAR: Final = 30  # signs


class Command(BaseCommand):
    help = "Download a public collection; a download that was cut goes on. Importing it is another step."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the collection and the folder."""
        parser.add_argument("name", choices=sorted(DATASETS))
        parser.add_argument("--into", type=Path, help="a folder; else the folder for imports")

    def handle(self, *args: Any, name: str, into: Path | None, **options: Any) -> None:
        """Say what it is and what may be done with it, then fetch its files."""
        dataset = DATASETS[name]
        self.stdout.write(f"{dataset.title}\n  {dataset.homepage}\n  Licence: {dataset.licence}")
        if not dataset.parts:
            raise CommandError(dataset.by_hand)
        folder = into or Path(settings.IMPORTS)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._fetch(dataset, folder)
        except (DownloadError, OSError) as trouble:
            raise CommandError(str(trouble)) from trouble

    def _fetch(self, dataset: Dataset, folder: Path) -> None:
        for part in dataset.parts:
            fetched = downloads.fetch(part, folder, on_progress=_Bar(self, part).show)
            self.stdout.write(f"{fetched.path}\n  SHA-256 {fetched.sha256}")
            if not fetched.known_before:
                self.stdout.write(
                    f"  Nobody has published a checksum of it: this first one is trusted, kept in "
                    f"{downloads.SUMS}, and asked for from now on."
                )
            self.stdout.write(f"Next: manage.py import_cases {fetched.path} --dry-run")


class _Bar:
    """A line that is written over in a terminal, and a line per tenth in a log."""

    def __init__(self, command: BaseCommand, part: Part) -> None:
        self._out, self._part, self._tenth = command.stdout, part, -1

    def show(self, there: int, total: int | None) -> None:
        """Say how much has come."""
        total = total or self._part.size or None
        words = f"{there / MEGABYTE:,.0f} MB"
        if total is None:
            tenth = there // (100 * MEGABYTE)
        else:
            tenth = 10 * there // total
            filled = BAR * there // total
            words = f"[{'#' * filled}{'.' * (BAR - filled)}] {words} of {total / MEGABYTE:,.0f} MB"
        if self._out.isatty():
            self._out.write(f"\r{words}", ending="\n" if there == total else "")
        elif tenth != self._tenth:
            self._out.write(words)
        self._tenth = tenth
