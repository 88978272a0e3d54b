"""`manage.py fetch_dataset`: download a public collection into the import folder."""

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
BAR_LENGTH: Final = 30  # characters


class Command(BaseCommand):
    help = "Download a public collection and resume interrupted downloads. `import_cases` then imports it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the collection and the folder."""
        parser.add_argument("name", choices=sorted(DATASETS))
        parser.add_argument("--into", type=Path, help="a folder; default: the import folder")

    def handle(self, *args: Any, name: str, into: Path | None, **options: Any) -> None:
        """Print the collection's title and licence, then download its files."""
        dataset = DATASETS[name]
        self.stdout.write(f"{dataset.title}\n  {dataset.homepage}\n  Licence: {dataset.licence}")
        if not dataset.parts:
            raise CommandError(dataset.manual_download)
        folder = into or Path(settings.IMPORTS)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._fetch(dataset, folder)
        except (DownloadError, OSError) as error:
            raise CommandError(str(error)) from error

    def _fetch(self, dataset: Dataset, folder: Path) -> None:
        for part in dataset.parts:
            file = downloads.fetch(part, folder, on_progress=_ProgressBar(self, part).show)
            self.stdout.write(f"{file.path}\n  SHA-256 {file.sha256}")
            if not file.checksum_known:
                self.stdout.write(
                    "  No checksum is published for this file: the checksum of this first download was "
                    f"recorded in {downloads.SUMS} and is required from now on."
                )
            self.stdout.write(f"Next: manage.py import_cases {file.path} --dry-run")


class _ProgressBar:
    """One line rewritten in a terminal, or one line for each tenth in a log."""

    def __init__(self, command: BaseCommand, part: Part) -> None:
        self._out, self._part, self._tenth = command.stdout, part, -1

    def show(self, received: int, total: int | None) -> None:
        """Print the number of bytes received so far."""
        total = total or self._part.size or None
        text = f"{received / MEGABYTE:,.0f} MB"
        if total is None:
            tenth = received // (100 * MEGABYTE)
        else:
            tenth = 10 * received // total
            filled = BAR_LENGTH * received // total
            text = f"[{'#' * filled}{'.' * (BAR_LENGTH - filled)}] {text} of {total / MEGABYTE:,.0f} MB"
        if self._out.isatty():
            self._out.write(f"\r{text}", ending="\n" if received == total else "")
        elif tenth != self._tenth:
            self._out.write(text)
        self._tenth = tenth
