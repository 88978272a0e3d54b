"""`manage.py prune_audit`: remove the audit events that are older than the retention."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.audit.services import retention
from diagnostics.errors import DomainError


class Command(BaseCommand):
    help = (
        "Remove the audit events older than READROOM_AUDIT_YEARS. A checkpoint and an event say who did so, "
        "and the rest of the chain verifies as before."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add who signs off the removal, why, and the preview."""
        parser.add_argument("--by", required=True, help="user name of the administrator who signs off")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--dry-run", action="store_true", help="only print the number of events")

    def handle(self, *args: Any, by: str, reason: str, dry_run: bool, **options: Any) -> None:
        """Prune, or print what pruning would remove."""
        now = timezone.now()
        if dry_run:
            position, count = retention.expired_prefix(now=now)
            self.stdout.write(f"{count} events have expired, up to position {position}")
            return
        user = get_user_model().objects.filter(username=by).first()
        if user is None or not user.has_permission("audit"):
            raise CommandError(f"{by} is not an administrator with permission to view the audit log.")
        try:
            checkpoint = retention.prune(by=user, reason=reason, now=now)
        except DomainError as error:
            raise CommandError(str(error)) from error
        removed = checkpoint.events if checkpoint else 0
        self.stdout.write(f"{removed} events removed")
