"""`manage.py create_staff`: create a staff account, for example the first administrator."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from diagnostics.accounts import services
from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Role


class Command(BaseCommand):
    help = (
        "Create a staff account at the default site. The password is read from the terminal or from a pipe."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the user name and the role."""
        parser.add_argument("username")
        parser.add_argument("--role", choices=Role.values, required=True)

    @transaction.atomic
    def handle(self, *args: Any, username: str, role: str, **options: Any) -> None:
        """Check the password by the rules of the password page, then create the account."""
        if User.objects.filter(username=username).exists():
            raise CommandError(f"The account {username} already exists.")
        password = getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            validate_password(password, User(username=username))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        site = services.get_or_create_default_site()
        services.create_staff(
            username=username, password=password, role=role, sites=[site], now=timezone.now()
        )
        self.stdout.write(f"Created account {username} with role {role} at site {site}.")
