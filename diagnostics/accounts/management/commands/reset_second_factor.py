"""`manage.py reset_second_factor`: remove the second factors of the last administrator who lost them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.accounts.services import second_factor


class Command(BaseCommand):
    help = "Remove the second factors of an account and end its sessions and API tokens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the user name."""
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        """Reset the account; the audit log names no user for a command of the host."""
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no account {username}.")
        second_factor.reset_factors(user=user, by=None, now=timezone.now())
        self.stdout.write(f"The second factors of {username} were removed.")
