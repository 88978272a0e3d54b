"""`manage.py watch_folder`: admit the radiographs that other systems put into a folder."""

from __future__ import annotations

import logging
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.integrations import watched_files
from diagnostics.integrations.errors.watched_folder import FolderInUse
from diagnostics.integrations.services import watched_folder
from diagnostics.integrations.services.watched_folder import TryLater

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Admit the radiographs and ZIPs of READROOM_WATCHED_FOLDER until the process is stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add --once."""
        parser.add_argument("--once", action="store_true", help="take what lies there now, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        """Look at the folder every few seconds; a file that has not changed in between is complete."""
        folder = _folder()
        try:
            with watched_files.exclusive(folder):
                self._watch(folder, once=once)
        except FolderInUse:
            raise CommandError(f"Another process watches {folder}.") from None

    def _watch(self, folder: Path, *, once: bool) -> None:
        before = watched_files.sizes(folder)
        while True:
            time.sleep(settings.WATCHED_FOLDER_SECONDS)
            try:
                before = watched_folder.take_all(
                    folder=folder, before=before, by=_account(), clock=timezone.now
                )
            except TryLater as error:
                logger.warning("the watched folder is tried again: %s", error)
                continue
            except (OperationalError, InterfaceError):
                logger.warning("the watched folder is tried again: the database is unavailable")
                connections.close_all()
                continue
            if once:
                return


def _folder() -> Path:
    if not settings.WATCHED_FOLDER:
        raise CommandError("READROOM_WATCHED_FOLDER names no folder.")
    folder = Path(settings.WATCHED_FOLDER)
    if not folder.is_dir():
        raise CommandError(f"READROOM_WATCHED_FOLDER is no folder: {folder}")
    return folder


def _account() -> User:
    account = User.objects.filter(username=settings.WATCHED_FOLDER_USER).first()
    if account is None or not account.has_permission(Permission.UPLOAD) or not account.sites.exists():
        raise CommandError(
            "READROOM_WATCHED_FOLDER_USER must name an active account that may upload and has a site."
        )
    return account
