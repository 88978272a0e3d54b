"""`manage.py import_cases`: bring a labelled collection in from the command line."""

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
from diagnostics.imports.models import Import, ImportedFile
from diagnostics.imports.options import LONGEST_NAME, ImportOptions, tidy
from diagnostics.imports.presenters import progress
from diagnostics.imports.services import import_control, scans
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus

LOOK_EVERY: Final = 0.5  # seconds, while a worker has the import
SHOWN: Final = 20  # bad radiographs


class Command(BaseCommand):
    help = (
        "Bring a labelled collection in: a folder, a table (CSV) or a ZIP. It works by itself, and together "
        "with the workers of a running Readroom, which go on with it after Ctrl-C. A radiograph comes in once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the collection and what is wished of it."""
        parser.add_argument("path", type=Path)
        parser.add_argument("--name", default="", help="of a collection that has none of its own")
        parser.add_argument("--label-source", default="", help="who gave the findings, in words")
        parser.add_argument("--site", default="", help="its name; else the default site")
        parser.add_argument("--by", default="", help="an administrator; else the first one")
        parser.add_argument(
            "--cohen", type=Path, help="Cohen's collection, which knows DarkCovidNet's patients"
        )
        parser.add_argument(
            "--all-views", action="store_true", help="lateral radiographs and unknown views too"
        )
        parser.add_argument(
            "--limit", type=int, default=0, help="so many radiographs, of every finding alike"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what is there and write nothing")

    def handle(self, *args: Any, path: Path, dry_run: bool, **wanted: Any) -> None:
        """Look the collection through, then bring it in unless this is a dry run."""
        path = path.expanduser().resolve()
        if not path.exists():
            raise CommandError(f"There is nothing at {path}.")
        wishes = ImportOptions(
            name=tidy(wanted["name"], LONGEST_NAME),
            label_source=wanted["label_source"],
            all_views=wanted["all_views"],
            limit=max(0, wanted["limit"]),
        )
        try:
            if dry_run:
                self._only_look(path, wishes, wanted["cohen"])
            else:
                self._bring_in(path, wishes, wanted)
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal

    def _only_look(self, path: Path, wishes: ImportOptions, cohen: Path | None) -> None:
        with tempfile.TemporaryDirectory() as room:
            found = scan.scan_collection(path, wishes, origin=path.name, unpack_into=Path(room), cohen=cohen)
        self._say_what_is_there(found.kind, found.collection, found.files, found.left_out)
        self.stdout.write("A dry run: nothing was written.")

    def _bring_in(self, path: Path, wishes: ImportOptions, wanted: dict[str, Any]) -> None:
        by, site = _administrator(wanted["by"]), _site(wanted["site"])
        importing = scans.scan_path(
            collection=path,
            origin=path.name,
            cohen=wanted["cohen"],
            wishes=wishes,
            site=site,
            by=by,
            now=timezone.now(),
        )
        files = list(importing.files.all())
        self._say_what_is_there(importing.kind, importing.collection, files, importing.left_out)
        import_control.start_import(importing=importing, by=by, now=timezone.now())
        importing.refresh_from_db()
        self._follow(importing)
        self._say_how_it_ended(importing)

    def _follow(self, importing: Import) -> None:
        said = ""
        while importing.status in OPEN_STATUSES:
            tasks.import_batch(str(importing.pk))  # does nothing while a worker has the row
            importing.refresh_from_db()
            words = progress.progress_of(importing, selectors.endings(importing)).words
            if words != said:
                self.stdout.write(words)
            if importing.status == JobStatus.RUNNING:
                time.sleep(LOOK_EVERY)
            said = words

    def _say_what_is_there(
        self, kind: str, collection: str, files: list[ImportedFile], left_out: list[dict[str, Any]]
    ) -> None:
        self.stdout.write(f"{collection} ({kind})")
        for finding in sorted({file.finding for file in files}):
            same = [file for file in files if file.finding == finding]
            patients = len({file.patient_ref for file in same})
            self.stdout.write(f"  {len(same):6} {finding}, {patients} patients")
        for left in left_out:
            self.stdout.write(f"  {left['count']:6} left out. {errors.exclusion_text(left['reason'])}")

    def _say_how_it_ended(self, importing: Import) -> None:
        came = selectors.endings(importing)
        self.stdout.write(
            f"Import {importing.number}: {came['opened']} brought in, {came['linked']} already here, "
            f"{came['refused']} not usable, {came['waiting']} waiting."
        )
        for file in selectors.refused(importing)[:SHOWN]:
            self.stdout.write(f"  {file.path}: {errors.file_error_text(file.code)}")
        if importing.status == JobStatus.FAILED:
            raise CommandError(errors.failure_text(importing.failure_code))


def _administrator(username: str) -> User:
    staff = User.objects.filter(is_active=True, role=Role.ADMINISTRATOR).order_by("pk")
    found = staff.filter(username=username).first() if username else staff.first()
    if found is None:
        raise CommandError("There is no such administrator. Hire one with `manage.py create_staff`.")
    return found


def _site(name: str) -> Site:
    if not name:
        return accounts.default_site()
    site = Site.objects.filter(name=name).first()
    if site is None:
        raise CommandError(f"There is no site called {name}.")
    return site
