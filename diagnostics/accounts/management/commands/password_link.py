"""`manage.py password_link`: create a link with which a user sets a new password."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.accounts.services import passwords


class Command(BaseCommand):
    help = "Print the path of a link with which a user sets a new password, once and within four hours."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the user name."""
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        """Create the link for an active user."""
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active account {username}.")
        self.stdout.write(passwords.create_password_link(user=user, by=None, now=timezone.now()))
