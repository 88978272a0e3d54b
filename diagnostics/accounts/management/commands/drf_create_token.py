"""`manage.py drf_create_token`: create an API token for a script."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.accounts import roles
from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Scope
from diagnostics.accounts.services import tokens


class Command(BaseCommand):
    help = "Create an API token and print it; it cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the user name, and the name, the scopes and the lifetime of the token."""
        parser.add_argument("username")
        parser.add_argument("-r", "--reset", action="store_true", help="revoke the user's other tokens")
        parser.add_argument("--name", default="Command line")
        parser.add_argument(
            "--scope", action="append", choices=Scope.values, help="default: all of the role but identifiers"
        )
        parser.add_argument("--days", type=int, default=tokens.DEFAULT_DAYS)

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        """Create the token for an active user."""
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active account {username}.")
        now, scopes = timezone.now(), options["scope"] or roles.default_scopes(user.role)
        if options["reset"]:
            tokens.revoke_token(by=user, now=now)
        key = tokens.create_token(by=user, now=now, name=options["name"], scopes=scopes, days=options["days"])
        self.stdout.write(f"Generated token {key} for user {username}")
