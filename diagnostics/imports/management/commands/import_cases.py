"""`manage.py import_cases`: import a labelled collection from the command line."""

from __future__ import annotations

import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.accounts import selectors as accounts
from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.errors import DomainError
from diagnostics.imports import errors, scan, selectors, tasks
from diagnostics.imports.models import FileStatus, Import, ImportedFile
from diagnostics.imports.options import MAX_NAME_LENGTH, ImportOptions, printable_name
from diagnostics.imports.presenters import progress
from diagnostics.imports.services import import_control, scans
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus

POLL_SECONDS: Final = 0.5  # while a worker runs the import
MAX_LISTED: Final = 20  # unusable radiographs


class Command(BaseCommand):
    help = (
        "Import a labelled collection: a folder, a table (CSV) or a ZIP. The command needs no running "
        "worker; running workers share the import and continue it after Ctrl-C. "
        "Each radiograph is imported once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the collection and the import options."""
        parser.add_argument("path", type=Path)
        parser.add_argument("--name", default="", help="of a collection that is not a known public one")
        parser.add_argument("--label-source", default="", help="who assigned the findings")
        parser.add_argument("--site", default="", help="name of the site; default: the default site")
        parser.add_argument("--by", default="", help="an administrator; default: the first one")
        parser.add_argument(
            "--cohen",
            type=Path,
            help="path of the Cohen collection, which identifies DarkCovidNet's patients",
        )
        parser.add_argument(
            "--all-views", action="store_true", help="include lateral radiographs and unknown views"
        )
        parser.add_argument(
            "--limit", type=int, default=0, help="number of radiographs, balanced over the findings"
        )
        parser.add_argument("--dry-run", action="store_true", help="list the content and write nothing")

    def handle(self, *args: Any, path: Path, dry_run: bool, **options: Any) -> None:
        """Scan the collection, then import it unless this is a dry run."""
        path = path.expanduser().resolve()
        if not path.exists():
            raise CommandError(f"{path} does not exist.")
        import_options = ImportOptions(
            name=printable_name(options["name"], MAX_NAME_LENGTH),
            label_source=options["label_source"],
            all_views=options["all_views"],
            limit=max(0, options["limit"]),
        )
        try:
            if dry_run:
                self._dry_run(path, import_options, options["cohen"])
            else:
                self._import(path, import_options, options)
        except DomainError as error:
            raise CommandError(str(error)) from error

    def _dry_run(self, path: Path, options: ImportOptions, cohen: Path | None) -> None:
        with tempfile.TemporaryDirectory() as folder:
            result = scan.scan_collection(
                path, options, origin=path.name, unpack_into=Path(folder), cohen=cohen
            )
        self._print_content(result.importer, result.collection, result.files, result.exclusions)
        self.stdout.write("Dry run: nothing was written.")

    def _import(self, path: Path, import_options: ImportOptions, options: dict[str, Any]) -> None:
        by, site = _administrator(options["by"]), _site(options["site"])
        import_job = scans.scan_path(
            collection=path,
            origin=path.name,
            cohen=options["cohen"],
            options=import_options,
            site=site,
            by=by,
            now=timezone.now(),
        )
        files = list(import_job.files.all())
        self._print_content(import_job.importer, import_job.collection, files, import_job.exclusions)
        import_control.start_import(import_job=import_job, by=by, now=timezone.now())
        import_job.refresh_from_db()
        self._follow(import_job)
        self._print_result(import_job)

    def _follow(self, import_job: Import) -> None:
        printed = ""
        while import_job.status in OPEN_STATUSES:
            tasks.import_batch(str(import_job.pk))  # does nothing while a worker has claimed the row
            import_job.refresh_from_db()
            label = progress.progress_of(import_job, selectors.file_counts(import_job)).label
            if label != printed:
                self.stdout.write(label)
            if import_job.status == JobStatus.RUNNING:
                time.sleep(POLL_SECONDS)
            printed = label

    def _print_content(
        self, importer: str, collection: str, files: list[ImportedFile], exclusions: list[dict[str, Any]]
    ) -> None:
        self.stdout.write(f"{collection} ({importer})")
        for finding in sorted({file.finding for file in files}):
            same = [file for file in files if file.finding == finding]
            patients = len({file.patient_ref for file in same})
            self.stdout.write(f"  {len(same):6} {finding}, {patients} patients")
        for exclusion in exclusions:
            reason = errors.exclusion_text(exclusion["reason"])
            self.stdout.write(f"  {exclusion['count']:6} excluded. {reason}")

    def _print_result(self, import_job: Import) -> None:
        counts = selectors.file_counts(import_job)
        self.stdout.write(
            f"Import {import_job.number}: {counts[FileStatus.IMPORTED]} imported, "
            f"{counts[FileStatus.DUPLICATE]} already present, {counts[FileStatus.UNUSABLE]} not usable, "
            f"{counts[FileStatus.PENDING]} pending."
        )
        for file in selectors.unusable_files(import_job)[:MAX_LISTED]:
            self.stdout.write(f"  {file.path}: {errors.file_error_text(file.code)}")
        if import_job.status == JobStatus.FAILED:
            raise CommandError(errors.failure_text(import_job.failure_code))


def _administrator(username: str) -> User:
    administrators = User.objects.filter(is_active=True, role=Role.ADMINISTRATOR).order_by("pk")
    user = administrators.filter(username=username).first() if username else administrators.first()
    if user is None:
        raise CommandError("No such administrator. Create one with `manage.py create_staff`.")
    return user


def _site(name: str) -> Site:
    if not name:
        return accounts.default_site()
    site = Site.objects.filter(name=name).first()
    if site is None:
        raise CommandError(f"There is no site named {name}.")
    return site
